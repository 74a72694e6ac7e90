"""`i2vadapt plan` against what a finished run of the same configuration really took.

    python perf/plan.py [config.yaml] [--cores 2]

Run it in the project's folder after the workflow, on a machine that does nothing else. Real megabytes are those of the
shards, checkpoints and scores, real seconds those that Snakemake measured for each job (results/benchmarks).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable
from pathlib import Path

from i2vadapt.config.parsing import read_yaml
from i2vadapt.config.resolve import read_config
from i2vadapt.layout import Results
from i2vadapt.pipeline.plan.measured import measuring
from i2vadapt.pipeline.plan.plan import Row, make_plan
from i2vadapt.pipeline.targets import choose_targets
from i2vadapt.runtime.cores import available_cores
from i2vadapt.stages import TRAIN, by_name


def measured(row: Row, results: Results, seeds: Iterable[int]) -> tuple[float, float]:
    """Bytes and seconds that a row of the plan really took; nothing of what has not run."""
    stage, names = by_name(row.stage), row.name.split(", ")
    if stage is not None:
        dataset = results.dataset(row.name)
        shards = dataset.shards(str(stage.kind), row.jobs)
        return _size(shards), _seconds(results.job_time(row.stage, f"{row.name}-{shard.stem}") for shard in shards)
    folders = [results.run(*names, seed) for seed in seeds] if row.stage == TRAIN.name else []
    files = [file for run in folders for file in (run.checkpoint, *run.scores(1).parent.glob("*"))]
    return _size(files), _seconds(results.job_time(row.stage, "-".join([*names, str(seed)])) for seed in seeds)


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.exists())


def _seconds(tables: Iterable[Path]) -> float:
    """What Snakemake measured of some jobs."""
    seconds = 0.0
    for path in tables:
        if path.exists():
            with path.open(newline="") as file:
                seconds += sum(float(line["s"]) for line in csv.DictReader(file, delimiter="\t"))
    return seconds


def main() -> None:
    """Prints a line a row of the plan: planned and real MB, planned and real seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", type=Path, default=Path("config.yaml"))
    parser.add_argument("--cores", type=int, default=available_cores())
    options = parser.parse_args()
    config, benchmarks = read_config(read_yaml(options.config), Path("workflow"))
    results = Results(Path(config.results))
    print(f"{'':48}{'MB':>8}{'real':>8}{'ratio':>7}{'s':>9}{'real':>8}{'ratio':>7}")
    with measuring(options.cores) as prices:
        rows = make_plan(choose_targets([], benchmarks, {}, config.seeds), prices).rows
    for row in rows:
        size, seconds = measured(row, results, config.seeds)
        planned = row.size or 0.0, row.seconds or 0.0
        sizes = f"{planned[0] / size:7.2f}" if size else f"{'':7}"
        times = f"{planned[1] / seconds:7.2f}" if seconds else f"{'':7}"
        print(
            f"{row.stage:12}{row.name:36}{planned[0] / 1e6:8.1f}{size / 1e6:8.1f}{sizes}"
            f"{planned[1]:9.1f}{seconds:8.1f}{times}"
        )


if __name__ == "__main__":
    main()
