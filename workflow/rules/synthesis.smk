# Videos from photographs by 3D camera motion.
rule synthesize:
    input:
        table=ancient(DATASET.items("{shard}")),
        depth=DATASET.shard("depth", "{shard}"),
    output:
        DATASET.shard("frames", "{shard}"),
    log:
        RESULTS.log("synthesize", "{dataset}-{shard}"),
    benchmark:
        RESULTS.job_time("synthesize", "{dataset}-{shard}")
    wildcard_constraints:
        dataset=jobs.datasets_with(stages.SYNTHESIZE, DATASETS),
    conda:
        "../../envs/i2vadapt.yaml"
    threads: stages.SYNTHESIZE.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=settings_of(stages.SYNTHESIZE),
        depth=settings_of(stages.DEPTH),
        failed=failed_share,
        version=stages.SYNTHESIZE.version,
    shell:
        "PYTHONPATH=src python -m i2vadapt synthesize --items {input.table:q} --depth {input.depth:q}"
        " --out {output:q} --settings {params.settings:q} --depth-settings {params.depth:q}"
        " --max-failed-share {params.failed} --workers {threads} 2>&1 | tee {log:q}"
