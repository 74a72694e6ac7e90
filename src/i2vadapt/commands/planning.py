"""Sub-commands plan, verify and clear."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from i2vadapt.commands.arguments import add_workers, command, path, whole_number


def add_commands(commands: Any) -> None:
    """Adds the sub-commands."""
    parser = command(
        commands, "plan", run_plan, "measure what a configuration takes here: items, jobs, gigabytes and hours"
    )
    parser.add_argument(
        "config",
        nargs="?",
        type=path,
        default=Path("config.yaml"),
        metavar="CONFIG",
        help="configuration of the workflow (%(default)s)",
    )
    parser.add_argument(
        "--workflow",
        type=path,
        default=Path("workflow"),
        metavar="DIR",
        help="folder of methods.yaml and benchmarks/ (%(default)s)",
    )
    parser.add_argument(
        "--cores",
        type=whole_number,
        default=os.cpu_count(),
        metavar="N",
        help="number of CPU cores to plan for (%(default)s)",
    )

    parser = command(commands, "verify", run_verify, "check every shard: tables, digests, frames, provenance")
    parser.add_argument("results", type=path, metavar="RESULTS", help="results folder of the workflow")
    add_workers(parser)

    parser = command(commands, "clear", run_clear, "delete shards and trainings that later settings have superseded")
    parser.add_argument("results", type=path, metavar="RESULTS", help="results folder of the workflow")


def run_plan(options: argparse.Namespace) -> None:
    """Sub-command plan: the table on standard output."""
    from i2vadapt.config.resolve import read_config
    from i2vadapt.config.yaml_files import read_yaml_file
    from i2vadapt.pipeline.plan.plan import describe, make_plan

    cores = max(options.cores, 1)
    config, benchmarks = read_config(read_yaml_file(options.config).data, options.workflow, [options.config])
    for line in describe(make_plan(config, benchmarks, cores), cores):
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
    from i2vadapt.errors import UserError
    from i2vadapt.files import superseded
    from i2vadapt.layout import Results

    if not options.results.is_dir():
        raise UserError(f"{options.results}: no such folder")
    versions = Results(options.results).superseded()
    size = superseded.size_of(versions)
    for version in versions:
        superseded.remove(version)
    sys.stdout.write(f"{len(versions)} superseded shards and trainings deleted, {size / 1e6:.0f} MB\n")
