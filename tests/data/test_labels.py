"""Classes of a dataset and those of the benchmark: links, normal forms, partly labelled videos, indices of lists."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.parsing import parse
from i2vadapt.data.items import UNLABELLED, Item
from i2vadapt.data.labels import relabel
from i2vadapt.data.listing import shard_digests, walk
from i2vadapt.data.manifest import choose_entries, make_manifest
from i2vadapt.data.video import write_video
from i2vadapt.errors import UserError

NFC, NFD = "caf\u00e9", "cafe\u0301"


def photograph(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 256, (20, 20, 3), np.uint8))


def video(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, np.random.default_rng(seed).integers(0, 256, (6, 32, 32, 3), np.uint8), 25.0)


def benchmark(root: Path, names: tuple[str, ...] = ("run", "sit"), **changes: object) -> Benchmark:
    """A benchmark whose two sides have the same root and the same classes; one may have several names."""
    side = {"root": str(root), **changes}
    classes = {name.partition("|")[0]: {side: name.split("|") for side in ("source", "target")} for name in names}
    sides = {name: {"dataset": name, **side} for name in ("source", "target")}
    return parse(Benchmark, {"name": "mine", **sides, "classes": classes}, "mine.yaml")


def labels(bench: Benchmark, side: str = "source") -> dict[str, str]:
    return {item.id: item.class_name for item in make_manifest(bench, side, 2).items}


def mistakes(bench: Benchmark, side: str = "source") -> list[str]:
    with pytest.raises(UserError) as caught:
        make_manifest(bench, side, 2)
    return str(caught.value).replace(bench.source.root, "ROOT").splitlines()


def test_a_link_hides_no_folder(tmp_path: Path) -> None:
    """The link sorts before the folder, and is the second name of a class."""
    photograph(tmp_path / "run" / "0.png", 0)
    photograph(tmp_path / "sit" / "0.png", 1)
    (tmp_path / "jog").symlink_to("run")
    assert labels(benchmark(tmp_path)) == {"run/0.png": "run", "sit/0.png": "sit"}
    assert labels(benchmark(tmp_path, ("jog", "sit"))) == {"jog/0.png": "jog", "sit/0.png": "sit"}


def test_links_to_folders_and_files_elsewhere_and_loops(tmp_path: Path) -> None:
    photograph(tmp_path / "elsewhere" / "0.png", 0)
    root = tmp_path / "root"
    photograph(root / "sit" / "0.png", 1)
    for name, target in (("run", "../elsewhere"), ("hug", "../elsewhere"), ("up", ".."), ("self", "self"), ("on", ".")):
        (root / name).symlink_to(target)
    (root / "sit" / "1.png").symlink_to("../../elsewhere/0.png")
    (root / "sit" / "broken.png").symlink_to("nowhere.png")
    (root / "sit" / "loop").symlink_to("../sit")
    found = list(walk(root))
    assert Counter(found) == Counter(set(found))
    assert [name for name in found if not name.startswith("up/")] == [
        "self", "hug/0.png", "run/0.png", "sit/0.png", "sit/1.png", "sit/broken.png",
    ]  # fmt: skip
    assert "up/elsewhere/0.png" in found
    assert not any(name.startswith("up/root") for name in found)


def test_the_order_of_files_is_that_of_the_recorded_digests(tmp_path: Path) -> None:
    """Of each folder its files, then its folders; a digest of the names and sizes of finished shards follows it."""
    for name in ("b/x", "b/a/y", "a", "b.z", "c/.hidden", ".c/x", "\udcff"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1234")
    assert list(walk(tmp_path)) == ["a", "b.z", "\udcff", "b/x", "b/a/y"]
    assert shard_digests(tmp_path, 1) == ["d97c6dc999fb8159"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    for number, name in enumerate(("run", "sit", "lost+found")):
        photograph(tmp_path / name / "0.png", number)
    (tmp_path / "lost+found").chmod(0)
    excluded = make_manifest(benchmark(tmp_path), "source", 2).excluded
    assert [(row.id, row.reason) for row in excluded] == [("lost+found", "folder cannot be listed: Permission denied")]


@pytest.mark.parametrize("folder", [NFC, NFD, "CAFÉ", "Cafe\u0301"])
@pytest.mark.parametrize("name", [NFC, NFD])
def test_classes_have_one_name_in_all_normal_forms(tmp_path: Path, folder: str, name: str) -> None:
    photograph(tmp_path / folder / "0.png", 0)
    photograph(tmp_path / "sit" / "0.png", 1)
    assert labels(benchmark(tmp_path, (name, "sit"))) == {f"{folder}/0.png": NFC, "sit/0.png": "sit"}


def test_two_folders_of_one_name_are_refused_unless_both_are_listed(tmp_path: Path) -> None:
    for number, name in enumerate(("run", "Run", "sit", NFC, NFD)):
        photograph(tmp_path / name / "0.png", number)
    assert mistakes(benchmark(tmp_path)) == [
        "ROOT: the folders 'Run' and 'run' both have the name of class 'run': merge them, or list both names in"
        " mine: classes"
    ]
    assert labels(benchmark(tmp_path, ("run|Run", "sit")))["Run/0.png"] == "run"
    assert "the folders 'cafe\\u0301' and 'caf\\xe9'" in mistakes(benchmark(tmp_path, (NFC, "sit")))[0]


def test_some_videos_of_one_class_are_labelled(tmp_path: Path) -> None:
    video(tmp_path / "Run" / "0.mp4", 0)
    video(tmp_path / "1.mp4", 1)
    video(tmp_path / "2.mp4", 2)
    bench = benchmark(tmp_path)
    assert labels(bench, "target") == {"1.mp4": "", "2.mp4": "", "Run/0.mp4": "run"}
    assert mistakes(bench)[0].startswith("mine: classes: source: 'sit' not found in ROOT; its classes are Run")


def test_a_misspelt_folder_is_not_taken_for_a_class_without_labels(tmp_path: Path) -> None:
    for number, name in enumerate(("run/0.mp4", "sitt/1.mp4", "2.mp4")):
        video(tmp_path / name, number)
    assert mistakes(benchmark(tmp_path), "target") == [
        "mine: classes: target: 'sit' not found in ROOT; its classes are run, sitt; videos without a label must be"
        " directly in the root"
    ]


def test_a_text_beside_the_folders_makes_no_class_unlabelled(tmp_path: Path) -> None:
    video(tmp_path / "run" / "0.mp4", 0)
    (tmp_path / "README.txt").write_text("my videos")
    assert "no usable item of class sit" in mistakes(benchmark(tmp_path), "target")[0]


def listed(root: Path, text: str) -> Benchmark:
    (root / "list.txt").write_text(text)
    return benchmark(root, layout="list", lists=[str(root / "list.txt")])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run/a.mp4\nsit/b c.mp4\n", ("", "")),
        ("run/a.mp4 -1\nsit/b c.mp4 -1\n", ("", "")),
        ("run/a.mp4 run\nsit/b c.mp4\n", ("run", "")),
        ("run/a.mp4\nsit/b c.mp4 1\n", ("", "sit")),
        ("run/a.mp4 sit\nsit/b c.mp4 1\nrun/d.mp4 0\n", ("sit", "sit")),  # a name is believed, whatever the folder
    ],
)
def test_lists_of_videos_with_and_without_labels(tmp_path: Path, text: str, expected: tuple[str, str]) -> None:
    for number, name in enumerate(("run/a.mp4", "sit/b c.mp4", "run/d.mp4")):
        video(tmp_path / name, number)
    found = labels(listed(tmp_path, text), "target")
    assert (found["run/a.mp4"], found["sit/b c.mp4"]) == expected


def test_lists_that_contradict_themselves_or_the_folders(tmp_path: Path) -> None:
    """Indices from 1 would call every item by the next class."""
    for number, name in enumerate(("run/a.png", "run/b.png", "sit/c.png")):
        photograph(tmp_path / name, number)
    file = f"{tmp_path}/list.txt".replace(str(tmp_path), "ROOT")
    assert mistakes(listed(tmp_path, "run/a.png 1\nrun/b.png 1\nsit/c.png 2\n")) == [
        f"{file}: line 1: run/a.png has the index 1 (sit), but lies in the folder of run: indices count from 0 in the"
        " order of mine: classes; class names are allowed too",
        f"{file}: line 3: sit/c.png has the index 2 (no class), but lies in the folder of sit: indices count from 0 in"
        " the order of mine: classes; class names are allowed too",
    ]
    assert mistakes(listed(tmp_path, "run/a.png run\nsit/c.png sit\nrun/a.png sit\n")) == [
        f"{file}: line 3: run/a.png has the label sit, but run in {file}: line 1"
    ]
    assert (
        labels(listed(tmp_path, "run/a.png 0\nrun/b.png 1\nsit/c.png 1\n"))["run/b.png"] == "sit"
    )  # corrected by hand
    twice = make_manifest(listed(tmp_path, "run/a.png 0\n./run/a.png 0\nsit/c.png 1\n"), "source", 2)
    assert [(row.id, row.reason) for row in twice.excluded] == [("run/a.png", "listed twice")]


def test_numbers_are_names_where_the_benchmark_names_classes_by_numbers(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.png 1\nb.png 0\n")
    bench = benchmark(tmp_path, ("1", "0"), layout="list", lists=[str(tmp_path / "list.txt")])
    chosen, _ = choose_entries(bench, "source")
    assert [(entry.id, label) for entry, label in chosen] == [("a.png", 0), ("b.png", 1)]


def item(name: str, label: int) -> Item:
    return Item(f"{name}/0.mp4", "", name, label, "")


def test_labels_follow_the_names_into_another_order() -> None:
    items = [item("walk", 0), item(NFD, 1), item("", UNLABELLED)]
    found = relabel(items, [NFC, "jump", "walk"], Path("manifest.csv"))
    assert [(one.class_name, one.label) for one in found] == [("walk", 2), (NFC, 0), ("", UNLABELLED)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jump", "manifest.csv: jump/0.mp4 is of class 'jump', which is none of the classes wanted: walk, sit"),
        ("Walk", "none of the classes wanted: walk, sit ('walk' is written differently)"),
        ("", "has a label without a class name: run the stage manifest again"),
    ],
)
def test_an_item_of_another_class(name: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        relabel([item(name, 0)], ["walk", "sit"], Path("manifest.csv"))
    assert message in str(caught.value)
