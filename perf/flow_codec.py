"""Cost of 8 bits and JPEG: size and error of flow stored at several JPEG qualities, on real videos.

    python perf/flow_codec.py VIDEO... [--short-side 256] [--bound 20]

Errors are lengths of the difference between the computed flow, clipped to the bound, and the flow read back, in pixels.
The column "still" is the error where the flow is shorter than 0.05 px.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from i2vadapt.config.preprocessing import FlowSettings
from i2vadapt.data.flow_codec import decode_codes, dequantise, encode_flow, quantise
from i2vadapt.data.video import read_frames
from i2vadapt.flow.pairs import flow_of_frames

QUALITIES = (60, 75, 85, 90, 95, 98, 100)


def measure(fields: Sequence[np.ndarray], bound: float) -> list[tuple[str, float, float, float, float]]:
    """Returns for each codec: name, bytes per field, mean error, its 99th percentile, error where nothing moves."""
    rows = [_row("8 bits, no JPEG", fields, [_quantised(field, bound) for field in fields], bound)]
    for quality in QUALITIES:
        data = [encode_flow(field, bound, quality) for field in fields]
        codes = [decode_codes(part, field.shape[0]) for part, field in zip(data, fields, strict=True)]
        decoded = [dequantise(part, bound) for part in codes]
        rows.append(_row(f"JPEG {quality}", fields, decoded, bound, float(np.mean([len(part) for part in data]))))
    return rows


def _quantised(field: np.ndarray, bound: float) -> np.ndarray:
    return dequantise(quantise(field, bound)[0], bound)


def _row(
    name: str, fields: Sequence[np.ndarray], decoded: Sequence[np.ndarray], bound: float, size: float | None = None
) -> tuple[str, float, float, float, float]:
    clipped = [np.clip(field, -bound, bound) for field in fields]
    errors = np.concatenate([np.linalg.norm(a - b, axis=-1).ravel() for a, b in zip(clipped, decoded, strict=True)])
    still = np.concatenate([(np.linalg.norm(field, axis=-1) < 0.05).ravel() for field in fields])
    quiet = float(errors[still].mean()) if still.any() else float("nan")
    mean_size = size if size is not None else float(np.mean([field.size for field in fields]))
    return name, mean_size, float(errors.mean()), float(np.quantile(errors, 0.99)), quiet


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path, help="video files")
    parser.add_argument("--short-side", type=int, default=256, help="short side of the frames, pixels (256)")
    parser.add_argument("--bound", type=float, default=20.0, help="bound of the flow, pixels (20)")
    parser.add_argument("--frames", type=int, default=17, help="frames to use from the middle of each video (17)")
    options = parser.parse_args()
    fields: list[np.ndarray] = []
    for video in options.videos:
        frames = read_frames(video, options.short_side).frames
        start = max((len(frames) - options.frames) // 2, 0)
        fields.extend(flow_of_frames(frames[start : start + options.frames], FlowSettings()))
    lengths = np.concatenate([np.linalg.norm(field, axis=-1).ravel() for field in fields])
    beyond = float(np.mean([quantise(field, options.bound)[1] for field in fields]))
    summary = f"mean motion {lengths.mean():.2f} px, {beyond:.2%} clipped"
    print(f"{len(fields)} fields of {len(options.videos)} videos, {summary}")
    print(f"{'':16} {'bytes':>8} {'mean px':>8} {'99 % px':>8} {'still px':>8}")
    for name, size, mean, high, still in measure(fields, options.bound):
        print(f"{name:16} {size:8.0f} {mean:8.3f} {high:8.3f} {still:8.3f}")


if __name__ == "__main__":
    main()
