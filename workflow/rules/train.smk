# Training of one method with one seed, and its predictions.
rule train:
    input:
        shards=training_shards,
        weights=initial_weights,
        manifests=manifests_of,
    output:
        checkpoint=update(f"{RUN}/checkpoint.pt"),
        metrics=update(f"{RUN}/metrics.csv"),
        settings=update(f"{RUN}/settings.yaml"),
    log:
        f"{RESULTS}/logs/train/{{benchmark}}-{{method}}-{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{benchmark}}-{{method}}-{{seed}}.tsv"
    conda:
        "../../envs/i2vadapt.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=growing(24000),
        runtime=growing(480),
        slurm_extra="--signal=TERM@120",  # two minutes before the time limit: time to save the step in hand
    params:
        source=domain_folder("source"),
        target=domain_folder("target"),
        classes=lambda wildcards: list(
            BENCHMARKS[wildcards.benchmark].benchmark.classes
        ),
        settings=lambda wildcards: training_of(wildcards).model_dump_json(),
        folder=subpath(output.checkpoint, parent=True),
        launcher=task_on_each_node,
        version=versions.TRAIN,
    # SLURM signals every process of a job: shell and tee must wait while training saves, or it is killed with them.
    shell:
        "trap '' TERM; PYTHONPATH=src {params.launcher} python -m i2vadapt train --source {params.source:q} --target {params.target:q}"
        " --classes {params.classes:q} --seed {wildcards.seed} --settings {params.settings:q}"
        " --out {params.folder:q} --gpus {resources.gpu} 2>&1 | tee {log:q}"


rule evaluate:
    input:
        checkpoint=f"{RUN}/checkpoint.pt",
    output:
        f"{RUN}/predictions.csv",
    log:
        f"{RESULTS}/logs/evaluate/{{benchmark}}-{{method}}-{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{{benchmark}}-{{method}}-{{seed}}.tsv"
    conda:
        "../../envs/i2vadapt.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=growing(16000),
        runtime=growing(120),
    params:
        target=domain_folder("target"),
        version=versions.EVALUATE,
    shell:
        "PYTHONPATH=src python -m i2vadapt evaluate --checkpoint {input.checkpoint:q} --target {params.target:q}"
        " --out {output:q} --gpus {resources.gpu} 2>&1 | tee {log:q}"
