# Training of one run with one seed: a network, and its scores of the target's videos after every scored epoch.
rule train:
    input:
        unpack(of("run", jobs.train_inputs)),
    output:
        checkpoint=RUN.checkpoint,
        metrics=RUN.metrics,
        settings=RUN.settings,
        scores=RUN.scores_index,
    log:
        RESULTS.log("train", "{benchmark}-{run}-{seed}"),
    benchmark:
        RESULTS.job_time("train", "{benchmark}-{run}-{seed}")
    conda:
        "../../envs/i2vadapt.yaml"
    threads: stages.TRAIN.threads
    resources:
        gpu=stages.TRAIN.gpu,
        mem_mb=growing(24000),
        runtime=growing(480),
        slurm_extra="--signal=TERM@120",  # two minutes before the time limit: time to save the step in hand
    params:
        options=of("run", jobs.train_options),
        folder=subpath(output.checkpoint, parent=True),
        launcher=launcher,
        version=stages.TRAIN.version,
    # SLURM signals every process of a job: shell and tee must wait while training saves, or it is killed with them.
    shell:
        "trap '' TERM; PYTHONPATH=src {params.launcher} python -m i2vadapt train {params.options:q} --seed {wildcards.seed}"
        " --out {params.folder:q} --gpus {resources.gpu} 2>&1 | tee {log:q}"
