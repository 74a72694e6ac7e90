"""Command line: one sub-command per stage, and tools to run by hand."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence

from i2vadapt import __version__
from i2vadapt.errors import ERROR_PREFIX, Preempted, UserError
from i2vadapt.pipeline.interpreter import too_old, what_is_missing
from i2vadapt.runtime.cores import limit_threads
from i2vadapt.runtime.devices import check_gpus
from i2vadapt.runtime.limits import raise_open_file_limit

_logger = logging.getLogger("i2vadapt")


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of all sub-commands."""
    # Imported here so that `main` reports what is missing for all of them.
    from i2vadapt.commands import (
        experiments,
        fetching,
        inference,
        inspecting,
        planning,
        preprocessing,
        tools,
        training,
    )

    parser = argparse.ArgumentParser(
        prog="i2vadapt",
        description="Train a video action classifier from labelled photographs and unlabelled videos.",
    )
    parser.add_argument("--version", action="version", version=f"i2vadapt {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in (preprocessing, training, inference, experiments, planning, inspecting, tools, fetching):
        module.add_commands(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a sub-command.

    Returns:
        Exit status: 0 on success, 1 after mistakes of the user or in the input (each reported on one line), 75 if
            training was asked to stop and saved its state, 130 after Ctrl-C.
    """
    limit_threads()  # before a command imports what starts threads
    if reason := too_old():
        _report(reason)
        return 1
    name = ""
    try:
        options = build_parser().parse_args(arguments)
        name = f"{options.command}: "
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
        run: Callable[[argparse.Namespace], None] = options.run
        raise_open_file_limit()
        if "gpus" in options:
            check_gpus(options.gpus)
        run(options)
    except UserError as error:
        _report(str(error))
        return 1
    except Preempted as request:
        _report(str(request))
        return os.EX_TEMPFAIL
    except KeyboardInterrupt:
        _report("interrupted; run the same command again to resume")
        return 130
    except BrokenPipeError:
        # A reader that closes the pipe early (head) must not cause a stack trace, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ImportError as error:
        reason = what_is_missing(error)
        if not reason:
            raise
        _report(f"{name}{reason}")
        return 1
    except OSError as error:
        # Errors for which a stage has no better message: an output folder that can't be written, a full disk.
        file = error.filename2 or error.filename  # of a rename, its target: the other one is a temporary name
        if isinstance(error, FileExistsError):
            _report(f"{file}: is a file, but a folder is to be made here; move it away or name another folder")
        else:
            _report(f"{file}: {error.strerror}" if file and error.strerror else str(error))
        return 1
    return 0


def _report(message: str) -> None:
    for line in message.encode("utf-8", "replace").decode().splitlines():
        sys.stderr.write(f"{ERROR_PREFIX}{line}\n")


if __name__ == "__main__":
    sys.exit(main())
