"""Arguments shared by several sub-commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2vadapt.commands.examples import EXAMPLES
from i2vadapt.config.names import check_folder_name
from i2vadapt.config.paths import check_file
from i2vadapt.errors import UserError
from i2vadapt.layout import Results
from i2vadapt.runtime.cores import available_cores

if TYPE_CHECKING:
    from i2vadapt.config.documents import Config
    from i2vadapt.pipeline.targets import Targets


def add_settings(parser: argparse.ArgumentParser, section: str) -> None:
    """Adds --settings: one section of the settings as a JSON object."""
    parser.add_argument(
        "--settings",
        default="",
        metavar="JSON",
        help=f"settings of section {section} that differ from the defaults, as a JSON object",
    )


def add_targets(parser: argparse.ArgumentParser) -> None:
    """Adds the targets of the workflow, and --config, --benchmarks, --seeds and --workflow; see `read_targets`."""
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help="tables and figures of workflow/experiments, paper, or methods (the methods of the configuration)",
    )
    parser.add_argument(
        "--config",
        type=path,
        default=Path("config.yaml"),
        metavar="FILE",
        help="configuration of the workflow (%(default)s)",
    )
    parser.add_argument("--benchmarks", nargs="+", metavar="NAME", help="benchmarks (those of the configuration)")
    parser.add_argument(
        "--seeds", nargs="+", type=whole_number, metavar="N", help="random seeds (those of the configuration)"
    )
    parser.add_argument(
        "--workflow",
        type=path,
        default=Path("workflow"),
        metavar="DIR",
        help="folder of methods.yaml, benchmarks/ and experiments/ (%(default)s)",
    )


def read_targets(options: argparse.Namespace) -> tuple[Config, Targets]:
    """Reads the configuration, and finds what the arguments of `add_targets` ask for.

    Raises:
        UserError: if there are mistakes in the files that are read, or there is no such target.
    """
    from i2vadapt.config.experiments import load_experiments
    from i2vadapt.config.resolve import read_config
    from i2vadapt.config.yaml_files import read_yaml_file
    from i2vadapt.pipeline.targets import choose_targets

    given = {name: getattr(options, name) for name in ("benchmarks", "seeds") if getattr(options, name)}
    data = {**read_yaml_file(options.config).data, **given}
    config, benchmarks = read_config(data, options.workflow, [options.config])
    experiments = load_experiments(options.workflow / "experiments")
    return config, choose_targets(options.targets, benchmarks, experiments, config.seeds)


def add_shard_output(parser: argparse.ArgumentParser, plain: str = "", metavar: str = "FILE") -> None:
    """Adds --out and --max-failed-share, for commands that build a shard.

    Args:
        parser: parser of the sub-command.
        plain: what is written for plain input files, appended to the help text.
        metavar: name of the value in the help text.
    """
    parser.add_argument("--out", type=path, required=True, metavar=metavar, help=f"shard to write{plain}")
    parser.add_argument(
        "--max-failed-share",
        type=share,
        default=0.05,
        metavar="X",
        help="share of failed items above which the command fails (0.05)",
    )


def add_workers(parser: argparse.ArgumentParser, default: int | None = None, kind: str = "processes") -> None:
    """Adds --workers: the number of worker processes, or threads where the `kind` is that."""
    parser.add_argument(
        "--workers",
        type=whole_number,
        default=available_cores() if default is None else default,
        metavar="N",
        help=f"number of worker {kind} (%(default)s: the cores that this process may use)"
        if default is None
        else f"number of worker {kind} (%(default)s)",
    )


def add_gpus(parser: argparse.ArgumentParser, use: str = "") -> None:
    """Adds --gpus: the number of GPUs requested by the job, checked before the command runs.

    Args:
        parser: parser of the sub-command.
        use: what the command does with several GPUs, appended to the help text.
    """
    parser.add_argument(
        "--gpus",
        type=whole_number,
        default=0,
        metavar="N",
        help=f"number of GPUs requested{use}; in a SLURM job, finding fewer is an error (0)",
    )


def default_loaders() -> int:
    """Default number of loader processes: on CPUs, which the network needs itself, one suffices; a GPU needs more."""
    return min(available_cores() - 1, 8 if Path("/dev/nvidiactl").exists() else 1)


def path(text: str) -> Path:
    """Parses a path; shells leave the ~ of --out=~/results to the command.

    Raises:
        argparse.ArgumentTypeError: if the path begins with the name of a home folder that there is not.
    """
    return Path(_checked(check_file, text))


def existing_results(folder: Path) -> Results:
    """The folder of everything that is made.

    Raises:
        UserError: if it is missing.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; name the folder of the results (results)")
    return Results(folder)


def class_name(text: str) -> str:
    """Parses the name of a class.

    Raises:
        argparse.ArgumentTypeError: if no class can have the name.
    """
    return _checked(check_folder_name, text)


def _checked(check: Callable[[str], str], text: str) -> str:
    try:
        return check(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}, not {text!r}") from None


def whole_number(text: str) -> int:
    """Parses a whole number of at least 0."""
    return _at_least(0, text)


def positive_number(text: str) -> int:
    """Parses a whole number of at least 1."""
    return _at_least(1, text)


def _at_least(least: int, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"must be {least} or more, not {text}")
    return value


def number(text: str, wanted: str = "a number") -> float:
    """Parses a number; `wanted` says in the message what it should be."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be {wanted}, not {text!r}") from None


def share(text: str) -> float:
    """Parses a number from 0 to 1."""
    value = number(text, "a number between 0 and 1")
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be between 0 and 1, not {text}")
    return value


def command(
    commands: Any,
    name: str,
    run: Any,
    description: str,
) -> argparse.ArgumentParser:
    """Adds a sub-command, whose help ends with an example, and returns its parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=description,
        description=description,
        epilog=f"example:\n  i2vadapt {name} {EXAMPLES[name]}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser
