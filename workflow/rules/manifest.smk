# Items, labels, exclusions. One rule a dataset, because the number of tables is the dataset's number of shards.
for name, dataset in DATASETS.items():
    folder = RESULTS.dataset(name)

    rule:
        name:
            f"manifest_{name}"
        input:
            generated=[DEMO_INDEX] if dataset.spec.generated else [],
        output:
            manifest=folder.manifest,
            excluded=folder.excluded,
            contents=folder.contents,
            tables=[
                folder.items(shard_name(index)) for index in range(dataset.spec.shards)
            ],
        log:
            RESULTS.log("manifest", name),
        benchmark:
            RESULTS.job_time("manifest", name)
        conda:
            "../../envs/i2vadapt.yaml"
        threads: stages.MANIFEST.threads
        resources:
            mem_mb=growing(4000),
            runtime=growing(60),
        params:
            benchmark=recorded(str(dataset.file)),  # a project that is moved to another folder reruns nothing
            side=dataset.side,
            min_frames=dataset.definition["min_frames"],
            folder=subpath(output.manifest, parent=True),
            definition=trigger(name, "definition"),
            contents=trigger(name, "contents"),
            records=records_of(name),
            version=stages.MANIFEST.version,
        shell:
            "PYTHONPATH=src python -m i2vadapt manifest --benchmark {params.benchmark:q} --side {params.side}"
            " --min-frames {params.min_frames} --out {params.folder:q} --fingerprints {params.records} 2>&1 | tee {log:q}"
