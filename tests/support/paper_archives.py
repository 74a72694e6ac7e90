"""Tiny archives of the layouts, names and oddities of those that `i2vadapt fetch` downloads."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from rar_files import rar

from i2vadapt.config.documents import Benchmark
from i2vadapt.data.video import write_video

HMDB_NAMES = (
    "#20_Rhythm_{0}_u_nm_np1_fr_goo_0.avi",
    "prelinger_(1)!&;[a]@~+-_{0}_h_cm_np2_le_bad_1.avi",
)
HII_FOLDERS = {"hugging": "hug", "kicking": "Kick", "kissing": "kiss", "talking": "talk"}


class Media:
    """Photographs and videos, each with other content: readers ignore what follows the end of a file."""

    def __init__(self, folder: Path) -> None:
        picture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
        self._picture = bytes(cv2.imencode(".jpg", picture)[1])
        write_video(folder / "clip.avi", [picture] * 20, 25)
        self._video = (folder / "clip.avi").read_bytes()
        self._numbers = itertools.count()

    def picture(self) -> bytes:
        return self._picture + b"%d" % next(self._numbers)

    def video(self) -> bytes:
        return self._video + b"%d" % next(self._numbers)


def zip_of(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in files.items():
            bundle.writestr(name, content)
    return buffer.getvalue()


def stanford40(media: Media, classes: list[str], count: int = 2) -> bytes:
    """One flat folder, and what macOS puts into archives."""
    names = [f"JPEGImages/{name}_{number:03}.jpg" for name in [*classes, "gardening"] for number in range(1, count + 1)]
    files = {name: media.picture() for name in names}
    files["JPEGImages/.DS_Store"] = b"store"
    files[f"__MACOSX/JPEGImages/._{classes[0]}_001.jpg"] = b"fork"
    return zip_of(files)


def hmdb51(media: Media, classes: list[str]) -> bytes:
    """An archive of archives; two classes are not those that their names begin with."""
    inner = {}
    for name in [*classes, "climb_stairs", "kick_ball"]:
        files = {f"{name}/{pattern.format(name)}": media.video() for pattern in HMDB_NAMES}
        inner[f"{name}.rar"] = rar(files, folders=(name,))
    return rar(inner)


def ucf101(media: Media, classes: list[str]) -> bytes:
    """Videos of one class are spelled otherwise than its folder."""
    files = {}
    for name in classes:
        spelled = name.replace("Handstand", "HandStand") if name == "HandstandPushups" else name
        files |= {f"UCF-101/{name}/v_{spelled}_g{group:02}_c01.avi": media.video() for group in (1, 25)}
    return rar(files, folders=("UCF-101", *(f"UCF-101/{name}" for name in classes)))


def archives_of(benchmark: Benchmark, media: Media) -> dict[str, bytes]:
    """All archives that the benchmark needs, by file name; two items of each class."""
    sides = [
        [name for spec in benchmark.classes.values() for name in getattr(spec, side)] for side in ("source", "target")
    ]
    if benchmark.name == "EtoH":
        return {
            "Stanford40_JPEGImages.zip": stanford40(media, [name for name in sides[0] if name not in HII_FOLDERS]),
            "hmdb51_org.rar": hmdb51(media, sides[1]),
            "test_train_splits.rar": rar({"testTrainMulti_7030_splits/clap_test_split1.txt": b"a.avi 1\n"}),
        }
    return {
        "Stanford40_JPEGImages.zip": stanford40(media, sides[0]),
        "UCF101.rar": ucf101(media, sides[1]),
        "UCF101TrainTestSplits-RecognitionTask.zip": zip_of({"ucfTrainTestlist/trainlist01.txt": b"a/b.avi 1\n"}),
    }
