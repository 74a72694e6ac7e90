from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from i2vadapt.config.preprocessing import DepthSettings
from i2vadapt.data.image import read_image
from i2vadapt.data.items import Item, digest_items
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.depth import stage
from i2vadapt.depth.plain import estimate_files
from i2vadapt.depth.registry import default_checkpoint
from i2vadapt.depth.stage import inverse_depth_in_unit_range, load_network, run_depth
from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest

SMALL = DepthSettings(model="dpt_small", precision="float32")
SIZES = ((60, 80), (80, 60), (60, 80), (64, 64))


def photograph(path: Path, size: tuple[int, int], seed: int) -> Item:
    """A smooth picture: ground below, sky above, a box between."""
    height, width = size
    rng = np.random.default_rng(seed)
    image = np.linspace(220, 60, height)[:, None, None] * rng.uniform(0.5, 1, 3)
    image = np.broadcast_to(image, (height, width, 3)).astype(np.uint8).copy()
    image[height // 3 : height * 3 // 4, width // 3 : width // 2] = rng.integers(0, 256, 3)
    path.write_bytes(bytes(cv2.imencode(".png", image)[1]))
    return Item(path.name, str(path), "walk", seed % 2, file_digest(path))


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    return [photograph(tmp_path / f"{number}.png", size, number) for number, size in enumerate(SIZES)]


def test_maps_have_the_photographs_sizes_and_fill_the_range(tmp_path: Path, items: list[Item]) -> None:
    run_depth(items, tmp_path / "0000.h5", SMALL, 0.0)
    reader = ShardReader(tmp_path / "0000.h5", "depth")
    assert list(reader.ids) == [item.id for item in items]
    assert reader.labels.tolist() == [0, 1, 0, 1]
    for number, size in enumerate(SIZES):
        depth = reader.frames(number)
        assert depth.shape == (1, *size)
        assert depth.dtype == np.uint16
        assert (depth.min(), depth.max()) == (0, 65535)
    assert reader.provenance["inputs"]["items"] == digest_items(items)
    assert len(reader.provenance["inputs"]["checkpoint"]) == 64


def test_batches_and_neighbours_change_nothing_that_matters(tmp_path: Path, items: list[Item]) -> None:
    """Each photograph alone gives the map it has in company, up to rounding; plain files and re-estimation too."""
    run_depth(items, tmp_path / "0000.h5", SMALL, 0.0)
    reader = ShardReader(tmp_path / "0000.h5", "depth")
    network, _ = load_network(SMALL)
    estimate_files([Path(item.path) for item in items], tmp_path / "maps", SMALL)
    for number, item in enumerate(items):
        stored = reader.frames(number)[0].astype(float) / 65535
        alone = inverse_depth_in_unit_range(network, read_image(item.path))
        assert np.abs(alone - stored).max() < 1e-3
        plain = cv2.imread(str(tmp_path / "maps" / item.id), cv2.IMREAD_UNCHANGED)
        assert plain.dtype == np.uint16
        assert np.abs(plain / 65535 - stored).max() < 1e-3


def test_several_devices_change_no_byte(tmp_path: Path, items: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "BATCH_ITEMS", 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of the new processes; another number rounds in another way
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run_depth(items, tmp_path / "one.h5", SMALL, 0.0)
    torch.set_num_threads(threads)
    monkeypatch.setattr(stage, "visible_devices", lambda: ["cpu", "cpu"])
    run_depth(items, tmp_path / "two.h5", SMALL, 0.0)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_bfloat16_is_recorded_and_changes_little(tmp_path: Path, items: list[Item]) -> None:
    run_depth(items, tmp_path / "exact.h5", SMALL, 0.0)
    run_depth(items, tmp_path / "fast.h5", SMALL.model_copy(update={"precision": "bfloat16"}), 0.0)
    exact, fast = (ShardReader(tmp_path / f"{name}.h5", "depth") for name in ("exact", "fast"))
    assert [shard.provenance["inputs"]["precision"] for shard in (exact, fast)] == ["float32", "bfloat16"]
    for number in range(len(items)):
        difference = np.abs(exact.frames(number).astype(int) - fast.frames(number).astype(int)) / 65535
        assert 0 < difference.mean() < 0.01
        assert difference.max() < 0.05
        # the last convolutions are in float32, else a map has some hundred levels
        assert len(np.unique(fast.frames(number))) > 0.8 * len(np.unique(exact.frames(number)))


def test_large_inputs_go_through_the_network_one_by_one(
    tmp_path: Path, items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_depth(items, tmp_path / "together.h5", SMALL, 0.0)
    monkeypatch.setattr(stage, "_BATCH_PIXELS", 1)
    run_depth(items, tmp_path / "alone.h5", SMALL, 0.0)
    together, alone = (ShardReader(tmp_path / f"{name}.h5", "depth") for name in ("together", "alone"))
    for number in range(len(items)):
        assert np.abs(together.frames(number).astype(int) - alone.frames(number).astype(int)).max() < 66


def test_long_and_narrow_photographs_are_failures(tmp_path: Path, items: list[Item]) -> None:
    strip = photograph(tmp_path / "strip.png", (192, 2000), 9)
    run_depth([*items, strip], tmp_path / "0000.h5", SMALL, 0.5)
    (failure,) = ShardReader(tmp_path / "0000.h5", "depth").failures
    assert failure.id == "strip.png"
    assert failure.reason == (
        f"{strip.path}: depth: 2000x192 pixels are too long and narrow: the input of dpt_small would have 1984x192"
    )


def test_unreadable_photographs_are_failures(tmp_path: Path, items: list[Item]) -> None:
    Path(items[1].path).write_text("x")
    run_depth(items, tmp_path / "0000.h5", SMALL, 0.25)
    reader = ShardReader(tmp_path / "0000.h5", "depth")
    assert list(reader.ids) == ["0.png", "2.png", "3.png"]
    assert [failure.id for failure in reader.failures] == ["1.png"]
    with pytest.raises(UserError, match=r"1 of 4 items failed, more than max_failed_share = 0\.2: 1\.png"):
        run_depth(items, tmp_path / "0001.h5", SMALL, 0.2)


def test_a_network_without_weights_or_with_those_of_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the weights of dpt_beit_large_512 are missing \(weights/dpt_beit_large"):
        load_network(DepthSettings(model="dpt_beit_large_512"))
    with pytest.raises(UserError, match=r"none\.pt"):
        load_network(DepthSettings(model="dpt_small", checkpoint=str(tmp_path / "none.pt")))


def test_weights_in_another_place_are_the_same_weights(tmp_path: Path) -> None:
    shipped = default_checkpoint("dpt_small")
    assert shipped is not None
    (tmp_path / "copy.safetensors").write_bytes(shipped.read_bytes())
    _, here = load_network(SMALL)
    _, there = load_network(SMALL.model_copy(update={"checkpoint": str(tmp_path / "copy.safetensors")}))
    assert here == there


def test_two_images_of_one_name_and_a_bad_one_among_good_ones(tmp_path: Path, items: list[Item]) -> None:
    other = tmp_path / "other"
    other.mkdir()
    namesake = photograph(other / "0.png", (60, 80), 9)
    with pytest.raises(UserError, match="more than one image is named 0"):
        estimate_files([Path(items[0].path), Path(namesake.path)], tmp_path / "maps", SMALL)
    Path(items[0].path).write_text("x")
    with pytest.raises(UserError, match=r"\A[^\n]*0\.png: not a readable image[^\n]*\Z"):
        estimate_files([Path(items[0].path), Path(items[1].path)], tmp_path / "maps", SMALL)
    assert (tmp_path / "maps" / "1.png").exists()


def test_the_map_of_a_single_image_may_be_named(tmp_path: Path, items: list[Item]) -> None:
    photographs = [Path(item.path) for item in items]
    (tmp_path / "old.png").mkdir()
    for out, file in (
        ("map.PNG", "map.PNG"),
        ("new/map.png", "new/map.png"),
        ("v1.2", "v1.2/0.png"),
        ("old.png", None),
    ):
        estimate_files(photographs[:1], tmp_path / out, SMALL)
        written = cv2.imread(str(tmp_path / (file or "old.png/0.png")), cv2.IMREAD_UNCHANGED)
        assert written.shape == SIZES[0]
    with pytest.raises(UserError, match=r"--out: maps\.png: must be a folder for the maps of 4 images"):
        estimate_files(photographs, Path("maps.png"), SMALL)
    for name in ("map.jpg", "map.npy", "map.h5"):
        with pytest.raises(
            UserError, match=rf"--out: {name}: maps are PNG files of 16 bits: name a folder, or for one"
        ):
            estimate_files(photographs[:1], Path(name), SMALL)


def test_a_folder_is_no_name_of_a_shard(tmp_path: Path, items: list[Item]) -> None:
    with pytest.raises(UserError, match=r"is a folder; --out must name the shard, e\.g\. .*/0000\.h5"):
        run_depth(items, tmp_path, SMALL, 0.0)
    assert not tmp_path.with_name(f"{tmp_path.name}.partial").exists()
