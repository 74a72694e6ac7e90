# Flow of every consecutive pair of frames: TV-L1 of source and target alike, or the exact flow of generated videos.
rule flow:
    input:
        frames=f"{DATASET}/frames/{{shard}}.h5",
        depth=depth_behind_flow,
    output:
        update(f"{DATASET}/flow/{{shard}}.h5"),
    log:
        f"{RESULTS}/logs/flow/{{dataset}}-{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/flow/{{dataset}}-{{shard}}.tsv"
    conda:
        "../../envs/i2vadapt.yaml"
    threads: 4
    resources:
        gpu=0,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=flow_settings,
        depth=lambda wildcards, input: ["--depth", *input.depth] if input.depth else [],
        failed=failed_share,
        version=versions.FLOW,
    shell:
        "PYTHONPATH=src python -m i2vadapt flow --frames {input.frames:q} {params.depth:q} --out {output:q}"
        " --settings {params.settings:q} --max-failed-share {params.failed} --workers {threads} --gpus {resources.gpu} 2>&1 | tee {log:q}"
