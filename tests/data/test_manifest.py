from __future__ import annotations

import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from damaged_pictures import smooth_picture
from PIL import Image

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.parsing import parse
from i2vadapt.data import manifest as manifest_module
from i2vadapt.data.duplicates import judge_copies
from i2vadapt.data.items import UNLABELLED, Item, read_items, shard_of
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


def test_pictures_without_a_known_suffix_are_taken_by_their_content(root: Path) -> None:
    folder = root / "photos" / "walking"
    for number, name in enumerate(("no suffix", "d.jpg_large", "e.jpg?width=300", "f.txt")):
        photograph(folder / "x.jpg", 60 + number)
        (folder / "x.jpg").rename(folder / name)
    Image.fromarray(smooth_picture()).save(folder / "g.avif")
    (folder / "README").write_text("P5 words")
    os.mkfifo(folder / "pipe")
    found = make_manifest(benchmark(root), "source", 2)
    new = {"d.jpg_large", "e.jpg?width=300", "f.txt", "g.avif", "no suffix"}
    assert {item.id for item in found.items} >= {f"walking/{name}" for name in new}
    assert {row.id: row.reason for row in found.excluded} == {
        "walking/README": "not an image by its suffix",
        "walking/pipe": "not an image by its suffix",
    }


@pytest.mark.parametrize("side", ["source", "target"])
def test_files_of_systems_are_no_items_and_no_classes(root: Path, side: str) -> None:
    top, name, write = (
        (root / "photos", "walking", photograph) if side == "source" else (root / "videos", "walk", video)
    )
    suffix = ".jpg" if side == "source" else ".mp4"
    places = [f"{name}/@eaDir/0{suffix}/SYNO_M{suffix}", f"@eaDir/{name}/1{suffix}", f"__MACOSX/{name}/2{suffix}"]
    places += [f"{name}/#recycle/3{suffix}", f"lost+found/4{suffix}"]
    before = shard_digests(top, 1), len(make_manifest(benchmark(root), side, 2).items)
    for number, place in enumerate([*places, f"{name}/.thumbnails/5{suffix}", f"{name}/._0{suffix}"]):
        write(top / place, 300 + number)
    manifest = make_manifest(benchmark(root), side, 2)
    assert len(manifest.items) == before[1]
    assert {row.id: row.reason for row in manifest.excluded} == dict.fromkeys(places, "thumbnail or system file")
    unknown = {"walk": ["walkng"], "run": ["running"]}
    if side == "source":
        with pytest.raises(UserError, match=r"its classes are Running, walking\Z"):
            make_manifest(benchmark(root, unknown), side, 2)


def test_a_list_cannot_bring_thumbnails_back(root: Path) -> None:
    photograph(root / "photos" / "walking" / "._9.jpg", 9)
    lines = ["walking/0.jpg walking", "walking/._9.jpg walking", "Running/0.jpg running"]
    (root / "list.txt").write_text("\n".join(lines))
    found = reasons(benchmark(root, layout="list", lists=[str(root / "list.txt")]))
    assert found == {"walking/._9.jpg": "thumbnail or system file"}


@pytest.mark.parametrize("side", ["source", "target"])
def test_one_content_in_two_classes_is_a_conflict_and_not_used(root: Path, side: str) -> None:
    folder, run, walk, suffix = ("photos", "Running", "walking", ".jpg")
    if side == "target":
        folder, run, walk, suffix = ("videos", "run", "walk", ".mp4")
    for name in (f"{walk}/copy", f"{walk}/again"):
        (root / folder / f"{name}{suffix}").write_bytes((root / folder / run / f"1{suffix}").read_bytes())
    manifest = make_manifest(benchmark(root), side, 2)
    assert {row.id: row.reason for row in manifest.excluded} == {
        f"{run}/1{suffix}": f"label conflict: run here, walk for the same content in {walk}/again{suffix}",
        f"{walk}/again{suffix}": f"label conflict: walk here, run for the same content in {run}/1{suffix}",
        f"{walk}/copy{suffix}": f"label conflict: walk here, run for the same content in {run}/1{suffix}",
    }
    assert not {row.id for row in manifest.excluded} & {item.id for item in manifest.items}


def test_of_copies_the_labelled_one_is_used() -> None:
    items = [Item("a", "a", "", UNLABELLED, "1"), Item("b", "b", "walk", 0, "1"), Item("c", "c", "walk", 0, "1")]
    assert judge_copies(items) == ["duplicate of b", None, "duplicate of b"]
    assert judge_copies([*items, Item("d", "d", "run", 1, "1")]) == [
        "label conflict: no label here, walk for the same content in b",
        "label conflict: walk here, run for the same content in d",
        "label conflict: walk here, run for the same content in d",
        "label conflict: run here, walk for the same content in b",
    ]


def test_a_class_without_items_names_its_files_and_why(root: Path) -> None:
    folder = root / "photos" / "empty"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number:02}.jpg").write_text("x" if number else "")
    (root / "photos" / "walking" / "notes.txt").write_text("of another class")
    with pytest.raises(UserError) as caught:
        make_manifest(benchmark(root, {"walk": ["empty"], "run": ["running"]}), "source", 2)
    start = "test: source: no usable item of class walk (excluded: empty/00.jpg: unreadable: empty file; empty/01.jpg: "
    assert str(caught.value).startswith(start)
    assert str(caught.value).endswith("; and 2 more; in all 12 unreadable)")
    assert "notes.txt" not in str(caught.value)


def test_a_list_with_wrong_paths_names_them(root: Path) -> None:
    (root / "list.txt").write_text("walking/0.jpeg walking\nwalk/1.jpg 0\nRunning/0.jpg running\n")
    bench = benchmark(root, {"walk": ["walking"], "run": ["running"]}, layout="list", lists=[str(root / "list.txt")])
    with pytest.raises(UserError) as caught:
        make_manifest(bench, "source", 2)
    missing = "unreadable: No such file or directory"
    assert str(caught.value).endswith(f"(excluded: walk/1.jpg: {missing}; walking/0.jpeg: {missing})")


def test_too_many_open_files_exclude_no_photograph(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(manifest_module, "check_image", no_more)
    with pytest.raises(OSError, match="Too many open files"):
        make_manifest(benchmark(root), "source", 2)
