# Target videos to frames.
rule decode:
    input:
        table=table_of,
    output:
        update(f"{DATASET}/frames/{{shard}}.h5"),
    log:
        f"{RESULTS}/logs/decode/{{dataset}}-{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/decode/{{dataset}}-{{shard}}.tsv"
    wildcard_constraints:
        dataset=frames_made_by("target"),
    conda:
        "../../envs/i2vadapt.yaml"
    threads: 4
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=settings_of("decode"),
        failed=failed_share,
        contents=items_of,
        version=versions.DECODE,
    shell:
        "PYTHONPATH=src python -m i2vadapt decode --items {input.table:q} --out {output:q}"
        " --settings {params.settings:q} --max-failed-share {params.failed} --workers {threads} 2>&1 | tee {log:q}"
