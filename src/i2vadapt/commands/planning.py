"""Sub-commands init, plan, verify and clear."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from i2vadapt.commands.arguments import (
    add_targets,
    add_workers,
    command,
    existing_results,
    path,
    read_targets,
    whole_number,
)
from i2vadapt.runtime.cores import available_cores


def add_commands(commands: Any) -> None:
    """Adds the sub-commands."""
    _add_init(commands)
    _add_plan(commands)

    parser = command(commands, "verify", run_verify, "check every shard: tables, digests, frames, provenance")
    parser.add_argument("results", type=path, metavar="RESULTS", help="results folder of the workflow")
    add_workers(parser)

    parser = command(commands, "clear", run_clear, "delete shards and trainings that later settings have superseded")
    parser.add_argument("results", type=path, metavar="RESULTS", help="results folder of the workflow")


def _add_plan(commands: Any) -> None:
    parser = command(
        commands, "plan", run_plan, "price a target before it runs: items, jobs, gigabytes, hours, what sharing saves"
    )
    add_targets(parser)
    parser.add_argument(
        "--cores",
        type=whole_number,
        default=available_cores(),
        metavar="N",
        help="number of CPU cores to plan for (%(default)s)",
    )
    rates = parser.add_mutually_exclusive_group()
    rates.add_argument(
        "--rates",
        type=path,
        metavar="FILE",
        help="rates and cores of another machine, as in workflow/rates: nothing is measured, and no data is needed",
    )
    rates.add_argument("--write-rates", type=path, metavar="FILE", help="document to write with the measured rates")


def _add_init(commands: Any) -> None:
    parser = command(
        commands, "init", run_init, "write a benchmark file for a folder of photographs and a folder of videos"
    )
    parser.add_argument("photographs", type=path, metavar="PHOTOS", help="folder with one sub-folder per class")
    parser.add_argument(
        "videos", type=path, metavar="VIDEOS", help="folder of videos, with sub-folders for classes that are known"
    )
    parser.add_argument(
        "--out", type=path, default=Path("mine.yaml"), metavar="FILE", help="benchmark file to write (%(default)s)"
    )
    parser.add_argument(
        "--size",
        choices=("auto", "full", "small"),
        default="auto",
        help="settings as in the paper, or for small pictures and a short training; auto: full on a machine with a GPU",
    )
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def run_init(options: argparse.Namespace) -> None:
    """Sub-command init: what was found and guessed, and the next steps, on standard output."""
    from i2vadapt.runtime.devices import best_device
    from i2vadapt.setup.benchmark import write_benchmark_file

    def report(line: str) -> None:
        sys.stdout.write(f"{line.encode('utf-8', 'replace').decode()}\n")

    size = options.size
    if size == "auto":
        size = "small" if best_device() == "cpu" else "full"
    write_benchmark_file(options.photographs, options.videos, options.out, size, options.force, report)


def run_plan(options: argparse.Namespace) -> None:
    """Sub-command plan: the table on standard output."""
    from i2vadapt.config.rates import load_rates, write_rates
    from i2vadapt.pipeline.plan.plan import make_plan
    from i2vadapt.pipeline.plan.table import describe
    from i2vadapt.pipeline.plan.written import Written

    _, targets = read_targets(options)
    if options.rates is not None:
        prices = Written(load_rates(options.rates), options.rates)
        lines = describe(make_plan(targets, prices), prices.describe())
    else:
        from i2vadapt.pipeline.plan.measured import measuring  # takes seconds

        with measuring(max(options.cores, 1)) as measured:
            lines = describe(make_plan(targets, measured), measured.describe())
            if options.write_rates is not None:
                write_rates(options.write_rates, measured.written("i2vadapt plan"))
    for line in lines:
        sys.stdout.write(f"{line}\n")


def run_verify(options: argparse.Namespace) -> None:
    """Sub-command verify: problems, and the command that repairs them, on standard output; exit status 1 if any."""
    from i2vadapt.pipeline.verify.results import verify

    def report(line: str) -> None:
        sys.stdout.write(f"{line.encode('utf-8', 'replace').decode()}\n")

    verify(options.results, options.workers, report)


def run_clear(options: argparse.Namespace) -> None:
    """Sub-command clear: what was deleted, on standard output.

    Raises:
        UserError: if the folder is missing.
    """
    from i2vadapt.files import superseded

    versions = existing_results(options.results).superseded()
    size = superseded.size_of(versions)
    for version in versions:
        superseded.remove(version)
    sys.stdout.write(f"{len(versions)} superseded shards and trainings deleted, {size / 1e6:.0f} MB\n")
