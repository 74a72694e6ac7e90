"""Sub-commands status and info."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from i2vadapt.commands.arguments import command, path


def add_commands(commands: Any) -> None:
    """Adds the sub-commands."""
    parser = command(commands, "status", run_status, "list what is done, running, failed or missing; starts nothing")
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help="tables and figures of workflow/experiments, or methods (the methods and reports of the configuration)",
    )
    parser.add_argument(
        "--config",
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
        help="folder of methods.yaml, benchmarks/ and experiments/ (%(default)s)",
    )
    _add_json(parser)

    parser = command(commands, "info", run_info, "describe a file or folder of results: origin, counts, settings")
    parser.add_argument(
        "path", type=path, metavar="PATH", help="file, or folder of a run, a method or a dataset, of the results"
    )
    _add_json(parser)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_status(options: argparse.Namespace) -> None:
    """Sub-command status: the table on standard output."""
    from i2vadapt.config.experiments import load_experiments
    from i2vadapt.config.resolve import read_config
    from i2vadapt.config.yaml_files import read_yaml_file
    from i2vadapt.layout import Results
    from i2vadapt.pipeline.status.state import judge, outputs_in_work
    from i2vadapt.pipeline.status.table import plain, table
    from i2vadapt.pipeline.status.work import choose, list_jobs

    config, benchmarks = read_config(read_yaml_file(options.config).data, options.workflow, [options.config])
    experiments = load_experiments(options.workflow / "experiments")
    wanted = choose(benchmarks, experiments, options.targets, config.seeds, Results(Path(config.results)))
    working = outputs_in_work()
    judged = {job: judge(job, working) for job in list_jobs(wanted)}
    _print([json.dumps(plain(judged), indent=1)] if options.json else table(judged))


def run_info(options: argparse.Namespace) -> None:
    """Sub-command info: the description on standard output."""
    from i2vadapt.pipeline.info.files import describe_file
    from i2vadapt.pipeline.info.folders import describe_folder
    from i2vadapt.pipeline.info.text import as_json, as_text

    document = describe_folder(options.path) if options.path.is_dir() else describe_file(options.path)
    _print([as_json(document) if options.json else as_text(document)])


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line.encode('utf-8', 'replace').decode()}\n")
