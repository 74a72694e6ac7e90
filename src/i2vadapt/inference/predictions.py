"""Table predictions.csv: the predictions of each network and of their fusion for every tested video."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from i2vadapt.data.items import UNLABELLED
from i2vadapt.files.tables import write_table
from i2vadapt.inference.metrics import accuracies
from i2vadapt.inference.scores import Scores, fuse

_logger = logging.getLogger(__name__)

FUSED = "fused"


def write_predictions(out: Path, scores: Mapping[str, Scores], weights: Sequence[float]) -> dict[str, float]:
    """Writes the table, one row per tested video: true and fused class, confidence, class per stream, fused scores.

    Args:
        out: table to write.
        scores: scores by stream.
        weights: weight of each stream in the fused scores.

    Returns:
        accuracy_<stream> and class_accuracy_<stream> of each stream, and the same of the fusion under the name
        `fused`; empty without labels.

    Raises:
        UserError: as `fuse`.
    """
    total = fuse(list(scores.values()), weights)
    places = {stream: {item_id: place for place, item_id in enumerate(part.ids)} for stream, part in scores.items()}
    rows: list[dict[str, object]] = []
    for number, item_id in enumerate(total.ids):
        if not total.tested[number]:
            continue
        label = total.labels[number]
        row: dict[str, object] = {
            "id": item_id,
            "class": total.classes[label] if label >= 0 else "",
            "predicted": total.classes[total.predictions[number]],
            "confidence": f"{total.confidence[number]:.5f}",
        }
        for stream, part in scores.items():
            row[f"predicted_{stream}"] = total.classes[part.probabilities[places[stream][item_id]].argmax()]
        for name, value in zip(total.classes, total.probabilities[number], strict=True):
            row[f"score_{name}"] = f"{value:.5f}"
        rows.append(row)
    streams = [f"predicted_{stream}" for stream in scores]
    header = ["id", "class", "predicted", "confidence", *streams, *(f"score_{name}" for name in total.classes)]
    write_table(out, header, rows)
    labelled = int((total.labels[total.tested] != UNLABELLED).sum())
    if 0 < labelled < len(rows):
        _logger.info("accuracy over the %d of %d videos that have a label", labelled, len(rows))
    results: dict[str, float] = {}
    for name, part in {**scores, FUSED: total}.items():
        found = accuracies(part.predictions[part.tested], part.labels[part.tested])
        results |= {f"{key}_{name}": value for key, value in found.items()}
    return results
