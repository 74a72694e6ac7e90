"""The command init, on small folders."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from small_project import picture, write_photograph

from i2vadapt.config.documents import load_benchmark
from i2vadapt.config.settings import resolve_settings
from i2vadapt.data.video import write_video
from i2vadapt.errors import UserError
from i2vadapt.setup.benchmark import write_benchmark_file
from i2vadapt.setup.document import scalar


def write_clip(path: Path, brightness: float = 1.0, frames: int = 9) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    still = (picture(0, 48, 64) * brightness).astype(np.uint8)
    write_video(path, np.stack([still] * frames), 25)


def init(photos: Path, videos: Path, out: Path, size: str = "small", force: bool = False) -> list[str]:
    lines: list[str] = []
    write_benchmark_file(photos, videos, out, size, force, lines.append)  # type: ignore[arg-type]
    return lines


def write_sides(root: Path, photographs: list[str], videos: list[str]) -> tuple[Path, Path]:
    for number, name in enumerate(photographs):
        write_photograph(root / "photos" / name / "a.png", number)
    for name in videos:
        write_clip(root / "videos" / name / "a ! # & ( ) ; [ ] ~.avi")
    return root / "photos", root / "videos"


def test_the_file_is_a_benchmark_with_marked_guesses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sides = write_sides(tmp_path, ["running", "no", "a: #b", "cycling"], ["Run", "no", "a: #b", "swim"])
    lines = init(*sides, Path("mine.yaml"))
    benchmark = load_benchmark(Path("mine.yaml"))
    assert benchmark.name == "mine"
    assert {name: (one.source, one.target) for name, one in benchmark.classes.items()} == {
        "a: #b": (("a: #b",), ("a: #b",)),
        "no": (("no",), ("no",)),
        "Run": (("running",), ("Run",)),
    }
    resolve_settings("default", [benchmark.settings], "mine.yaml")
    assert "guess: photographs running = videos Run: another form of the same words" in lines
    assert "left out: photographs of other classes: cycling" in lines
    assert "left out: videos of other classes: swim" in lines
    assert lines[-3:] == ["  i2vadapt plan", "  snakemake -n", "  snakemake --cores 8"]
    text = Path("mine.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=workflow/schemas/benchmark.schema.json\n")
    assert "# 1 photographs; 1 videos; a guess: running = Run" in text
    before = text
    with pytest.raises(UserError, match=r"^mine.yaml: exists already; --force"):
        init(*sides, Path("mine.yaml"))
    assert Path("mine.yaml").read_text() == before
    init(*sides, Path("mine.yaml"), "full", force=True)
    full = load_benchmark(Path("mine.yaml"))
    assert full.settings["depth"] == {"model": "dpt_beit_large_512"}
    assert "synthesis" not in full.settings  # suggested in a comment, as the pictures are small


def test_flat_dark_videos(tmp_path: Path) -> None:
    photos, videos = write_sides(tmp_path, ["run", "walk"], [])
    for number in range(3):
        write_clip(tmp_path / "videos" / f"{number}.mp4", 0.1, frames=9 + number)
    lines = init(photos, videos, tmp_path / "flat.yaml")
    benchmark = load_benchmark(tmp_path / "flat.yaml")
    assert [one.target for one in benchmark.classes.values()] == [("run",), ("walk",)]
    assert benchmark.settings["decode"] == {"short_side": 48, "gain": "auto"}
    text = "\n".join(lines)
    assert "warning: no video has a label" in text
    assert "warning: dark videos: " in text
    assert "warning: few photographs, below 20 in a class: run (1), walk (1)" in text
    assert "3 of 3 videos looked at have fewer than 16 frames" in text


@pytest.mark.parametrize(
    ("photographs", "videos", "message"),
    [
        (["run", "walk"], ["swim", "walk"], "walk shared, but a benchmark needs two classes: "),
        (["run", "walk"], [], "no such folder; it must be the folder of the videos"),
    ],
)
def test_folders_that_make_no_benchmark(
    tmp_path: Path, photographs: list[str], videos: list[str], message: str
) -> None:
    sides = write_sides(tmp_path, photographs, videos)
    with pytest.raises(UserError) as caught:
        init(*sides, tmp_path / "x.yaml")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "x.yaml").exists()


def test_swapped_folders_and_folders_with_names_that_no_class_can_have(tmp_path: Path) -> None:
    photos, videos = write_sides(tmp_path, ["run", "walk"], ["run", "walk"])
    with pytest.raises(UserError, match="contains no photographs, but 2 videos: the folder of the photographs comes"):
        init(videos, photos, tmp_path / "x.yaml")
    for name in (b"caf\xe9", b"a\nb"):
        folder = os.fsencode(photos) + b"/" + name
        os.mkdir(folder)
        with open(folder + b"/a.png", "wb") as file:
            file.write((photos / "run" / "a.png").read_bytes())
    lines = init(photos, videos, tmp_path / "x.yaml")
    refused = [line for line in lines if "the name of a class must not hold control characters" in line]
    assert [line.partition("folder ")[2].partition(":")[0] for line in refused] == ["'a\\nb'", "'caf\\udce9'"]
    strange = photos.rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9"))
    with pytest.raises(UserError, match="the name is not UTF-8"):
        init(strange, videos, tmp_path / "y.yaml")


@given(st.text(min_size=1).filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text)))
def test_any_text_is_read_back_from_yaml(text: str) -> None:
    assert yaml.safe_load(f"{{ a: [{scalar(text)}] }}") == {"a": [text]}
