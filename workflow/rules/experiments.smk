# The paper's tables and figures: a target for each document of workflow/experiments, of the configured benchmarks.
for TAKEN in EXPERIMENTS.keys() & {"paper", *(rule.name for rule in workflow.rules)}:
    raise WorkflowError(
        f"workflow/experiments/{TAKEN}.yaml: {TAKEN} is the name of a rule; rename the file"
    )

PAPER = [name for name, experiment in EXPERIMENTS.items() if experiment.paper]


localrules:
    paper,


def files_of(name):
    """Files of a table or figure."""
    folder = RESULTS.experiment(name, BENCHMARKS)
    return [folder.file(suffix) for suffix in EXPERIMENTS[name].suffixes]


def experiment_inputs(name):
    """Input function: what a table or figure is made from. Only the coordinator knows that it was asked for."""

    def inputs(wildcards):
        return jobs.experiment_inputs(
            EXPERIMENTS[name], BENCHMARKS.values(), CONFIG.seeds, RESULTS
        )

    return inputs


def benchmark_files(wildcards, output):
    """Files of all benchmarks; excluded from the rerun triggers, so that a project can be moved to another folder."""
    return [str(part.file) for part in BENCHMARKS.values()]


for EXPERIMENT in EXPERIMENTS:

    rule:
        name:
            EXPERIMENT
        input:
            unpack(experiment_inputs(EXPERIMENT)),
        output:
            files_of(EXPERIMENT),
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
        [files_of(name) for name in PAPER],
