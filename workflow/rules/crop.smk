# Videos of crops of photographs, around what a classifier of photographs looks at; no depth.
rule crop:
    input:
        table=table_of,
        classifier=crop_classifier,
    output:
        DATASET.shard("frames", "{shard}"),
    log:
        RESULTS.log("crop", "{dataset}-{shard}"),
    benchmark:
        RESULTS.job_time("crop", "{dataset}-{shard}")
    wildcard_constraints:
        dataset=jobs.datasets_with(stages.CROP, DATASETS),
    conda:
        "../../envs/i2vadapt.yaml"
    threads: stages.CROP.threads
    resources:
        gpu=stages.CROP.gpu,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=settings_of(stages.CROP),
        failed=failed_share,
        contents=contents_of,
        version=stages.CROP.version,
    shell:
        "PYTHONPATH=src python -m i2vadapt crop --items {input.table:q} --classifier {input.classifier:q}"
        " --out {output:q} --settings {params.settings:q} --max-failed-share {params.failed} --workers {threads}"
        " --gpus {resources.gpu} 2>&1 | tee {log:q}"
