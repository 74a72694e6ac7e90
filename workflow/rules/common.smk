# Reads config.yaml, the benchmark files and methods.yaml once, and answers the rules' questions about them.
#
# Outputs of preprocessing and training are marked `update`, so that Snakemake does not delete them before their job: the
# commands replace a file whole, and leave one alone that is up to date. Without it a job that is looked at again, as
# after a kill between its end and Snakemake's note of it, would lose a whole shard or training.
import hashlib
import json
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

WORKFLOW = Path(workflow.basedir, "workflow")
sys.path.insert(0, str(Path(workflow.basedir, "src")))

from i2vadapt import versions
from i2vadapt.config.resolve import load_datasets, read_config
from i2vadapt.layout import shard_name
from i2vadapt.data.listing import shard_digests
from i2vadapt.errors import UserError

try:
    CONFIG, parts = read_config(config, WORKFLOW)
    BENCHMARKS = {part.benchmark.name: part for part in parts}
    DATASETS = load_datasets(BENCHMARKS.values())
except UserError as error:
    raise WorkflowError(str(error)) from None

RESULTS = CONFIG.results
DATASET = f"{RESULTS}/datasets/{{dataset}}"
RUN = f"{RESULTS}/runs/{{benchmark}}/{{method}}/seed{{seed}}"
DEMO_INDEX = "data/demo/index.csv"
LISTINGS = {
    name: shard_digests(Path(dataset.spec.root), dataset.spec.shards)
    for name, dataset in DATASETS.items()
    if not dataset.spec.generated
}


wildcard_constraints:
    shard=r"\d{4}",
    seed=r"\d+",
    dataset=r"[^/]+",
    benchmark=r"[^/]+",
    method=r"[^/]+",


def digest(value):
    """A short digest of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def definition(name):
    """What decides which items a dataset has, the files themselves apart."""
    dataset = DATASETS[name]
    lists = [
        Path(path).read_bytes().hex()
        for path in dataset.spec.lists
        if Path(path).is_file()
    ]
    made_by = config_of_demo() if dataset.spec.generated else None
    return digest([dataset.definition, lists, made_by])


def contents_of(name):
    """Digest of the items of each shard of a dataset, in order."""
    dataset = DATASETS[name]
    listing = LISTINGS.get(name, ["generated"] * dataset.spec.shards)
    made_from = definition(name)
    return [digest([made_from, files])[:8] for files in listing]


def items_of(wildcards):
    """Digest of the items of one shard: a photograph more redoes one shard, not the dataset."""
    return CONTENTS[wildcards.dataset][int(wildcards.shard)]


def table_of(wildcards):
    """Table of the items of one shard; that it was rewritten counts only if something behind it may have changed.

    When a manifest is made again, Snakemake goes by the files alone for all that follows and looks at no parameter:
    a table that is always ancient would hide a new photograph, or a setting changed with it, until the next run.
    """
    folder = f"{RESULTS}/datasets/{wildcards.dataset}"
    table = f"{folder}/items/{wildcards.shard}.csv"
    shard, file = int(wildcards.shard), Path(folder, "contents.txt")
    known = file.read_text().split() if file.exists() else []
    now = RECORDS[wildcards.dataset][shard]
    return ancient(table) if known[shard : shard + 1] == [now] else table


def records_of(name):
    """Digest of the items of each shard of a dataset and of all that is done with them."""
    sections = {"source": {"depth", "synthesis", "flow"}, "target": {"decode", "flow"}}
    dataset = DATASETS[name]
    stages = dataset.settings.model_dump(mode="json", include=sections[dataset.side])
    code = [versions.DEPTH, versions.SYNTHESIZE, versions.DECODE, versions.FLOW]
    return [digest([items, stages, code])[:8] for items in CONTENTS[name]]


def recorded(name):
    """A function that gives the records of a dataset; with `output` in its signature it triggers no rerun."""

    def records(wildcards, output):
        return RECORDS[name]

    return records


def file_of(name):
    """A function that gives the benchmark file of a dataset; a project that is moved to another folder reruns nothing."""

    def file(wildcards, output):
        return str(DATASETS[name].file)

    return file


def config_of_demo():
    """What the demo benchmark is rendered from."""
    return {"version": versions.DEMO, "seed": 0, "photographs": 60, "videos": 25}


CONTENTS = {name: contents_of(name) for name in DATASETS}
RECORDS = {name: records_of(name) for name in DATASETS}


def settings_of(section):
    """A function that gives the settings of a stage for a dataset, as JSON."""

    def settings(wildcards):
        return getattr(DATASETS[wildcards.dataset].settings, section).model_dump_json()

    return settings


def growing(amount):
    """A function that gives a resource which grows with the attempt, so that a retried job does not fail the same way."""

    def grown(wildcards, attempt):
        return amount * attempt

    return grown


def flow_settings(wildcards):
    """Settings of flow for a dataset, as JSON; videos have none but TV-L1, whatever is taken for generated ones."""
    dataset = DATASETS[wildcards.dataset]
    flow = dataset.settings.flow
    if dataset.side == "target":
        flow = flow.model_copy(update={"source": "tvl1"})
    return flow.model_dump_json()


def depth_behind_flow(wildcards):
    """The shard of depth that the exact flow of a generated shard follows from; none for TV-L1."""
    dataset = DATASETS[wildcards.dataset]
    exact = dataset.side == "source" and dataset.settings.flow.source == "geometric"
    folder = f"{RESULTS}/datasets/{wildcards.dataset}/depth"
    return [f"{folder}/{wildcards.shard}.h5"] if exact else []


def task_on_each_node(wildcards, resources, threads):
    """What starts a training on several nodes; with the resource mpi, Snakemake leaves that to the rule."""
    nodes = resources.get("nodes", 1)
    return (
        f"srun --nodes={nodes} --ntasks={nodes} --cpus-per-task={threads}"
        if nodes > 1
        else ""
    )


def failed_share(wildcards, output):
    """Share of failed items that is accepted; `output` in the signature: a change redoes nothing, see `recorded`."""
    return DATASETS[wildcards.dataset].settings.max_failed_share


def shards_of(name, kind):
    """All shards of one kind of a dataset."""
    count = DATASETS[name].spec.shards
    return [
        f"{RESULTS}/datasets/{name}/{kind}/{shard_name(index)}.h5"
        for index in range(count)
    ]


def frames_made_by(side):
    """Pattern of the names of datasets on one side, as alternatives for a wildcard constraint."""
    names = [
        re.escape(name) for name, dataset in DATASETS.items() if dataset.side == side
    ]
    return "|".join(names)


def depth_checkpoint(wildcards):
    """Weights of the depth network, where they do not come with the package."""
    depth = DATASETS[wildcards.dataset].settings.depth
    if depth.checkpoint:
        return [depth.checkpoint]
    return [] if comes_with_package(depth.model) else [f"weights/{depth.model}.pt"]


def comes_with_package(model):
    """Whether a depth network has weights in the package; asked of the files, as importing the networks takes long."""
    weights = Path(workflow.basedir, "src/i2vadapt/depth/weights")
    return Path(weights, f"{model}.safetensors").exists()


def missing_depth_weights():
    """Depth networks whose published weights are wanted and not here yet."""
    wanted = {
        dataset.settings.depth.model
        for dataset in DATASETS.values()
        if dataset.side == "source" and not dataset.settings.depth.checkpoint
    }
    return sorted(
        model
        for model in wanted
        if not comes_with_package(model) and not Path(f"weights/{model}.pt").exists()
    )


def training_of(wildcards):
    """Training settings of a run."""
    return BENCHMARKS[wildcards.benchmark].methods[wildcards.method]


def training_shards(wildcards):
    """Shards that a run reads: frames, and flow if it has a flow stream."""
    benchmark = BENCHMARKS[wildcards.benchmark].benchmark
    kinds = (
        ["frames", "flow"] if "flow" in training_of(wildcards).streams else ["frames"]
    )
    return [
        path
        for side in (benchmark.source, benchmark.target)
        for kind in kinds
        for path in shards_of(side.dataset, kind)
    ]


def initial_weights(wildcards):
    """Files of weights that the streams of a run start from."""
    return list(training_of(wildcards).initial_weights)


def domain_folder(side):
    """A function that gives the dataset folder of one side of a benchmark."""

    def folder(wildcards):
        spec = getattr(BENCHMARKS[wildcards.benchmark].benchmark, side)
        return f"{RESULTS}/datasets/{spec.dataset}"

    return folder


def manifests_of(wildcards):
    """The manifests of both sides of a benchmark."""
    benchmark = BENCHMARKS[wildcards.benchmark].benchmark
    return [
        f"{RESULTS}/datasets/{spec.dataset}/manifest.csv"
        for spec in (benchmark.source, benchmark.target)
    ]


def runs_of(name):
    """A function that gives one file of every run of a benchmark."""

    def files(wildcards):
        return expand(
            f"{RUN}/{{file}}",
            file=name,
            benchmark=wildcards.benchmark,
            method=CONFIG.methods,
            seed=CONFIG.seeds,
        )

    return files


def all_flow(wildcards):
    """Flow shards of a benchmark, where a method uses flow."""
    benchmark = BENCHMARKS[wildcards.benchmark]
    if not any("flow" in method.streams for method in benchmark.methods.values()):
        return []
    return [
        path
        for side in (benchmark.benchmark.source, benchmark.benchmark.target)
        for path in shards_of(side.dataset, "flow")
    ]


FLOW_SHARDS = [path for name in DATASETS for path in shards_of(name, "flow")]
REPORTS = [f"{RESULTS}/reports/{name}/report.html" for name in BENCHMARKS]


def show_reports():
    """Prints the accuracy tables of the benchmarks and where their reports are."""
    for page in map(Path, REPORTS):
        if page.exists():
            print(page.with_name("accuracy.md").read_text(encoding="utf-8"))
            print(f"Report: {page}")
