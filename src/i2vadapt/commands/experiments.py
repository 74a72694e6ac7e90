"""Sub-command experiment: the tables and figures of the paper."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from i2vadapt.commands.arguments import command, existing_results, path, whole_number


def add_commands(commands: Any) -> None:
    """Adds the sub-command."""
    parser = command(
        commands, "experiment", run_experiment, "write a table or figure of the paper from what has been trained so far"
    )
    parser.add_argument("file", type=path, metavar="FILE", help="experiment, as in workflow/experiments (YAML)")
    parser.add_argument("--methods", type=path, required=True, metavar="FILE", help="methods, workflow/methods.yaml")
    parser.add_argument(
        "--published", type=path, metavar="FILE", help="accuracies to compare with, as workflow/published.yaml (none)"
    )
    parser.add_argument(
        "--benchmarks", nargs="+", type=path, required=True, metavar="FILE", help="benchmark files (YAML)"
    )
    parser.add_argument(
        "--seeds",
        nargs="+",
        type=whole_number,
        default=[0],
        metavar="N",
        help="seeds of every method; features are those of the first (0)",
    )
    parser.add_argument("--results", type=path, required=True, metavar="DIR", help="folder of all results")
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="folder for the table or figure")


def run_experiment(options: argparse.Namespace) -> None:
    """Sub-command experiment: prints the table, or what the figure shows, and the folder."""
    from i2vadapt.report.experiments.make import make_experiment

    text = make_experiment(
        options.file,
        options.methods,
        options.published,
        options.benchmarks,
        options.seeds,
        existing_results(options.results),
        options.out,
    )
    sys.stdout.write(f"{text}\n{options.out}\n")
