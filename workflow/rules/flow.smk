# Flow of every consecutive pair of frames: TV-L1 of source and target alike, or the exact flow of generated videos.
rule flow:
    input:
        frames=DATASET.shard("frames", "{shard}"),
        depth=depth_for_flow,
    output:
        DATASET.shard("flow", "{shard}"),
    log:
        RESULTS.log("flow", "{dataset}-{shard}"),
    benchmark:
        RESULTS.job_time("flow", "{dataset}-{shard}")
    conda:
        "../../envs/i2vadapt.yaml"
    threads: stages.FLOW.threads
    resources:
        gpu=stages.FLOW.gpu,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=settings_of(stages.FLOW),
        depth=lambda wildcards, input: ["--depth", *input.depth] if input.depth else [],
        failed=failed_share,
        version=stages.FLOW.version,
    shell:
        "PYTHONPATH=src python -m i2vadapt flow --frames {input.frames:q} {params.depth:q} --out {output:q}"
        " --settings {params.settings:q} --max-failed-share {params.failed} --workers {threads} --gpus {resources.gpu} 2>&1 | tee {log:q}"
