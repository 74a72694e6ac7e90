"""Arguments that several sub-commands share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any


def add_settings(parser: argparse.ArgumentParser, section: str) -> None:
    """--settings: a JSON object of one section of the settings."""
    parser.add_argument(
        "--settings", default="", metavar="JSON", help=f"settings of section {section} that differ, as a JSON object"
    )


def add_shard_output(parser: argparse.ArgumentParser) -> None:
    """--out and the share of failures, for commands that make a shard."""
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE_OR_DIR", help="shard to make; a folder or file for plain files"
    )
    parser.add_argument(
        "--max-failed-share",
        type=share,
        default=0.05,
        metavar="X",
        help="share of failed items that is accepted (0.05)",
    )


def add_workers(parser: argparse.ArgumentParser, default: int | None = None) -> None:
    """--workers: processes."""
    parser.add_argument(
        "--workers",
        type=whole_number,
        default=os.cpu_count() if default is None else default,
        metavar="N",
        help="processes (%(default)s)",
    )


def add_gpus(parser: argparse.ArgumentParser, use: str = "") -> None:
    """--gpus: how many this job asked for, and what for; looked at before the command runs."""
    parser.add_argument(
        "--gpus",
        type=whole_number,
        default=0,
        metavar="N",
        help=f"GPUs asked for{use}; in a SLURM job fewer are an error (0)",
    )


def default_loaders() -> int:
    """Loader processes: one keeps a network on processors busy, which they need themselves; a GPU takes more."""
    return min(len(os.sched_getaffinity(0)) - 1, 8 if Path("/dev/nvidiactl").exists() else 1)


def whole_number(text: str) -> int:
    """A whole number from 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text}: must be 0 or more")
    return value


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: must be between 0 and 1")
    return value


def command(
    commands: Any,
    name: str,
    run: Any,
    description: str,
) -> argparse.ArgumentParser:
    """Adds a sub-command."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=description, description=description)
    parser.set_defaults(run=run)
    return parser
