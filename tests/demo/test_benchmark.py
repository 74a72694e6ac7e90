from __future__ import annotations

import csv
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from i2vadapt.demo import CLASSES, exact_flow, write_demo
from i2vadapt.demo.videos import FRAME_RATE, video_clip
from i2vadapt.errors import UserError


def decoded(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    write_demo(out, seed=3, photographs_per_class=2, videos_per_class=1, workers=1)
    return out


def test_the_index_names_every_file(demo: Path) -> None:
    with (demo / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "class", "domain"]
    paths = [row["path"] for row in rows]
    assert paths == sorted(paths)
    assert len(paths) == 3 * len(CLASSES)
    found = {path.relative_to(demo).as_posix() for path in demo.rglob("*") if path.is_file()}
    assert found == {*paths, "index.csv"}
    assert {(row["class"], row["domain"]) for row in rows} == {
        (name, domain) for name in CLASSES for domain in ("photographs", "videos")
    }


def test_videos_are_short_clips_that_move(demo: Path) -> None:
    for name in CLASSES:
        frames = decoded(demo / "videos" / name / f"{name}_000.mp4")
        assert 20 <= len(frames) <= 50
        assert frames.shape[1] % 2 == frames.shape[2] % 2 == 0
        assert np.abs(np.diff(frames[::5].astype(float), axis=0)).mean() > 1


def test_photographs_are_brighter_than_videos(demo: Path) -> None:
    bright = np.mean([cv2.imread(str(path)).mean() for path in demo.glob("photographs/*/*.jpg")])
    dim = np.mean([decoded(path)[0].mean() for path in demo.glob("videos/*/*.mp4")])
    assert bright > dim + 10


def test_two_processes_write_the_same_files(demo: Path, tmp_path: Path) -> None:
    write_demo(tmp_path, seed=3, photographs_per_class=1, videos_per_class=1, workers=2)
    for path in tmp_path.rglob("*_000.*"):
        assert path.read_bytes() == (demo / path.relative_to(tmp_path)).read_bytes(), path.name


def test_numbers_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="workers: must be 1 or more, not 0"):
        write_demo(tmp_path, workers=0)
    with pytest.raises(UserError, match="videos_per_class: must be 0 or more, not -1"):
        write_demo(tmp_path, videos_per_class=-1)


def test_people_stay_in_view_and_runners_move_faster() -> None:
    speeds = {}
    for name in ("walk", "run"):
        means = []
        for number in range(8):
            clip = video_clip(np.random.default_rng(number), name)
            for share in (0.0, 0.5, 0.95):
                time = share * (clip.frames - 1) / FRAME_RATE
                parts = clip.scene.figures[0].primitives(time)
                camera = clip.scene.path.at(time)
                seen = (parts.origins[1] @ camera.R.T + camera.t) @ camera.K.T
                height, width = clip.scene.size
                assert 0 <= seen[0] / seen[2] < width
                assert 0 <= seen[1] / seen[2] < height
            flow, _ = exact_flow(clip.scene, 0.5, 0.5 + 1 / FRAME_RATE)
            means.append(np.nanpercentile(np.linalg.norm(flow, axis=-1), 98))
        speeds[name] = np.mean(means)
    assert speeds["run"] > 1.4 * speeds["walk"]
