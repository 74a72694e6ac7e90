# The paper's tables and figures: a target for each document of workflow/experiments, of the configured benchmarks.
for TAKEN in EXPERIMENTS.keys() & {"paper", *(rule.name for rule in workflow.rules)}:
    raise WorkflowError(
        f"workflow/experiments/{TAKEN}.yaml: {TAKEN} is the name of a rule; rename the file"
    )

PAPER = [name for name, experiment in EXPERIMENTS.items() if experiment.paper]


localrules:
    paper,


for EXPERIMENT in EXPERIMENTS:

    rule:
        name:
            EXPERIMENT
        input:
            unpack(experiment_inputs(EXPERIMENT)),
        output:
            experiment_files(EXPERIMENT),
        log:
            RESULTS.log("experiment", EXPERIMENT),
        benchmark:
            RESULTS.job_time("experiment", EXPERIMENT)
        localrule: True
        conda:
            "../../envs/i2vadapt.yaml"
        threads: stages.EXPERIMENT.threads
        params:
            file=recorded(str(WORKFLOW / "experiments" / f"{EXPERIMENT}.yaml")),
            content=EXPERIMENTS[EXPERIMENT].model_dump_json(),
            methods=recorded(str(WORKFLOW / "methods.yaml")),
            published=recorded(str(WORKFLOW / "published.yaml")),
            printed=file_digest(WORKFLOW / "published.yaml"),
            results=recorded(CONFIG.results),
            benchmarks=benchmark_files,
            seeds=CONFIG.seeds,
            folder=subpath(output[0], parent=True),
            version=stages.EXPERIMENT.version,
        shell:
            "PYTHONPATH=src python -m i2vadapt experiment {params.file:q} --methods {params.methods:q}"
            " --published {params.published:q} --benchmarks {params.benchmarks:q} --seeds {params.seeds}"
            " --results {params.results:q} --out {params.folder:q} 2>&1 | tee {log:q}"


rule paper:
    input:
        [experiment_files(name) for name in PAPER],
