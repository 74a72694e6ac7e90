# Depth of photographs, and the published weights of its networks.
localrules:
    depth_weights,


# Weights that are here, downloaded or brought by hand, are plain files: a change of the rule fetches nothing again.
rule depth_weights:
    output:
        jobs.published_depth_weights("{network}"),
    log:
        RESULTS.log("depth_weights", "{network}"),
    wildcard_constraints:
        network="|".join(jobs.missing_depth_weights(DATASETS.values())) or "none",
    conda:
        "../../envs/i2vadapt.yaml"
    shell:
        "PYTHONPATH=src python -m i2vadapt download depth {wildcards.network:q} --out {output:q} 2>&1 | tee {log:q}"


rule depth:
    input:
        table=table_of,
        checkpoint=checkpoint_of,
    output:
        DATASET.shard("depth", "{shard}"),
    log:
        RESULTS.log("depth", "{dataset}-{shard}"),
    benchmark:
        RESULTS.job_time("depth", "{dataset}-{shard}")
    conda:
        "../../envs/i2vadapt.yaml"
    threads: stages.DEPTH.threads
    resources:
        gpu=stages.DEPTH.gpu,
        mem_mb=growing(12000),
        runtime=growing(240),
    params:
        settings=settings_of(stages.DEPTH),
        failed=failed_share,
        contents=contents_of,
        version=stages.DEPTH.version,
    shell:
        "PYTHONPATH=src python -m i2vadapt depth --items {input.table:q} --out {output:q}"
        " --settings {params.settings:q} --max-failed-share {params.failed} --gpus {resources.gpu} 2>&1 | tee {log:q}"
