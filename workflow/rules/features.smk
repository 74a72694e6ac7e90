# Pooled features by the network of a run, for the methods that classify features.
rule features:
    input:
        unpack(of("run", jobs.features_inputs)),
    output:
        RESULTS.features("{benchmark}", "{run}", "{seed}"),
    log:
        RESULTS.log("features", "{benchmark}-{run}-{seed}"),
    benchmark:
        RESULTS.job_time("features", "{benchmark}-{run}-{seed}")
    conda:
        "../../envs/i2vadapt.yaml"
    threads: stages.FEATURES.threads
    resources:
        gpu=stages.FEATURES.gpu,
        mem_mb=growing(16000),
        runtime=growing(240),
    params:
        options=of("run", jobs.features_options),
        version=stages.FEATURES.version,
    shell:
        "PYTHONPATH=src python -m i2vadapt features {params.options:q} --out {output:q} --gpus {resources.gpu}"
        " 2>&1 | tee {log:q}"


# The same of generated and real videos, for the figures of features.
use rule features as video_features with:
    input:
        unpack(of("run", jobs.video_features_inputs)),
    output:
        RESULTS.video_features("{benchmark}", "{run}", "{seed}"),
    log:
        RESULTS.log("video_features", "{benchmark}-{run}-{seed}"),
    benchmark:
        RESULTS.job_time("video_features", "{benchmark}-{run}-{seed}")
    params:
        options=of("run", jobs.video_features_options),
        version=stages.FEATURES.version,
