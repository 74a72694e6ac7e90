"""What a GPU reaches: TV-L1, the stage flow, depth, training steps and loading, in one table.

    python perf/gpu.py [--only training depth loader tvl1 stage compiled profile] [--markdown] [--tiny]

Each section runs in a process of its own with a time limit, and each row is printed as soon as it is measured, so that
an error or a lack of time loses only what comes after it. Without an NVIDIA GPU, nothing is measured; `--tiny` runs
every section with tiny sizes on any device, to check the script itself.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
from contextlib import suppress
from importlib import import_module, metadata

import torch
from gpu_table import Table

SECTIONS = {
    "training": ("gpu_training", 70),
    "depth": ("gpu_depth", 70),
    "loader": ("gpu_loader", 60),
    "tvl1": ("gpu_tvl1", 100),
    "stage": ("gpu_flow_stage", 60),
    "compiled": ("gpu_compiled", 120),
    "profile": ("gpu_profile", 40),
}
"""Sections: module with a function `measure`, and time limit in seconds."""
_DEFAULT = ("training", "depth", "loader", "tvl1", "stage")


def version(package: str) -> str:
    """Installed version of a package, or "none"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def driver() -> str:
    """Version of NVIDIA's driver."""
    try:
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.split()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return "unknown"


def describe_machine() -> str:
    """The machine and the packages that matter, in a line."""
    card = "no GPU"
    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        card = f"{torch.cuda.get_device_name()}, {memory:.0f} GiB, driver {driver()}, CUDA {torch.version.cuda}"
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "triton", "numba", "numba-cuda"))
    return f"{card}; {len(os.sched_getaffinity(0))} CPU cores; Python {platform.python_version()}, {packages}"


def run_section(name: str, options: argparse.Namespace) -> None:
    """Measures a section in another process, and ends it with all of its own processes when its time is over."""
    command = [sys.executable, os.path.abspath(__file__), "--section", name]
    command += ["--markdown"] * options.markdown + ["--tiny"] * options.tiny
    process = subprocess.Popen(command, start_new_session=True)
    table = Table(name, options.markdown, options.tiny)
    try:
        status = process.wait(SECTIONS[name][1] * options.patience)
    except subprocess.TimeoutExpired:
        table.note("the rest", f"left out: the section's {SECTIONS[name][1] * options.patience:.0f} s are over")
    else:
        if status:
            table.note("the rest", f"failed: exit status {status}")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=_DEFAULT, help="sections (the first four)")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--tiny", action="store_true", help="try the script with tiny sizes, on any device")
    parser.add_argument("--patience", type=float, default=1.0, help="factor on the time limits (1)")
    parser.add_argument("--section", choices=list(SECTIONS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.section:
        table = Table(options.section, options.markdown, options.tiny)
        import_module(SECTIONS[options.section][0]).measure(table)
        return
    if not (torch.cuda.is_available() or options.tiny):
        print("no NVIDIA GPU: nothing was measured; the kernels' tests ran in Numba's simulator")
        return
    print(describe_machine() + "\n", flush=True)
    Table("", options.markdown, options.tiny).header()
    for name in options.only:
        run_section(name, options)


if __name__ == "__main__":
    main()
