"""Videos of five containers, damaged at random but the same way every time."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from i2vadapt.data.video import write_video

SEED = 20
SUFFIXES = (".mp4", ".avi", ".mkv", ".webm", ".ts")


def good_files(folder: Path) -> dict[str, bytes]:
    """Contents of good files by suffix, with enough detail that damage meets coded pictures too."""
    rng = np.random.default_rng(SEED)
    still = rng.integers(0, 256, (48, 80, 3), np.uint8)
    frames = np.stack([still[:, k : k + 64] for k in range(12)])
    found = {}
    for suffix in (".mp4", ".avi", ".mkv"):
        write_video(folder / f"a{suffix}", frames, 25)
        found[suffix] = (folder / f"a{suffix}").read_bytes()
    for suffix, codec in ((".webm", "libvpx"), (".ts", "mpeg2video")):
        with av.open(str(folder / f"a{suffix}"), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode(None))
        found[suffix] = (folder / f"a{suffix}").read_bytes()
    return found


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """Damages a file in one of five ways, half of them in its first kilobyte, where the header is."""
    changed = bytearray(data)
    reach = min(len(data), 1024) if rng.random() < 0.5 else len(data)
    kind = rng.integers(5)
    if kind == 0:  # cut
        return bytes(changed[: int(rng.integers(1, len(data)))])
    for place in rng.integers(0, reach, int(rng.integers(1, 30))).tolist():
        if kind == 1:
            changed[place] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            changed[place] = int(rng.choice([0, 127, 128, 255]))
        elif kind == 3:
            changed[place:place] = rng.bytes(int(rng.integers(1, 9)))
        else:
            del changed[place : place + int(rng.integers(1, 9))]
    return bytes(changed)


def write_damaged(folder: Path, count: int) -> list[Path]:
    """Writes damaged videos, the same ones every time."""
    originals, paths = good_files(folder), []
    for number in range(count):
        suffix = SUFFIXES[number % len(SUFFIXES)]
        path = folder / f"{number:04d}{suffix}"
        path.write_bytes(damage(originals[suffix], np.random.default_rng([SEED, number])))
        paths.append(path)
    return paths
