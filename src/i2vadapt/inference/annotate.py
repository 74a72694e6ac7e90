"""A video with the predicted probabilities drawn on its frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from i2vadapt.data.video import VideoStream, shown_frames, write_video
from i2vadapt.inference.predict import Prediction

_SHARE = 18  # height of the frame over that of a line
_SMALLEST = 9  # height of the letters, pixels
_BAR = 5.0  # length of the longest bar over the height of a line
_DIM = 0.45  # what is left of the brightness of the frame under the lines
_INK, _FILL = (255, 255, 255), (80, 170, 255)


def annotate(video: Path, out: Path, predictions: Sequence[Prediction], classes: Sequence[str], top: int) -> None:
    """Writes a video with the most probable classes and their bars on every frame, without its sound.

    Between the middles of two windows the probabilities go from those of one to those of the other. Frames and frame
    rate stay as they are; the frames have the shape that a player shows.

    Args:
        video: video file.
        out: file to write, see `write_video`.
        predictions: of the video, in order of time.
        classes: class names in the order of the labels.
        top: number of classes to draw.

    Raises:
        UserError: if the video can't be read, or the file can't be written.
    """
    stream = VideoStream(video)
    stream.count()
    times, fps = stream.times(), stream.fps
    spans = [one.span for one in predictions if one.span is not None]
    middles = np.array([(span.start + span.end) / 2 for span in spans])
    table = np.stack([one.final for one in predictions if one.span is not None])
    curves = np.stack([np.interp(times, middles, column) for column in table.T], axis=1)
    write_video(out, _drawn(stream, curves, classes, top), fps or 1.0)


def _drawn(stream: VideoStream, curves: np.ndarray, classes: Sequence[str], top: int) -> Iterator[np.ndarray]:
    for frame, probabilities in zip(shown_frames(stream), curves, strict=True):
        best = probabilities.argsort(kind="stable")[::-1][:top]
        yield draw_bars(frame, [(classes[label], float(probabilities[label])) for label in best])


def draw_bars(frame: np.ndarray, values: Sequence[tuple[str, float]]) -> np.ndarray:
    """Draws a line of text with a bar for each class into the upper left corner of a frame.

    Args:
        frame: (H,W,3) uint8 RGB, left unchanged.
        values: classes with their probabilities, 0 to 1.

    Returns:
        A frame of the same size.
    """
    height, width = frame.shape[:2]
    letters = max(height // _SHARE, _SMALLEST)
    line, margin = round(letters * 1.3), letters // 3 + 1
    font = ImageFont.load_default(letters)
    texts = [f"{name} {value:.2f}" for name, value in values]
    left = 2 * margin + round(max(font.getlength(text) for text in texts))
    bar = max(min(round(_BAR * line), width - left - 2 * margin), 1)
    right, bottom = left + bar + margin, 2 * margin + line * len(values)
    shaded = frame.copy()
    shaded[:bottom, :right] = (shaded[:bottom, :right] * _DIM).astype(np.uint8)
    picture = Image.fromarray(shaded)
    pen = ImageDraw.Draw(picture)
    for number, (text, (_, value)) in enumerate(zip(texts, values, strict=True)):
        top = margin + number * line
        pen.text((margin, top), text, _INK, font)
        pen.rectangle((left, top + line // 4, left + round(bar * value), top + letters), _FILL)
    return np.asarray(picture)
