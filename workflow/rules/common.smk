# Reads config.yaml, the benchmark files and methods.yaml once, and hands the rules' wildcards to the package, where the
# logic is: i2vadapt.pipeline.jobs and i2vadapt.pipeline.fingerprints.
#
# Outputs are not marked `update`: a failed job must leave none behind, see i2vadapt.pipeline.outputs.
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

WORKFLOW = Path(workflow.basedir, "workflow")
sys.path.insert(0, str(Path(workflow.basedir, "src")))

from i2vadapt.pipeline.interpreter import put_interpreter_on_path, what_is_missing

try:
    from i2vadapt import stages
    from i2vadapt.config.experiments import load_experiments
    from i2vadapt.config.networks import TORCHVISION_NETWORKS, TORCHVISION_WEIGHTS
    from i2vadapt.config.datasets import check_folders, load_datasets
    from i2vadapt.config.resolve import read_config
    from i2vadapt.errors import UserError
    from i2vadapt.files.digests import file_digest
    from i2vadapt.layout import SHARD_SUFFIX, Results, shard_name
    from i2vadapt.pipeline import fingerprints, jobs
    from i2vadapt.pipeline.outputs import (
        mark_incomplete,
        note_finished,
        prepare_outputs,
        unfinished_outputs,
    )
except ImportError as error:
    if reason := what_is_missing(error):
        raise WorkflowError(reason) from None
    raise

IS_COORDINATOR = workflow.is_main_process  # a job of a cluster reads this file as well
put_interpreter_on_path()
try:
    CONFIG, parts = read_config(config, WORKFLOW, workflow.configfiles)
    BENCHMARKS = {part.benchmark.name: part for part in parts}
    DATASETS = load_datasets(BENCHMARKS.values())
    EXPERIMENTS = load_experiments(WORKFLOW / "experiments")
    if IS_COORDINATOR:
        check_folders(DATASETS.values())
except UserError as error:
    raise WorkflowError(str(error)) from None

RESULTS = Results(Path(CONFIG.results))
DATASET = RESULTS.dataset("{dataset}")
RUN = RESULTS.run("{benchmark}", "{run}", "{seed}")
METHOD = RESULTS.method("{benchmark}", "{method}", "{seed}")
REPORT = RESULTS.report("{benchmark}")
UNFINISHED = (
    unfinished_outputs(
        RESULTS,
        jobs.all_outputs(BENCHMARKS.values(), DATASETS.values(), CONFIG.seeds, RESULTS),
    )
    if IS_COORDINATOR
    else []
)
DEMO = fingerprints.DEMO
DEMO_INDEX = "data/demo/index.csv"


wildcard_constraints:
    shard=r"\d{4}",
    seed=r"\d+",
    dataset=r"[^/]+",
    benchmark=r"[^/]+",
    run=r"[^/]+",
    method=r"[^/]+",


def growing(amount):
    """Resource function. The value grows with the attempt, so that a retried job does not fail the same way."""

    def grown(wildcards, attempt):
        return amount * attempt

    return grown


def recorded(value):
    """Params function. Taking `output` makes Snakemake exclude the value from its rerun triggers."""

    def constant(wildcards, output):
        return value

    return constant


def failed_share(wildcards, output):
    """Share of failed items that is accepted; excluded from the rerun triggers, see `recorded`."""
    return DATASETS[wildcards.dataset].settings.max_failed_share


@cache
def fingerprints_of(dataset):
    """Fingerprints of a dataset. They list all its files, which takes long on a slow file system."""
    return fingerprints.take_fingerprints(DATASETS[dataset])


def trigger(dataset, name):
    """Params function: one of the fingerprints of a dataset, which only the coordinator compares."""

    def fingerprint(wildcards):
        return getattr(fingerprints_of(dataset), name) if IS_COORDINATOR else None

    return fingerprint


def contents_of(wildcards):
    """Fingerprint of the items of a shard: a photograph more redoes one shard, not the dataset."""
    fingerprint = trigger(wildcards.dataset, "contents")(wildcards)
    return fingerprint[int(wildcards.shard)] if fingerprint else None


def records_of(dataset):
    """Params function: what contents.txt will hold; excluded from the rerun triggers, see `recorded`."""

    def records(wildcards, output):
        return fingerprints_of(dataset).records

    return records


def table_of(wildcards):
    """Item table of a shard. It is `ancient` (mtime ignored) while its recorded fingerprint still matches, so a
    rewritten but unchanged table reruns nothing.

    While a manifest is made again, Snakemake compares only files in what follows, not params: a table that were always
    ancient would hide a new photograph, or a setting that changed with it, until the next run.
    """
    folder, shard = RESULTS.dataset(wildcards.dataset), int(wildcards.shard)
    table = str(folder.items(wildcards.shard))
    if not IS_COORDINATOR:
        return table
    record = fingerprints_of(wildcards.dataset).records[shard]
    return ancient(table) if fingerprints.is_recorded(folder, shard, record) else table


def settings_of(stage):
    """Params function: settings of a stage for a dataset, as JSON."""

    def settings(wildcards):
        dataset = DATASETS[wildcards.dataset]
        return jobs.stage_settings(stage, dataset.branch, dataset.settings)

    return settings


def checkpoint_of(wildcards):
    """Weights of the depth network, where they do not come with the package."""
    return jobs.depth_checkpoint(DATASETS[wildcards.dataset])


def crop_classifier(wildcards):
    """Checkpoint of the classifier by which photographs are cropped."""
    return jobs.crop_classifier(DATASETS[wildcards.dataset], RESULTS)


def depth_for_flow(wildcards):
    """The shard of depth that exact flow is computed from; none for TV-L1."""
    return jobs.depth_for_flow(DATASETS[wildcards.dataset], wildcards.shard, RESULTS)


def of(name, function):
    """Input or params function: asks `function` about the run or method that is the wildcard `name`."""

    def ask(wildcards):
        part = BENCHMARKS[wildcards.benchmark]
        return function(part, wildcards[name], wildcards.seed, RESULTS)

    return ask


def launcher(wildcards, resources, threads):
    """What starts a training on several nodes."""
    return jobs.task_launcher(resources.get("nodes", 1), threads)


def report_inputs(wildcards):
    """Files that the report of a benchmark reads."""
    return jobs.report_inputs(BENCHMARKS[wildcards.benchmark], CONFIG.seeds, RESULTS)


def report_options(wildcards):
    """Methods whose features the report of a benchmark draws."""
    return jobs.report_options(BENCHMARKS[wildcards.benchmark])


def benchmark_file(wildcards, output):
    """File of a benchmark; excluded from the rerun triggers, so that a project can be moved to another folder."""
    return str(BENCHMARKS[wildcards.benchmark].file)


def experiment_files(name):
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


def end_run():
    """Prints the accuracy tables of the benchmarks, where their reports are, and what was set aside."""
    for line in note_finished(RESULTS):
        print(line)
    for report in map(RESULTS.report, BENCHMARKS):
        if report.page.exists():
            print(report.table("md").read_text(encoding="utf-8"))
            print(f"Report: {report.page}")
