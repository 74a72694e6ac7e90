"""The ffmpeg program: makes test videos of every kind, and shows what a player makes of them."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the program ffmpeg is not on the PATH")


def ffmpeg(*arguments: object) -> bytes:
    """Runs the program and returns what it writes to its standard output."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def pattern(width: int = 64, height: int = 48, frames: int = 10, kind: str = "testsrc2") -> tuple[object, ...]:
    """Arguments for an input of moving test pictures, 25 a second."""
    return ("-f", "lavfi", "-i", f"{kind}=size={width}x{height}:rate=25:duration={frames / 25}")


def make(path: Path, *options: object, width: int = 64, height: int = 48, frames: int = 10) -> Path:
    """Writes a video of test pictures with options of the program, as H.264 4:2:0 unless they say otherwise."""
    default = () if "-c:v" in options or "-pix_fmt" in options else ("-c:v", "libx264", "-pix_fmt", "yuv420p")
    ffmpeg(*pattern(width, height, frames), *default, *options, path)
    return path


def shown(path: Path, height: int, width: int, *filters: str) -> np.ndarray:
    """Frames (T,H,W,3) uint8 RGB as the program shows them."""
    chosen = ("-vf", ",".join(filters)) if filters else ()
    data = ffmpeg("-i", path, *chosen, "-sws_flags", "bilinear", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
    return np.frombuffer(data, np.uint8).reshape(-1, height, width, 3)


def set_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Overwrites the matrix in the track header of an MP4 file; (1, 0, 0, 1) is the identity."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44
    one = 1 << 16
    data[place : place + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
