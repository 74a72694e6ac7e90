"""A trained classifier: loaded from its checkpoint, applied to a dataset or to plain videos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from i2vadapt.clips.dataset import Sample, TestClips, Window, plain_errors
from i2vadapt.clips.domains import open_test
from i2vadapt.clips.sampling import uniform_indices
from i2vadapt.config import DecodeSettings, FlowSettings, TrainSettings, parse
from i2vadapt.data.decode import prepare_frames
from i2vadapt.data.flow_codec import quantise
from i2vadapt.data.video import VideoStream
from i2vadapt.errors import UserError
from i2vadapt.files.tables import write_table
from i2vadapt.flow.stage import flow_of_frames
from i2vadapt.inference.scores import Scores, accuracies, score
from i2vadapt.models.two_stream import TwoStream
from i2vadapt.runtime.precision import choose_arithmetic
from i2vadapt.training import checkpoint
from i2vadapt.training.run import build_model


@dataclass(frozen=True)
class Trained:
    """A classifier and what its input was made with."""

    model: TwoStream
    classes: tuple[str, ...]
    settings: TrainSettings
    decode: DecodeSettings
    flow: FlowSettings


def load_trained(path: Path) -> Trained:
    """Loads checkpoint.pt of a finished run.

    Raises:
        UserError: if it is missing, damaged, or of another architecture.
    """
    content = checkpoint.load(path)
    missing = [key for key in ("model", "classes", "settings", "decode", "flow") if key not in content]
    if missing:
        raise UserError(f"{path}: not a trained classifier, it has no {', '.join(missing)}")
    settings = parse(TrainSettings, content["settings"], str(path))
    model = build_model(settings, len(content["classes"]))
    try:
        model.load_state_dict(content["model"])
    except RuntimeError as error:
        raise UserError(f"{path}: weights of another architecture: {' '.join(str(error).split())[:300]}") from None
    decode = parse(DecodeSettings, content["decode"], str(path))
    flow = parse(FlowSettings, content["flow"], str(path))
    return Trained(model, tuple(content["classes"]), settings, decode, flow)


def evaluate(trained: Trained, folder: Path, out: Path, batch_size: int, workers: int) -> dict[str, float]:
    """Scores a dataset, or the test part of its split where the protocol is split1, and writes predictions.csv.

    Args:
        trained: the classifier.
        folder: results/datasets/<dataset> of the target.
        out: the table to write.
        batch_size: videos in a pass.
        workers: loader processes.

    Returns:
        Accuracies, as `accuracies`; empty without labels.
    """
    domain = open_test(folder, trained.settings)
    clips = TestClips(domain, trained.settings.test_frames, trained.settings.crop, trained.settings.streams)
    loader: DataLoader[Sample] = DataLoader(clips, batch_size, num_workers=workers)
    scores = _score(trained, plain_errors(loader))
    write_predictions(out, [item.id for item in domain.items], domain.labels, trained.classes, scores)
    return accuracies(scores, domain.labels)


def _score(trained: Trained, batches: Iterable[Sample]) -> Scores:
    arithmetic = choose_arithmetic(trained.settings.precision)
    arithmetic.prepare(trained.model)
    return score(trained.model, batches, arithmetic, trained.settings.fusion)


def write_predictions(
    out: Path, ids: Sequence[str], labels: np.ndarray, classes: Sequence[str], scores: Scores
) -> None:
    """Writes one row a video: true and predicted class, confidence, the streams' predictions, fused scores."""
    header = ["id", "class", "predicted", "confidence", *(f"predicted_{name}" for name in scores.streams)]
    score_columns = [f"score_{name}" for name in classes]
    rows = []
    for number, item_id in enumerate(ids):
        row: dict[str, object] = {
            "id": item_id,
            "class": classes[labels[number]] if labels[number] >= 0 else "",
            "predicted": classes[scores.predictions[number]],
            "confidence": f"{scores.confidence[number]:.5f}",
        }
        row |= {f"predicted_{name}": classes[values[number].argmax()] for name, values in scores.streams.items()}
        row |= {column: f"{value:.5f}" for column, value in zip(score_columns, scores.fused[number], strict=True)}
        rows.append(row)
    write_table(out, [*header, *score_columns], rows)


def predict_video(trained: Trained, path: Path) -> np.ndarray:
    """Classifies a plain video file, with the preprocessing that the classifier was trained with.

    Returns:
        (C,) fused scores divided by the number of streams, so that they sum to 1.

    Raises:
        UserError: if the video can't be read or is too short.
    """
    frames = list(prepare_frames(VideoStream(path), trained.decode))
    if len(frames) < trained.decode.min_frames:
        raise UserError(f"{path}: {len(frames)} frames decode, at least {trained.decode.min_frames} are needed")
    settings = trained.settings
    indices = uniform_indices(len(frames), settings.test_frames)
    height, width = frames[0].shape[:2]
    area = Window().area(height, width, settings.crop, str(path))
    sample = {"rgb": _batch_of_one([frames[index][area] for index in indices])}
    if "flow" in settings.streams:
        # Only the pairs that are looked at are computed.
        starts = np.minimum(indices, len(frames) - 2)
        fields = {
            int(start): flow_of_frames(np.stack(frames[start : start + 2]), trained.flow)[0]
            for start in np.unique(starts)
        }
        codes = {start: quantise(field, trained.flow.bound)[0][area] for start, field in fields.items()}
        sample["flow"] = _batch_of_one([codes[int(start)] for start in starts])
    with torch.inference_mode():
        scores = _score(trained, [sample])
    return scores.fused[0] / len(scores.streams)


def _batch_of_one(frames: Sequence[np.ndarray]) -> Tensor:
    """(1,T,H,W,C) uint8."""
    return torch.from_numpy(np.stack(frames))[None]
