# Late fusion: the class probabilities of a method's runs are added. Seconds, so that it needs no job of a cluster.
localrules:
    fuse,


rule fuse:
    input:
        scores=of_method(jobs.fuse_inputs),
    output:
        predictions=METHOD.predictions,
        description=METHOD.description,
    log:
        RESULTS.log("fuse", "{benchmark}-{method}-{seed}"),
    benchmark:
        RESULTS.job_time("fuse", "{benchmark}-{method}-{seed}")
    conda:
        "../../envs/i2vadapt.yaml"
    threads: stages.FUSE.threads
    params:
        options=of_method(jobs.fuse_options),
        folder=subpath(output.predictions, parent=True),
        version=stages.FUSE.version,
    shell:
        "PYTHONPATH=src python -m i2vadapt fuse {params.options:q} --out {params.folder:q} 2>&1 | tee {log:q}"
