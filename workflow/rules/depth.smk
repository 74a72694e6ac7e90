# Depth of photographs.
rule depth:
    input:
        table=table_of,
        checkpoint=depth_checkpoint,
    output:
        f"{DATASET}/depth/{{shard}}.h5",
    log:
        f"{RESULTS}/logs/depth/{{dataset}}-{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/depth/{{dataset}}-{{shard}}.tsv"
    conda:
        "../../envs/i2vadapt.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=growing(12000),
        runtime=growing(240),
    params:
        settings=settings_of("depth"),
        failed=failed_share,
        contents=items_of,
        version=versions.DEPTH,
    shell:
        "PYTHONPATH=src python -m i2vadapt depth --items {input.table:q} --out {output:q}"
        " --settings {params.settings:q} --max-failed-share {params.failed} --gpus {resources.gpu} 2>&1 | tee {log:q}"
