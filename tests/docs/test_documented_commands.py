"""Every command of the README and the pages exists, and runs unless its page says that it does not."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from documented_commands import PAGES, ROOT, Block, blocks, inline
from small_project import BENCHMARK, Project, make_project, picture, write_data

from i2vadapt.cli import build_parser
from i2vadapt.data.video import write_video

BLOCKS = blocks()
RUN = sorted({block.page for block in BLOCKS if not block.why_not})
SETTINGS = BENCHMARK[BENCHMARK.index("settings:") :]
CONFIG = "methods: [so_rgb, full]\nfeatures: []\n" + SETTINGS


def parser_of(command: str) -> argparse.ArgumentParser | None:
    """Parser of a sub-command."""
    for action in build_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices.get(command)
    raise AssertionError("the program has no sub-commands")


def test_there_are_commands_and_most_of_them_run() -> None:
    assert len(PAGES) > 10
    assert len([block for block in BLOCKS if not block.why_not]) > len(BLOCKS) / 2 > 5


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_commands_of_blocks_exist_with_these_options(block: Block) -> None:
    targets = re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in block.lines:
        program, *arguments = shlex.split(line)
        if program == "i2vadapt":
            build_parser().parse_args(arguments)  # exits on a mistake
        elif program == "make":
            assert arguments[0] in targets, line
        else:
            assert program in ("snakemake", "conda", "source", "pip"), line


def test_commands_within_sentences_exist_with_these_options() -> None:
    found = list(inline())
    assert len(found) > 10
    for page, text in found:
        command, *rest = text.split()[1:]
        if command == "COMMAND" or command.startswith("--"):
            continue
        parser = parser_of(command)
        assert parser is not None, f"{page.name}: {text}"
        known = {option for action in parser._actions for option in action.option_strings}
        options = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert options <= known, f"{page.name}: {text}"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with a finished benchmark of the demo's name, and the files that the pages name."""
    root = tmp_path_factory.mktemp("pages")
    write_data(root / "data")
    project = make_project(root / "project", root / "data")
    folder = project.folder
    (folder / "my photos").rename(folder / "photos")
    (folder / "my videos").rename(folder / "videos")
    (folder / "photos" / "walking").rename(folder / "photos" / "walk")
    for number in range(4):  # under the names of the demo
        old = folder / "photos" / "walk" / f"walking {number}.png"
        old.rename(old.with_name(f"walk_{number:03}.jpg"))
    text = BENCHMARK.replace("name: mine", "name: demo").replace("my-photos", "demo-photographs")
    text = text.replace("my-videos", "demo-videos").replace("my photos", "photos").replace("my videos", "videos")
    text = text.replace("[walking]", "[walk]")
    (folder / "workflow" / "benchmarks" / "demo.yaml").write_text(text)
    (folder / "mine.yaml").unlink()
    (folder / "config.yaml").write_text(f"benchmarks: [demo]\n{CONFIG}")
    project.succeed()
    shutil.copytree(folder / "videos" / "walk", folder / "new-videos")
    for name in ("video.mp4", "long.mp4"):
        write_video(folder / name, [picture(7, 48, 100)[:, k : k + 64] for k in range(30)], 10)
    for name in ("photo.jpg", "first.png", "second.png"):
        shutil.copy(folder / "photos" / "walk" / "walk_000.jpg", folder / name)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "activate").touch()
    yield project
    shutil.rmtree(root)


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_commands_of_a_page_run_one_after_another(page: Path, demo: Project, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(demo.folder, folder, symlinks=True)
    if page.name == "README.md":
        (folder / "config.yaml").write_text(f"benchmarks: [mine.yaml]\n{CONFIG}")
    environment = {**Project(folder).environment, "PYTHONPATH": str(ROOT / "src"), "SHELL": "/bin/bash"}
    program = f'i2vadapt() {{ "{sys.executable}" -m i2vadapt "$@"; }}'
    for block in BLOCKS:
        if block.page == page and not block.why_not:
            script = "\n".join(["set -e", program, *block.lines])
            done = subprocess.run(
                ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=900
            )
            assert done.returncode == 0, f"{block}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
