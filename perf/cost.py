"""What the paper's tables and figures take, computed from documents of rates; nothing is measured, no data is needed.

    python perf/cost.py [--markdown] [--seeds 0 1 2] [--rates workflow/rates/*.yaml] [--benchmarks EtoH BtoU StoU]

A row is one target by itself; `paper` is all of them together. "saved" is how many trainings, and which share of them,
the target is spared because its methods share runs. Hours are those of `i2vadapt plan TARGET --rates FILE`, of the GPU
where the document's machine has one: what has no rate is left out, which a `+` says, and `~` stands before hours of
which more than half rest on assumptions.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from i2vadapt.config.documents import Config
from i2vadapt.config.experiments import load_experiments
from i2vadapt.config.rates import load_rates
from i2vadapt.config.resolve import resolve
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.pipeline.plan.plan import Plan, make_plan
from i2vadapt.pipeline.plan.table import UNKNOWN, total
from i2vadapt.pipeline.plan.written import Written
from i2vadapt.pipeline.targets import PAPER, choose_targets
from i2vadapt.stages import by_name

WORKFLOW = Path(__file__).parents[1] / "workflow"


def hours(plan: Plan, gpu: bool) -> str:
    """Hours of a plan, or of the GPU in it: `~` before assumed ones, `+` behind those that lack a stage."""
    found = total(row for row in plan.rows if row.gpu or row.seconds is None or not gpu)
    if not found.seconds:
        return UNKNOWN
    doubtful = "~" if found.assumed > found.seconds / 2 else ""
    return f"{doubtful}{found.seconds / 3600:,.0f}{'+' if found.unknown else ''}"


def title(prices: Written) -> str:
    """Head of the column of a document."""
    return f"{'GPU hours' if prices.rates.gpus else 'hours'}, {prices.path.stem}"


def gigabytes(plan: Plan, shards: bool) -> str:
    """Gigabytes of shards, or of everything else; `+` behind those that lack a stage."""
    rows = [row for row in plan.rows if (by_name(row.stage) is not None) == shards]
    missing = any(row.size is None for row in rows)
    return f"{sum(row.size or 0.0 for row in rows) / 1e9:,.1f}{'+' if missing else ''}"


def cells(part: ResolvedBenchmark, target: str, seeds: Sequence[int], documents: Sequence[Written]) -> list[str]:
    """Cells of a row."""
    targets = choose_targets([target], [part], load_experiments(WORKFLOW / "experiments"), seeds)
    plans = [make_plan(targets, prices) for prices in documents]
    sharing = plans[0].sharing
    spared = sharing.alone - sharing.runs
    saved = f"{spared} ({spared / sharing.alone:.0%})"
    times = [hours(plan, prices.rates.gpus > 0) for plan, prices in zip(plans, documents, strict=True)]
    sizes = [gigabytes(plans[0], shards) for shards in (True, False)]
    return [part.benchmark.name, target, f"{sharing.methods}", f"{sharing.runs}", saved, *times, *sizes]


def as_markdown(lines: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; the first one is its header."""
    rows = [f"| {' | '.join(line)} |" for line in lines]
    return [rows[0], "|--|--|" + "--:|" * (len(lines[0]) - 2), *rows[1:]]


def as_text(lines: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table with aligned columns, the first two of which are words."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    words = "  ".join(f"{{:{width}}}" for width in widths[:2])
    numbers = "  ".join(f"{{:>{width}}}" for width in widths[2:])
    return [f"{words}  {numbers}".format(*line) for line in lines]


def main() -> None:
    """Prints the table and the origin of its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="random seeds (0 1 2)")
    parser.add_argument("--benchmarks", nargs="+", default=["EtoH", "BtoU", "StoU"], help="benchmarks (the paper's)")
    parser.add_argument("--rates", nargs="+", type=Path, help="documents of rates (all of workflow/rates)")
    options = parser.parse_args()
    paths = options.rates or sorted((WORKFLOW / "rates").glob("*.yaml"))
    documents = [Written(load_rates(path), path.relative_to(WORKFLOW.parent)) for path in paths]
    experiments = load_experiments(WORKFLOW / "experiments")
    targets = [*(name for name, experiment in experiments.items() if experiment.paper), PAPER]
    header = ["benchmark", "target", "methods", "trainings", "saved", *map(title, documents)]
    lines = [[*header, "GB of shards", "GB of runs"]]
    for part in resolve(Config(benchmarks=tuple(options.benchmarks), methods=("full",)), WORKFLOW):
        lines += [cells(part, target, options.seeds, documents) for target in targets]
    print("\n".join(as_markdown(lines) if options.markdown else as_text(lines)))
    print()
    for document in documents:
        print(" ".join(document.describe()) + "\n")


if __name__ == "__main__":
    main()
