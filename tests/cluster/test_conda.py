"""Rules inside a conda environment that is solved and installed from envs/ and a local channel."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from coordinator import Coordinator
from local_channel import write_channel
from mini_slurm import MiniSlurm
from small_project import ROOT, Project, make_project

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def conda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with the command conda, its channel, and nothing created."""
    if "deb_system" in sysconfig.get_scheme_names():
        pytest.skip("a copy of Debian's Python finds no packages, and so is no conda environment")
    folder = tmp_path_factory.mktemp("conda")
    write_channel(folder / "conda-forge", ROOT / "envs" / "i2vadapt.yaml")
    programs = folder / "bin"
    programs.mkdir()
    shutil.copy(HERE / "conda_stand_in.py", programs)
    command = programs / "conda"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{programs}/conda_stand_in.py" "$@"\n')
    command.chmod(0o755)
    (programs / "activate").write_text('export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n')
    return folder


def snakemake(project: Project, conda: Path, *arguments: str, **variables: str) -> str:
    """Runs Snakemake where no other Python than conda's has the packages, and outside paths would mislead."""
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", "--nocolor", "--use-conda", *arguments],
        cwd=project.folder,
        env={"PATH": f"{conda}/bin:/usr/bin:/bin", "HOME": str(conda), "PYTHONPATH": "/nonexistent", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def installed(prefixes: Path) -> dict[str, str]:
    """Builds of the packages of the one environment in a folder."""
    (prefix,) = [path.parent for path in prefixes.glob("*/conda-meta")]
    records = [json.loads(path.read_text()) for path in (prefix / "conda-meta").glob("*.json")]
    return {record["name"]: record["build"] for record in records}


def test_rules_run_in_the_environment_that_was_made_beforehand(conda: Path, data: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "a project", data)
    shared = tmp_path / "environments"
    where = ["--conda-prefix", str(shared)]
    snakemake(project, conda, *where, "--conda-create-envs-only")
    assert installed(shared)["pytorch"] == "cpu_0"
    channel = conda / "conda-forge"
    channel.rename(conda / "unreachable")  # the jobs run where no channel can be reached
    try:
        shard = "results/datasets/my-videos/flow/0000.h5"
        output = snakemake(project, conda, *where, shard)
    finally:
        (conda / "unreachable").rename(channel)
    assert output.count("Activating conda environment") == 3
    assert (project.folder / shard).exists()
    shutil.rmtree(tmp_path)


def test_jobs_of_a_cluster_run_in_the_environment(cluster: MiniSlurm, conda: Path, data: Path, tmp_path: Path) -> None:
    coordinator = Coordinator(cluster, tmp_path / "project", data)
    coordinator.environment["PATH"] = (
        f"{conda}/bin:{cluster.folder}/bin:/usr/bin:/bin"  # no other Python has the packages
    )
    shard = "results/datasets/my-videos/frames/0000.h5"
    coordinator.run("--use-conda", "--conda-prefix", str(tmp_path / "environments"), shard)
    assert (coordinator.project.folder / shard).exists()
    shutil.rmtree(tmp_path)


def test_a_login_node_without_a_gpu_can_ask_for_the_build_with_cuda(conda: Path, data: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", data)
    snakemake(project, conda, "--conda-create-envs-only", CONDA_OVERRIDE_CUDA="12.4")
    assert installed(project.folder / ".snakemake" / "conda")["pytorch"] == "cuda_1"
    shutil.rmtree(tmp_path)
