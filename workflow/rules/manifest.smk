# Items, labels, exclusions. One rule a dataset, because the number of tables is the dataset's number of shards.
for name, dataset in DATASETS.items():

    rule:
        name:
            f"manifest_{name}"
        input:
            generated=[DEMO_INDEX] if dataset.spec.generated else [],
        output:
            manifest=update(f"{RESULTS}/datasets/{name}/manifest.csv"),
            excluded=update(f"{RESULTS}/datasets/{name}/excluded.csv"),
            contents=update(f"{RESULTS}/datasets/{name}/contents.txt"),
            tables=[
                update(f"{RESULTS}/datasets/{name}/items/{shard_name(index)}.csv")
                for index in range(dataset.spec.shards)
            ],
        log:
            f"{RESULTS}/logs/manifest/{name}.log",
        benchmark:
            f"{RESULTS}/benchmarks/manifest/{name}.tsv"
        conda:
            "../../envs/i2vadapt.yaml"
        threads: 4
        resources:
            mem_mb=growing(4000),
            runtime=growing(60),
        params:
            benchmark=file_of(name),
            side=dataset.side,
            min_frames=dataset.definition["min_frames"],
            folder=subpath(output.manifest, parent=True),
            definition=definition(name),
            contents=CONTENTS[name],
            records=recorded(name),
            version=versions.MANIFEST,
        shell:
            "PYTHONPATH=src python -m i2vadapt manifest --benchmark {params.benchmark:q} --side {params.side}"
            " --min-frames {params.min_frames} --out {params.folder:q} 2>&1 | tee {log:q}"
            " && printf '%s\\n' {params.records} > {output.contents:q}"
