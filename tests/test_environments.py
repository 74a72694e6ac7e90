"""One set of version bounds: pyproject.toml, the conda environments and the versions that make setup installs."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"pytorch": "torch", "snakemake-minimal": "snakemake"}
NOT_PACKAGES = {"pip"}


def read_project() -> dict[str, dict[str, SpecifierSet]]:
    """Bounds of each list of requirements of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = {"dependencies": project["dependencies"], **project["optional-dependencies"]}
    bounds = {name: by_name(Requirement(text) for text in texts) for name, texts in lists.items()}
    bounds["dependencies"]["python"] = SpecifierSet(project["requires-python"])
    return bounds


def by_name(requirements: object) -> dict[str, SpecifierSet]:
    return {canonicalize_name(part.name): part.specifier for part in requirements}  # type: ignore[attr-defined]


def read_environment(name: str) -> dict[str, SpecifierSet]:
    document = yaml.safe_load((ROOT / "envs" / name).read_text())
    assert document["channels"][0] == "conda-forge"
    lines = []
    for part in document["dependencies"]:
        lines += part["pip"] if isinstance(part, dict) else [part]
    found = by_name(Requirement(line) for line in lines if line not in NOT_PACKAGES)
    return {CONDA_NAMES.get(package, package): bounds for package, bounds in found.items()}


def test_the_environment_of_the_rules_is_that_of_the_package() -> None:
    assert read_environment("i2vadapt.yaml") == read_project()["dependencies"]


def test_the_environment_of_the_coordinator_has_the_same_bounds() -> None:
    project = read_project()
    known = project["dependencies"] | project["workflow"]
    coordinator = read_environment("snakemake.yaml")
    assert coordinator == {name: known[name] for name in coordinator}
    assert {"python", *project["workflow"]} <= coordinator.keys()


def test_the_installed_versions_are_within_the_bounds_and_none_is_forgotten() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = by_name(Requirement(line) for line in lines if line and not line.startswith("#"))
    project = read_project()
    del project["dependencies"]["python"]
    for bounds in project.values():
        for name, specifier in bounds.items():
            (pin,) = pinned[name]
            assert pin.operator == "=="
            assert specifier.contains(pin.version), f"{name} {pin} is outside {specifier}"


def test_the_workflow_and_the_coordinator_ask_for_the_same_snakemake() -> None:
    line = next(line for line in (ROOT / "Snakefile").read_text().splitlines() if line.startswith("min_version"))
    least = line.split('"')[1]
    assert f">={least}" in str(read_project()["workflow"]["snakemake"])


@pytest.mark.parametrize("environment", ["i2vadapt.yaml", "snakemake.yaml"])
def test_every_bound_has_two_ends(environment: str) -> None:
    for name, specifier in read_environment(environment).items():
        operators = {part.operator for part in specifier}
        assert operators == ({">="} if name == "python" else {">=", "<"}), name
