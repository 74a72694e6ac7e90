# Targets only; the rules are in workflow/rules, one file a stage.
from snakemake.utils import min_version

min_version("9.19")


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/demo.smk"
include: "workflow/rules/weights.smk"
include: "workflow/rules/manifest.smk"
include: "workflow/rules/depth.smk"
include: "workflow/rules/synthesis.smk"
include: "workflow/rules/crop.smk"
include: "workflow/rules/decode.smk"
include: "workflow/rules/flow.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/fuse.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/experiments.smk"


localrules:
    all,
    datasets,


onstart:
    prepare_outputs(RESULTS, workflow.dag.needrun_jobs())


onsuccess:
    end_run()


onerror:
    mark_incomplete(workflow.persistence, workflow.dag.needrun_jobs())


rule all:
    default_target: True
    input:
        [RESULTS.report(name).page for name in BENCHMARKS],
        UNFINISHED,  # of an earlier run, even where nothing else seems to need them


rule datasets:
    input:
        [
            jobs.last_shards(RESULTS, dataset)
            for dataset in jobs.read_datasets(BENCHMARKS.values(), DATASETS)
        ],
        [path for path in UNFINISHED if path.suffix == SHARD_SUFFIX],
