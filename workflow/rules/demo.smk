# The demo benchmark: rendered photographs and videos.
rule demo_data:
    output:
        DEMO_INDEX,
    log:
        RESULTS.log("demo_data", "demo"),
    benchmark:
        RESULTS.job_time("demo_data", "demo")
    conda:
        "../../envs/i2vadapt.yaml"
    threads: stages.DEMO.threads
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        folder=subpath(output[0], parent=True),
        seed=DEMO["seed"],
        photographs=DEMO["photographs"],
        videos=DEMO["videos"],
        version=DEMO["version"],
    shell:
        "PYTHONPATH=src python -m i2vadapt demo --out {params.folder:q} --seed {params.seed}"
        " --photographs {params.photographs} --videos {params.videos} --workers {threads} 2>&1 | tee {log:q}"
