"""The conda commands that Snakemake calls, on rattler's solver and installer; conda-forge is a folder.

The installation's folder is that of this file; conda-forge is the folder `conda-forge` in it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import yaml
from rattler import VirtualPackage, VirtualPackageOverrides, install, solve

ROOT = Path(__file__).resolve().parents[1]


def create(file: Path, prefix: Path) -> None:
    """Solves an environment file and installs what it asks for, its pip section with the new environment's pip."""
    document = yaml.safe_load(file.read_text())
    specs = [line for line in document["dependencies"] if isinstance(line, str)]
    pip = [line for part in document["dependencies"] if isinstance(part, dict) for line in part["pip"]]
    channels = [(ROOT / name).as_uri() for name in document["channels"] if name != "nodefaults"]
    asyncio.run(_install(channels, specs, prefix))
    if pip:
        subprocess.run([prefix / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-index", *pip], check=True)


async def _install(channels: list[str], specs: list[str], prefix: Path) -> None:
    virtual = VirtualPackage.detect(VirtualPackageOverrides.from_env())
    records = await solve(
        channels, specs, platforms=["linux-64", "noarch"], virtual_packages=virtual, timestamp_policy="allow-missing"
    )
    await install(records, prefix, cache_dir=ROOT / "pkgs", show_progress=False)


def main(arguments: list[str]) -> None:
    """Runs one of the commands."""
    if arguments == ["info", "--json"]:
        sys.stdout.write(json.dumps({"conda_prefix": str(ROOT), "platform": "linux-64"}))
    elif arguments == ["--version"]:
        sys.stdout.write("conda 24.9.2\n")
    elif arguments == ["config", "--get", "channel_priority", "--json"]:
        sys.stdout.write(json.dumps({"get": {"channel_priority": "strict"}}))
    elif arguments[:2] == ["env", "create"]:
        create(Path(arguments[arguments.index("--file") + 1]), Path(arguments[arguments.index("--prefix") + 1]))
    elif arguments == ["clean", "-y", "--tarballs"]:
        pass  # nothing is kept packed
    else:
        sys.exit(f"conda: {' '.join(arguments)}: not known here")


if __name__ == "__main__":
    main(sys.argv[1:])
