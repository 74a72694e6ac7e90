# Videos from photographs by 3D camera motion.
rule synthesize:
    input:
        table=ancient(f"{DATASET}/items/{{shard}}.csv"),
        depth=f"{DATASET}/depth/{{shard}}.h5",
    output:
        update(f"{DATASET}/frames/{{shard}}.h5"),
    log:
        f"{RESULTS}/logs/synthesize/{{dataset}}-{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/synthesize/{{dataset}}-{{shard}}.tsv"
    wildcard_constraints:
        dataset=frames_made_by("source"),
    conda:
        "../../envs/i2vadapt.yaml"
    threads: 4
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=settings_of("synthesis"),
        depth=settings_of("depth"),
        failed=failed_share,
        version=versions.SYNTHESIZE,
    shell:
        "PYTHONPATH=src python -m i2vadapt synthesize --items {input.table:q} --depth {input.depth:q}"
        " --out {output:q} --settings {params.settings:q} --depth-settings {params.depth:q}"
        " --max-failed-share {params.failed} --workers {threads} 2>&1 | tee {log:q}"
