from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.parsing import parse
from i2vadapt.data.items import read_items, shard_of
from i2vadapt.data.listing import list_entries, shard_digests
from i2vadapt.data.manifest import make_manifest, write_manifest
from i2vadapt.data.video import write_video
from i2vadapt.errors import UserError


def photograph(path: Path, seed: int, size: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    path.write_bytes(bytes(cv2.imencode(".jpg", image)[1]))


def video(path: Path, seed: int, frames: int = 6) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, np.random.default_rng(seed).integers(0, 256, (frames, 32, 32, 3), np.uint8), 25.0)


def benchmark(root: Path, classes: dict[str, list[str]] | None = None, **source: object) -> Benchmark:
    names = classes or {"walk": ["walking"], "run": ["running"]}
    document = {
        "name": "test",
        "source": {"dataset": "photos", "root": str(root / "photos"), "shards": 3, **source},
        "target": {"dataset": "videos", "root": str(root / "videos")},
        "classes": {name: {"source": originals, "target": [name]} for name, originals in names.items()},
    }
    return parse(Benchmark, document, "test.yaml")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(4):
        photograph(tmp_path / "photos" / "walking" / f"{number}.jpg", number)
        photograph(tmp_path / "photos" / "Running" / f"{number}.jpg", 10 + number)
        video(tmp_path / "videos" / "walk" / f"{number}.mp4", number)
        video(tmp_path / "videos" / "run" / f"{number}.mp4", 10 + number)
    return tmp_path


def reasons(bench: Benchmark, side: str = "source", min_frames: int = 2) -> dict[str, str]:
    return {row.id: row.reason for row in make_manifest(bench, side, min_frames).excluded}


def test_labels_follow_the_class_map_whatever_the_case(root: Path) -> None:
    manifest = make_manifest(benchmark(root), "source", 2)
    assert [(item.id, item.class_name, item.label) for item in manifest.items[::4]] == [
        ("Running/0.jpg", "run", 1),
        ("walking/0.jpg", "walk", 0),
    ]
    assert manifest.excluded == []


def test_several_source_classes_may_go_to_one(root: Path) -> None:
    photograph(root / "photos" / "jogging" / "0.jpg", 99)
    manifest = make_manifest(benchmark(root, {"walk": ["walking"], "run": ["running", "jogging"]}), "source", 2)
    assert sum(item.label == 1 for item in manifest.items) == 5


def test_everything_excluded_is_listed_with_its_reason(root: Path) -> None:
    folder = root / "photos" / "walking"
    (folder / "text.jpg").write_text("not an image")
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("x")
    photograph(folder / "tiny.jpg", 5, size=1)
    (folder / "copy.jpg").write_bytes((folder / "1.jpg").read_bytes())
    photograph(root / "photos" / "cycling" / "0.jpg", 50)
    (folder / ".hidden.jpg").write_text("x")
    found = reasons(benchmark(root))
    assert found.pop("walking/text.jpg").startswith("unreadable: not a readable image")
    assert found == {
        "walking/empty.jpg": "unreadable: empty file",
        "walking/notes.txt": "not an image by its suffix",
        "walking/tiny.jpg": "unreadable: 1x1 pixels, at least 16x16 are needed",
        "walking/copy.jpg": "duplicate of walking/1.jpg",
        "cycling/0.jpg": "class not shared",
    }


def test_short_and_truncated_videos(root: Path) -> None:
    video(root / "videos" / "walk" / "short.mp4", 77, frames=3)
    whole = (root / "videos" / "walk" / "0.mp4").read_bytes()
    (root / "videos" / "walk" / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    found = reasons(benchmark(root), "target", min_frames=5)
    assert found["walk/short.mp4"] == "unreadable: too short: 3 frames, at least 5 are needed"
    assert found["walk/cut.mp4"].startswith("unreadable: ")
    assert len(found) == 2


def test_any_file_name(root: Path) -> None:
    names = [b"a b'\"$;&#().jpg", b"[x]~!@*?.jpg", b"new\nline.jpg", b"\xff\xfe.jpg", "é.jpg".encode()]
    for number, name in enumerate(names):
        photograph(root / "photos" / "walking" / os.fsdecode(name), 100 + number)
    manifest = make_manifest(benchmark(root), "source", 2)
    assert {f"walking/{os.fsdecode(name)}" for name in names} <= {item.id for item in manifest.items}
    write_manifest(manifest, 3, root / "out")
    assert read_items(root / "out" / "manifest.csv") == manifest.items
    parts = [read_items(root / "out" / "items" / f"000{index}.csv") for index in range(3)]
    assert sorted(item.id for part in parts for item in part) == sorted(item.id for item in manifest.items)
    assert all(shard_of(item.id, 3) == index for index, part in enumerate(parts) for item in part)


def test_fingerprints_are_written_last_one_a_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, out = make_manifest(benchmark(root), "source", 2), root / "out"
    write_manifest(manifest, 3, out, ["aa", "bb", "cc"])
    assert (out / "contents.txt").read_text() == "aa\nbb\ncc\n"

    def full_disk(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("i2vadapt.files.tables.write_atomically", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_manifest(manifest, 3, out, ["dd", "ee", "ff"])
    assert (out / "contents.txt").read_text() == "aa\nbb\ncc\n"


def test_a_manifest_without_fingerprints_leaves_none_of_an_earlier_one(root: Path) -> None:
    manifest, out = make_manifest(benchmark(root), "source", 2), root / "out"
    write_manifest(manifest, 3, out, ["aa", "bb", "cc"])
    write_manifest(manifest, 3, out)
    assert not (out / "contents.txt").exists()


def test_each_shard_has_a_fingerprint_or_none_has(root: Path) -> None:
    manifest = make_manifest(benchmark(root), "source", 2)
    with pytest.raises(UserError, match="--fingerprints: 2 given, the dataset has 3 shards"):
        write_manifest(manifest, 3, root / "out", ["aa", "bb"])
    assert not (root / "out").exists()


def test_adding_a_photograph_changes_one_shard(root: Path) -> None:
    before = shard_digests(root / "photos", 3)
    photograph(root / "photos" / "walking" / "new.jpg", 55)
    after = shard_digests(root / "photos", 3)
    changed = [index for index in range(3) if before[index] != after[index]]
    assert changed == [shard_of("walking/new.jpg", 3)]
    os.utime(root / "photos" / "walking" / "0.jpg")
    assert shard_digests(root / "photos", 3) == after


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (
            {"walk": ["walkng"], "run": ["running"]},
            r"classes: source: 'walkng' not found in .*; its classes are Running, empty, walking",
        ),
        ({"walk": ["empty"], "run": ["running"]}, "no usable item of class walk"),
    ],
)
def test_unknown_and_empty_classes(root: Path, classes: dict[str, list[str]], message: str) -> None:
    (root / "photos" / "empty").mkdir()
    (root / "photos" / "empty" / "text.jpg").write_text("x")
    with pytest.raises(UserError, match=message):
        make_manifest(benchmark(root, classes), "source", 2)


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="photos: no such folder"):
        make_manifest(benchmark(tmp_path), "source", 2)
    (tmp_path / "photos").mkdir()
    with pytest.raises(UserError, match="contains no items"):
        make_manifest(benchmark(tmp_path), "source", 2)


def test_videos_without_classes_are_unlabelled(root: Path) -> None:
    bench = benchmark(root)
    flat = root / "flat"
    video(flat / "a.mp4", 1)
    video(flat / "b.mp4", 2)
    bench = bench.model_copy(update={"target": bench.target.model_copy(update={"root": str(flat)})})
    assert [(item.label, item.class_name) for item in make_manifest(bench, "target", 2).items] == [(-1, ""), (-1, "")]


def test_list_with_names_and_indices_stays_inside_the_root(root: Path) -> None:
    lines = ["walking/0.jpg walking", "Running/1.jpg 1", "walking/none.jpg 0", "../secret.jpg 0", "walking/2.jpg 7"]
    (root / "list.txt").write_text("\n".join(lines) + "\n")
    bench = benchmark(root, {"walk": ["walking"], "run": ["walking2"]}, layout="list", lists=[str(root / "list.txt")])
    with pytest.raises(UserError, match="'walking2' not found"):
        make_manifest(bench, "source", 2)
    bench = benchmark(
        root,
        {"walk": ["walking"], "run": ["walking"]} | {"run": ["running"]},
        layout="list",
        lists=[str(root / "list.txt")],
    )
    (root / "list.txt").write_text("\n".join([*lines, "Running/0.jpg running"]) + "\n")
    manifest = make_manifest(bench, "source", 2)
    assert [(item.id, item.label) for item in manifest.items] == [
        ("Running/0.jpg", 1),
        ("Running/1.jpg", 1),
        ("walking/0.jpg", 0),
    ]
    assert {row.id: row.reason for row in manifest.excluded} == {
        "../secret.jpg": "outside the dataset's root",
        "walking/none.jpg": "unreadable: No such file or directory",
        "walking/2.jpg": "class index 7, but the benchmark has 2 classes",
    }


def test_ucf101_and_hmdb51_lists(root: Path) -> None:
    (root / "trainlist01.txt").write_text("walk/0.mp4 1\r\nrun/1.mp4 2\r\n")
    spec = {"dataset": "videos", "root": str(root / "videos")}
    document = {
        **benchmark(root).model_dump(),
        "target": {**spec, "layout": "ucf101", "lists": [str(root / "trainlist01.txt")]},
    }
    ucf = parse(Benchmark, document, "x")
    assert [(item.id, item.label) for item in make_manifest(ucf, "target", 2).items] == [
        ("run/1.mp4", 1),
        ("walk/0.mp4", 0),
    ]
    splits = root / "splits"
    splits.mkdir()
    (splits / "walk_test_split1.txt").write_text("0.mp4 1 \n1.mp4 2 \n2.mp4 0 \n")
    (splits / "run_test_split1.txt").write_text("0.mp4 2\n1.mp4 1\n")
    target = {**spec, "layout": "hmdb51", "lists": [str(splits)], "split": 1}
    ids = {}
    for subset in ("train", "test", "all"):
        hmdb = parse(Benchmark, {**document, "target": {**target, "subset": subset}}, "x")
        ids[subset] = [entry.id for entry in list_entries(hmdb.target)]
    assert ids["train"] == ["run/1.mp4", "walk/0.mp4"]
    assert ids["test"] == ["run/0.mp4", "walk/1.mp4"]
    assert len(ids["all"]) == 5
