# The demo benchmark: rendered photographs and videos.
rule demo_data:
    output:
        DEMO_INDEX,
    log:
        f"{RESULTS}/logs/demo_data.log",
    benchmark:
        f"{RESULTS}/benchmarks/demo_data/demo.tsv"
    conda:
        "../../envs/i2vadapt.yaml"
    threads: 8
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        folder=subpath(output[0], parent=True),
        seed=config_of_demo()["seed"],
        photographs=config_of_demo()["photographs"],
        videos=config_of_demo()["videos"],
        version=versions.DEMO,
    shell:
        "PYTHONPATH=src python -m i2vadapt demo --out {params.folder:q} --seed {params.seed}"
        " --photographs {params.photographs} --videos {params.videos} --workers {threads} 2>&1 | tee {log:q}"
