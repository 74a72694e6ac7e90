from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_results import CLASSES, COLOURS

from i2vadapt.layout import Results
from i2vadapt.report.canvas import Strip, compose, depth_colours, evenly
from i2vadapt.report.datasets import existing_shards
from i2vadapt.report.sheets import flow_sheet, generated_sheet, photographs_sheet, strongest
from i2vadapt.report.view.show import show
from i2vadapt.stages import KINDS


def decode(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)


def count(image: np.ndarray, colour: tuple[int, int, int], tolerance: int = 6) -> int:
    return int((np.abs(image.astype(int) - colour).max(axis=-1) <= tolerance).sum())


def test_frames_are_spread_over_the_whole_length() -> None:
    assert evenly(16, 8).tolist() == [0, 2, 4, 6, 9, 11, 13, 15]
    assert evenly(3, 8).tolist() == [0, 1, 2]


def test_near_is_bright() -> None:
    colours = depth_colours(np.array([[0, 65535]], np.uint16)).astype(int)
    assert colours[0, 0].sum() < 30
    assert colours[0, 1].sum() > 500


def test_pictures_keep_their_aspect_and_order() -> None:
    wide, tall = np.full((10, 20, 3), (255, 0, 0), np.uint8), np.full((20, 10, 3), (0, 0, 255), np.uint8)
    image = decode(compose([Strip("a", [wide, tall, None])], 40))
    red, blue = (np.nonzero((image == colour).all(axis=-1)) for colour in ((255, 0, 0), (0, 0, 255)))
    # the edge around a picture takes a pixel on each side
    assert np.ptp(red[1]) + 3 == 80
    assert np.ptp(blue[1]) + 3 == 20
    assert np.ptp(red[0]) + 3 == np.ptp(blue[0]) + 3 == 40
    assert red[1].max() < blue[1].min()


def test_caption_with_bytes_that_are_not_text_is_drawn() -> None:
    assert compose([Strip("caf\udce9", [None])], 20)


def test_caption_of_several_lines_is_drawn_as_one() -> None:
    assert compose([Strip("a\nb", [None])], 20) == compose([Strip("a b", [None])], 20)


def test_photographs_stand_beside_their_depth_and_failed_items_are_passed_over(results: Results) -> None:
    image = decode(photographs_sheet(results.dataset("photographs"), CLASSES))
    areas = [count(image, colour) for colour in COLOURS]
    # three photographs a class; the depth of one of the first class failed
    assert areas[0] == pytest.approx(areas[1] * 2 / 3, rel=0.02)
    assert areas[2] == areas[1]


def test_moved_photograph_leaves_a_grey_place(results: Results, caplog: pytest.LogCaptureFixture) -> None:
    (results.path.parent / "photographs" / "1" / "0.png").unlink()
    with caplog.at_level(logging.WARNING):
        image = decode(photographs_sheet(results.dataset("photographs"), CLASSES))
    assert "1/0.png" in caplog.text
    assert count(image, COLOURS[1]) < 0.7 * count(image, COLOURS[2])


def test_sheets_are_the_same_every_time(results: Results) -> None:
    folder = results.dataset("photographs")
    assert generated_sheet(folder, CLASSES) == generated_sheet(folder, CLASSES)


def test_flow_sheet_has_one_row_a_class_and_right_is_red(results: Results) -> None:
    image = decode(flow_sheet(results.dataset("videos"), CLASSES, "flow"))
    areas = [count(image, colour) for colour in COLOURS]
    assert areas[0] == pytest.approx(areas[1], rel=0.02)
    # half of each field moves to the right, and there are as many fields as frames
    assert count(image, (255, 0, 0)) == pytest.approx(sum(areas) / 2, rel=0.05)


def test_flow_sheet_without_labels_shows_videos(unlabelled_results: Results) -> None:
    image = decode(flow_sheet(unlabelled_results.dataset("videos"), CLASSES, "flow"))
    assert count(image, (255, 0, 0)) > 1000


def test_flow_sheet_of_a_benchmark_without_flow(results: Results) -> None:
    for path in existing_shards(results.dataset("videos"), "flow"):
        path.unlink()
    assert decode(flow_sheet(results.dataset("videos"), CLASSES, "flow")).shape[0] < 100


def test_without_shards_photographs_stand_alone_and_other_sheets_say_so(results: Results) -> None:
    folder = results.dataset("photographs")
    for kind in KINDS:
        for path in existing_shards(folder, kind):
            path.unlink()
    image = decode(photographs_sheet(folder, CLASSES))
    areas = [count(image, colour) for colour in COLOURS]
    assert areas[0] == areas[1] == areas[2] > 0
    assert decode(generated_sheet(folder, CLASSES)).shape[0] < 100


def test_still_video_is_pale() -> None:
    assert strongest(np.full((2, 8, 8, 2), 0.01, np.float32)) == 1.0
    assert strongest(np.full((2, 8, 8, 2), (3.0, 4.0), np.float32)) == pytest.approx(5.0)


@pytest.mark.parametrize("kind", ["depth", "frames", "flow"])
def test_view_of_every_kind_of_shard(results: Results, tmp_path: Path, kind: str) -> None:
    shard = results.dataset("photographs").shard(kind, "0000")
    show(shard, tmp_path / "one.png", items=1)
    show(shard, tmp_path / "more.png", items=50)
    one, more = (cv2.imread(str(tmp_path / name)).shape for name in ("one.png", "more.png"))
    assert (more[0] > one[0]) if kind != "depth" else (more[1] >= one[1])
