"""Estimates of `i2vadapt plan` compared with what a finished run of the same configuration actually took.

    python perf/plan.py [config.yaml] [--cores 2]

Run it in the project's folder after the workflow, on a machine that does nothing else. Actual sizes are those of the
shards and checkpoints, actual times those that Snakemake measured for each job (results/benchmarks).
"""

from __future__ import annotations

import argparse
import csv
import os
from pathlib import Path

from i2vadapt.config.parsing import read_yaml
from i2vadapt.config.resolve import read_config
from i2vadapt.pipeline.plan.plan import Row, make_plan

KINDS = {"depth": "depth", "synthesize": "frames", "decode": "frames", "flow": "flow"}


def measured(row: Row, results: Path) -> tuple[float, float]:
    """Actual bytes and seconds of the jobs that a row of the plan stands for."""
    names = row.name.split(", ")
    start = "-".join(names)
    if row.stage in KINDS:
        files = (results / "datasets" / row.name / KINDS[row.stage]).glob("*.h5")
    else:
        files = results.glob(f"runs/{'/'.join(names)}/seed*/checkpoint.pt")
    size = sum(path.stat().st_size for path in files) if row.stage != "evaluate" else 0
    seconds = 0.0
    for path in (results / "benchmarks" / row.stage).glob(f"{start}-*.tsv"):
        with path.open(newline="") as file:
            seconds += sum(float(line["s"]) for line in csv.DictReader(file, delimiter="\t"))
    return size, seconds


def main() -> None:
    """Prints one line per row of the plan: planned and actual MB, planned and actual seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", type=Path, default=Path("config.yaml"), help="configuration (config.yaml)")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="number of CPU cores to plan for")
    options = parser.parse_args()
    config, benchmarks = read_config(read_yaml(options.config), Path("workflow"))
    print(f"{'':44}{'MB':>8}{'actual':>8}{'ratio':>7}{'s':>9}{'actual':>8}{'ratio':>7}")
    for row in make_plan(config, benchmarks, options.cores):
        size, seconds = measured(row, Path(config.results))
        sizes = f"{row.size / size:7.2f}" if size else f"{'':7}"
        times = f"{row.seconds / seconds:7.2f}" if seconds else f"{'':7}"
        print(
            f"{row.stage:12}{row.name:32}{row.size / 1e6:8.1f}{size / 1e6:8.1f}{sizes}"
            f"{row.seconds:9.1f}{seconds:8.1f}{times}"
        )


if __name__ == "__main__":
    main()
