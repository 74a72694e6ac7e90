"""Writing the demo benchmark: a folder of labelled photographs, a folder of action videos, and an index of both."""

from __future__ import annotations

import csv
import io
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from i2vadapt.demo.actions import CLASSES
from i2vadapt.demo.photographs import photograph_scene
from i2vadapt.demo.rendering import render
from i2vadapt.demo.videos import FRAME_RATE, video_clip, video_frame
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.runtime.progress import progress

_JPEG_QUALITY = 90
# No lookahead: with it, libx264 has produced different streams for the same frames, even on one thread.
_X264 = {"crf": "19", "preset": "veryfast", "x264-params": "mbtree=0:rc-lookahead=0:sync-lookahead=0"}
_DOMAINS = ("photographs", "videos")
_Item = tuple[Path, int, int, int, int]  # folder, seed, domain, class, number


def _relative(domain: int, kind: int, number: int) -> str:
    name = CLASSES[kind]
    return f"{_DOMAINS[domain]}/{name}/{name}_{number:03d}{('.jpg', '.mp4')[domain]}"


def _photograph(rng: np.random.Generator, name: str) -> bytes:
    image = render(photograph_scene(rng, name), 0.0).image
    _, content = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return content.tobytes()


def _encode(frames: list[NDArray[np.uint8]]) -> bytes:
    """Encodes frames (H, W, 3) as an MP4, on one thread so that the stream depends on the frames alone."""
    import av  # imported here because scenes are rendered and measured without it

    height, width, _ = frames[0].shape
    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    options = _X264 if codec == "libx264" else {"qscale": "3"}
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=FRAME_RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def _video(rng: np.random.Generator, name: str) -> bytes:
    clip = video_clip(rng, name)
    return _encode([video_frame(clip, number, rng) for number in range(clip.frames)])


def _make(item: _Item) -> str:
    """Renders and writes one item; its random numbers depend only on seed, domain, class and number."""
    out, seed, domain, kind, number = item
    rng = np.random.default_rng([seed, domain, kind, number])
    relative = _relative(domain, kind, number)
    write_atomically(out / relative, (_photograph, _video)[domain](rng, CLASSES[kind]))
    return relative


def _index(items: list[_Item]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "class", "domain"])
    writer.writerows(
        sorted((_relative(domain, kind, k), CLASSES[kind], _DOMAINS[domain]) for _, _, domain, kind, k in items)
    )
    return text.getvalue().encode()


def write_demo(
    out: Path, seed: int = 0, photographs_per_class: int = 60, videos_per_class: int = 40, workers: int = 2
) -> None:
    """Renders the demo benchmark.

    Writes `photographs/<class>/<class>_000.jpg`, `videos/<class>/<class>_000.mp4` and finally `index.csv` with the
    columns path, class and domain. The same seed gives the same files for any number of workers; existing files are
    replaced.

    Args:
        out: folder to write to; created if needed.
        seed: random seed, 0 or more.
        photographs_per_class: number of labelled photographs of each of the six actions.
        videos_per_class: number of videos of each of the six actions.
        workers: number of worker processes.

    Raises:
        UserError: if a number is out of range.
    """
    for key, value, least in (
        ("seed", seed, 0),
        ("photographs_per_class", photographs_per_class, 0),
        ("videos_per_class", videos_per_class, 0),
        ("workers", workers, 1),
    ):
        if value < least:
            raise UserError(f"{key}: must be {least} or more, not {value}")
    out = Path(out)
    counts = (photographs_per_class, videos_per_class)
    # Videos come first: they take longest, and no process should be left with one at the end.
    items = [(out, seed, d, k, n) for d in (1, 0) for n in range(counts[d]) for k in range(len(CLASSES))]
    out.mkdir(parents=True, exist_ok=True)
    (out / "index.csv").unlink(missing_ok=True)
    with progress(total=len(items), description="demo", unit="file") as bar:
        if workers == 1 or len(items) < 2:
            for item in items:
                _make(item)
                bar.update()
        else:
            _make(items[0])  # compiles the kernels once, so that the processes find them in the cache
            bar.update()
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(workers, mp_context=context) as pool:
                for future in as_completed([pool.submit(_make, item) for item in items[1:]]):
                    future.result()
                    bar.update()
    write_atomically(out / "index.csv", _index(items))
