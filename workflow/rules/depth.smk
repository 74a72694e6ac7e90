# Depth of photographs, and the published weights of its networks.
localrules:
    depth_weights,


# Weights that are here, downloaded or brought by hand, are plain files: a change of the rule fetches nothing again.
rule depth_weights:
    output:
        "weights/{network}.pt",
    log:
        f"{RESULTS}/logs/depth_weights-{{network}}.log",
    wildcard_constraints:
        network="|".join(missing_depth_weights()) or "none",
    conda:
        "../../envs/i2vadapt.yaml"
    shell:
        "PYTHONPATH=src python -m i2vadapt download depth {wildcards.network:q} --out {output:q} 2>&1 | tee {log:q}"


rule depth:
    input:
        table=table_of,
        checkpoint=depth_checkpoint,
    output:
        update(f"{DATASET}/depth/{{shard}}.h5"),
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
