"""Sub-command fetch."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2vadapt.commands.arguments import command, path
from i2vadapt.errors import UserError

if TYPE_CHECKING:
    from i2vadapt.fetch.archives import Job


def add_commands(commands: Any) -> None:
    """Adds the sub-command."""
    parser = command(commands, "fetch", run_fetch, "download, unpack and lay out the data of a benchmark of the paper")
    parser.add_argument("benchmark", metavar="BENCHMARK", help="EtoH, BtoU or StoU")
    parser.add_argument(
        "--data", type=path, default=Path("data"), metavar="DIR", help="folder of all data (%(default)s)"
    )
    parser.add_argument(
        "--archives", type=path, metavar="DIR", help="folder of archives fetched by hand, under their own names (none)"
    )
    parser.add_argument(
        "--mirror", default="", metavar="URL", help="address that holds the archives, in the place of the publishers'"
    )
    parser.add_argument("--yes", action="store_true", help="download without a question")
    parser.add_argument(
        "--workflow", type=path, default=Path("workflow"), metavar="DIR",
        help="folder of downloads.yaml and benchmarks/ (%(default)s)",
    )  # fmt: skip


def run_fetch(options: argparse.Namespace) -> None:
    """Sub-command fetch: counts by class on standard output, and the next command."""
    from i2vadapt.config.documents import benchmark_file, load_benchmark
    from i2vadapt.config.downloads import load_downloads
    from i2vadapt.fetch.counts import describe_counts
    from i2vadapt.fetch.prepare import Places, check_possible, describe_missing, lay_out, plan_jobs, run_jobs

    downloads = load_downloads(options.workflow / "downloads.yaml")
    needs = downloads.benchmarks.get(options.benchmark)
    if needs is None:
        known = ", ".join(downloads.benchmarks)
        raise UserError(f"fetch: BENCHMARK: must be one of {known}, not {options.benchmark!r}")
    if options.mirror and not options.mirror.startswith(("http://", "https://")):
        raise UserError(f"--mirror: must be an http or https address, not {options.mirror!r}")
    file = benchmark_file(options.benchmark, options.workflow / "benchmarks")
    benchmark = load_benchmark(file)
    jobs = plan_jobs(downloads, needs, Places(options.data, options.archives, options.mirror))
    if jobs:
        check_possible(jobs, options.data)
        _ask(jobs, options.yes)
        run_jobs(jobs)
    counts = lay_out(benchmark, needs, options.data)
    _print(describe_counts(counts, benchmark, needs))
    missing = describe_missing(downloads, needs, counts, options.data)
    if missing:
        raise UserError("\n".join(missing))
    if options.data != Path("data"):
        _print([f"{file} reads data/: link it (ln -s {options.data.absolute()} data), or change its roots"])
    _print([f"next: name {options.benchmark} under `benchmarks` in config.yaml, look at the plan with `snakemake -n`"])


def _ask(jobs: Sequence[Job], yes: bool) -> None:
    """Shows what will be done, and asks before anything is downloaded.

    Raises:
        UserError: if the answer is no, or there is nobody to ask.
    """
    from i2vadapt.fetch.prepare import describe_jobs

    _print(describe_jobs(jobs))
    if yes or all(job.present for job in jobs):
        return
    if not sys.stdin.isatty():
        raise UserError("fetch: nothing was downloaded: give --yes to agree, since there is no terminal to ask")
    sys.stdout.write("download? [y/n] ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UserError("fetch: nothing was downloaded")


def _print(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
