# Target videos to frames.
rule decode:
    input:
        table=table_of,
    output:
        DATASET.shard("frames", "{shard}"),
    log:
        RESULTS.log("decode", "{dataset}-{shard}"),
    benchmark:
        RESULTS.job_time("decode", "{dataset}-{shard}")
    wildcard_constraints:
        dataset=jobs.datasets_with(stages.DECODE, DATASETS),
    conda:
        "../../envs/i2vadapt.yaml"
    threads: stages.DECODE.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=settings_of(stages.DECODE),
        failed=failed_share,
        contents=contents_of,
        version=stages.DECODE.version,
    shell:
        "PYTHONPATH=src python -m i2vadapt decode --items {input.table:q} --out {output:q}"
        " --settings {params.settings:q} --max-failed-share {params.failed} --workers {threads} 2>&1 | tee {log:q}"
