"""Sub-commands status and info."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from i2vadapt.commands.arguments import add_targets, command, path, read_targets


def add_commands(commands: Any) -> None:
    """Adds the sub-commands."""
    parser = command(commands, "status", run_status, "list what is done, running, failed or missing; starts nothing")
    add_targets(parser)
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
    from i2vadapt.layout import Results
    from i2vadapt.pipeline.status.state import judge, outputs_in_work
    from i2vadapt.pipeline.status.table import plain, table
    from i2vadapt.pipeline.status.work import list_jobs

    config, targets = read_targets(options)
    working = outputs_in_work()
    judged = {job: judge(job, working) for job in list_jobs(targets, Results(Path(config.results)))}
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
