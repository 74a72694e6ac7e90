from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from tiny_data import CLASSES, TRAIN

from i2vadapt.cli import main
from i2vadapt.config.parsing import parse
from i2vadapt.config.preprocessing import CropSettings, DecodeSettings
from i2vadapt.config.recipes.frames import Settings
from i2vadapt.data.items import Item, write_items
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import StageError, UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.inference.attention import PhotographClassifier
from i2vadapt.inference.crop_stage import locate_objects, run_crops
from i2vadapt.models.registry import build_network
from i2vadapt.models.stream_network import RunNetwork
from i2vadapt.synthesis.crops import Box
from i2vadapt.weights import checkpoint

SETTINGS = CropSettings(frames=5, short_side=36, threshold=0.8, codec="raw")
DECODE = DecodeSettings(short_side=64)
HEIGHT, WIDTH = 96, 128


def picture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    blocks = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return blocks.repeat(8, 0).repeat(8, 1)


def write_photograph(path: Path, image: np.ndarray, class_name: str = "walk") -> Item:
    path.write_bytes(bytes(cv2.imencode(".png", image[..., ::-1])[1]))
    return Item(path.name, str(path), class_name, CLASSES.index(class_name), file_digest(path))


def write_classifier(path: Path, **changes: Any) -> Path:
    document = {**TRAIN, "recipe": "frames", "network": "resnet18", **changes}
    del document["bank"]
    settings = parse(Settings, document, "test").relevant()
    torch.manual_seed(0)
    network = build_network(settings, len(CLASSES))
    with torch.no_grad():
        # A few features that speak for every class: no map is 0 everywhere, and none nearly constant.
        network.logits.weight.abs_()[:, 4:] = 0
        for _ in range(20):  # batch statistics of its input: otherwise a random network's maps hardly differ
            RunNetwork(network)(torch.rand(4, 3, 1, 64, 64) * 2 - 1)
    content = {
        "model": network.state_dict(),
        "classes": list(CLASSES),
        "settings": settings.model_dump(mode="json"),
        "seed": 0,
        "decode": DECODE.model_dump(mode="json"),
        "flow": {},
    }
    checkpoint.save(path, content)
    return path


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classifier(tmp_path_factory.mktemp("classifier") / "checkpoint.pt")


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    names = ("walk", "run", "walk")
    return [write_photograph(tmp_path / f"{seed}.png", picture(seed), name) for seed, name in enumerate(names)]


def crop(items: list[Item], classifier: Path | None, out: Path, **changes: Any) -> ShardReader:
    seed, threads = changes.pop("seed", 0), changes.pop("threads", 2)
    settings = SETTINGS.model_copy(update=changes)
    run_crops(items, classifier, out, settings, seed, threads, 0.5)
    return ShardReader(out, "frames")


def assert_frames_are_the_recorded_crops(reader: ShardReader, items: list[Item]) -> None:
    by_id = {item.id: item for item in items}
    for number, item_id in enumerate(reader.ids):
        image = cv2.imread(by_id[item_id].path)[..., ::-1]
        for frame, (left, top, width, height) in zip(reader.frames(number), reader.info[number]["boxes"], strict=True):
            shown = np.ascontiguousarray(image[top : top + height, left : left + width])
            shrinks = width * height > 48 * 36
            expected = cv2.resize(shown, (48, 36), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
            np.testing.assert_array_equal(frame, expected)


def test_frames_are_the_recorded_crops_around_the_recorded_object(
    items: list[Item], classifier: Path, tmp_path: Path
) -> None:
    reader = crop(items, classifier, tmp_path / "0000.h5")
    assert list(reader.ids) == ["0.png", "1.png", "2.png"]
    assert reader.labels.tolist() == [0, 1, 0]
    assert_frames_are_the_recorded_crops(reader, items)
    for info in reader.info:
        assert (info["height"], info["width"], info["fps"]) == (36, 48, 25.0)
        assert info["boxes"][0] == [0, 0, WIDTH, HEIGHT]
        left, top, width, height = info["object"]
        near_left, near_top, near_width, near_height = info["boxes"][-1]
        assert near_left - 1 <= left
        assert near_top - 1 <= top
        assert left + width <= near_left + near_width + 1
        assert top + height <= near_top + near_height + 1
    provenance = reader.provenance
    assert provenance["stage"] == "crop"
    assert provenance["settings"]["short_side"] == 36
    assert provenance["inputs"]["classifier"] == file_digest(classifier)
    assert provenance["inputs"]["precision"] == "float32"


def test_clips_belong_to_the_item_whatever_order_or_threads(
    items: list[Item], classifier: Path, tmp_path: Path
) -> None:
    whole = crop(items, classifier, tmp_path / "one.h5", threads=1)
    crop(items, classifier, tmp_path / "two.h5", threads=3)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()
    part = crop(items[::-1][:2], classifier, tmp_path / "part.h5")
    for item_id in ("1.png", "2.png"):
        assert whole.info[whole.index(item_id)] == part.info[part.index(item_id)]
    other = crop(items, classifier, tmp_path / "seed.h5", seed=1)
    for one, another in zip(whole.info, other.info, strict=True):
        assert one["object"] == another["object"]
        assert one["boxes"] != another["boxes"]


class Bright(PhotographClassifier):
    """Its map is the brightness of a photograph, in 8 x 8 cells."""

    def maps(self, photographs: Any, class_names: Any) -> np.ndarray:
        height, width = photographs[0].shape[:2]
        cells = [one[..., 0].reshape(8, height // 8, 8, width // 8) for one in photographs]
        return np.stack(cells).max((2, 4)).astype(np.float32)


def test_the_object_is_where_the_map_says_in_photographs_of_all_sizes(tmp_path: Path) -> None:
    expected, items = [], []
    for number, (height, width) in enumerate([(128, 128), (256, 384), (128, 192), (384, 256), (64, 64)] * 4):
        image = np.zeros((height, width, 3), np.uint8)
        box = Box(0.5, 0.25, 0.25, 0.5) if number % 2 else Box(0.0, 0.5, 0.5, 0.25)
        rows = slice(round(box.top * height), round((box.top + box.height) * height))
        columns = slice(round(box.left * width), round((box.left + box.width) * width))
        image[rows, columns] = 255
        items.append(write_photograph(tmp_path / f"{number}.png", image))
        expected.append(box)
    network = Bright(tmp_path, None, CLASSES, DECODE, None)  # type: ignore[arg-type]
    found = list(locate_objects(network, CropSettings(threshold=0.5), 2, items))
    assert [located.item for located in found] == items
    for located, box in zip(found, expected, strict=True):
        # Half of the maximum lies on the edge between two cells.
        assert isinstance(located.box, Box)
        np.testing.assert_allclose(located.box, box, atol=0.07)


def test_without_grad_cam_no_classifier_is_needed(items: list[Item], tmp_path: Path) -> None:
    still = crop(items, None, tmp_path / "none.h5", attention="none")
    assert all(info["boxes"] == [[0, 0, WIDTH, HEIGHT]] * 5 for info in still.info)
    random = crop(items, None, tmp_path / "random.h5", attention="random")
    assert_frames_are_the_recorded_crops(random, items)
    assert len({tuple(info["object"]) for info in random.info}) == 3
    assert set(random.provenance["inputs"]) == {"items"}
    with pytest.raises(UserError, match="attention grad_cam needs --classifier"):
        crop(items, None, tmp_path / "missing.h5")


def test_another_classifier_makes_the_shard_again(items: list[Item], classifier: Path, tmp_path: Path) -> None:
    crop(items, classifier, tmp_path / "0000.h5")
    made = (tmp_path / "0000.h5").stat().st_mtime_ns
    crop(items, classifier, tmp_path / "0000.h5")
    assert (tmp_path / "0000.h5").stat().st_mtime_ns == made
    other = write_classifier(tmp_path / "checkpoint.pt", dropout=0.1)
    provenance = crop(items, other, tmp_path / "0000.h5").provenance
    assert provenance["inputs"]["classifier"] == file_digest(other) != file_digest(classifier)


def test_photographs_that_fail_are_left_out_alone(items: list[Item], classifier: Path, tmp_path: Path) -> None:
    Path(items[1].path).unlink()
    strip = write_photograph(tmp_path / "strip.png", np.zeros((16, 30_000, 3), np.uint8))
    reader = crop([*items, strip], classifier, tmp_path / "0000.h5")
    assert list(reader.ids) == ["0.png", "2.png"]
    gone, narrow = reader.failures
    assert gone.reason == f"{items[1].path}: cannot be read: No such file or directory"
    assert narrow.reason.startswith(f"{strip.path}: 30000x16 pixels are too long and narrow: frames of ")
    reader = crop([*items, strip], None, tmp_path / "none.h5", attention="none")
    assert [failed.reason.split(": ")[0] for failed in reader.failures] == [items[1].path, strip.path]


def test_a_photograph_that_has_changed_ends_the_stage(items: list[Item], classifier: Path, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"1\.png: has changed since the manifest was made"):
        crop([items[0], replace(items[1], digest="other")], classifier, tmp_path / "0000.h5")


def errors_of(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[str]:
    assert main(["crop", *map(str, arguments)]) == 1
    mark = "i2vadapt: error: "
    return [line.removeprefix(mark) for line in capsys.readouterr().err.splitlines() if line.startswith(mark)]


def test_the_command_and_classes_or_networks_that_do_not_fit(
    items: list[Item], classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = tmp_path / "items.csv", tmp_path / "0000.h5"
    write_items(table, items)
    arguments = ["--items", table, "--out", out, "--settings", SETTINGS.model_dump_json(), "--seed", "4"]
    assert main(["crop", *map(str, arguments), "--classifier", str(classifier), "--workers", "0"]) == 0
    same = crop(items, classifier, tmp_path / "same.h5", seed=4)
    assert ShardReader(out).digest == same.digest

    write_items(table, [replace(items[0], class_name="jump"), replace(items[1], class_name=""), items[2]])
    assert errors_of(capsys, *arguments, "--classifier", classifier) == [
        f"{classifier}: trained for the classes walk, run, but items are of (no class), jump"
    ]
    assert errors_of(capsys, *arguments, "--classifier", tmp_path) == [
        f"{tmp_path}: is a folder; name the checkpoint.pt of a run"
    ]
    (line,) = errors_of(capsys, *arguments, "--classifier", tmp_path / "none.pt")
    assert line.startswith(f"{tmp_path / 'none.pt'}: ")
