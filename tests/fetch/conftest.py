from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from file_server import FileServer, serving
from paper_archives import Media, archives_of

from i2vadapt.config.documents import load_benchmark
from i2vadapt.fetch.programs import installed_programs
from i2vadapt.runtime import download

WORKFLOW = Path(__file__).parents[2] / "workflow"


@pytest.fixture
def rar_program() -> None:
    if not installed_programs():
        pytest.skip("no program that unpacks RAR archives is installed: apt-get install unar or libarchive-tools")


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return Media(tmp_path_factory.mktemp("media"))


@pytest.fixture(scope="session")
def archives(media: Media) -> dict[str, dict[str, bytes]]:
    """Tiny archives by benchmark and name."""
    names = ("EtoH", "BtoU", "StoU")
    return {name: archives_of(load_benchmark(WORKFLOW / "benchmarks" / f"{name}.yaml"), media) for name in names}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working directory with the workflow, whose archives may have any size."""
    shutil.copytree(WORKFLOW / "benchmarks", tmp_path / "workflow" / "benchmarks")
    document = yaml.safe_load((WORKFLOW / "downloads.yaml").read_text())
    for spec in document["archives"].values():
        spec.pop("bytes", None)
        spec["gigabytes"] = 0.001
    (tmp_path / "workflow" / "downloads.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(download, "_WAIT", 0.01)
    return tmp_path


@pytest.fixture
def server(archives: dict[str, dict[str, bytes]]) -> Iterator[FileServer]:
    with serving(files=dict(archives["EtoH"])) as running:
        yield running
