"""The pseudo-labels by which the memory bank is filled: from the scores of a flow run and of its partner.

The paper adds the probabilities of both streams. There are two reasons to trust the flow network less. Before the bank
is used, it has seen nothing but the camera's motion, and may be wrong more often than chance. Later it is trained on
the flow of the very videos that the bank holds, becomes sure of them, and by its votes they stay, right or wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from i2vadapt.config.recipes.video import BankSettings
from i2vadapt.inference.confidence import calibrate
from i2vadapt.inference.scores import Scores, fuse


def vote(settings: BankSettings, own: Scores, partners: Mapping[str, Scores], has_seen_bank: bool) -> Scores:
    """Fuses scores into the pseudo-labels and confidences of the target videos.

    Args:
        settings: settings of the bank; `votes` and `confidence` choose the rule.
        own: scores of the flow run.
        partners: scores of the same epoch by the partner, by its name; empty without a partner.
        has_seen_bank: whether the flow run was trained on flow from the bank.

    Returns:
        Fused scores of the videos that may enter the bank.

    Raises:
        UserError: if the scores do not belong to the same videos and classes.
    """
    parts = [*partners.values(), own]
    if settings.votes == "rgb_always" or (settings.votes == "rgb" and not has_seen_bank):
        parts = parts[:-1]
    if settings.confidence == "calibrated":
        parts = [calibrate(part) for part in parts]
    fused = fuse(parts)
    return _agreed(fused, parts) if settings.votes == "agreement" else fused


def _agreed(fused: Scores, parts: list[Scores]) -> Scores:
    """The videos for which all networks predict the same class."""
    predictions = [dict(zip(part.ids, part.predictions.tolist(), strict=True)) for part in parts]
    same = [len({predicted[item_id] for predicted in predictions}) == 1 for item_id in fused.ids]
    kept = np.flatnonzero(same)
    return replace(
        fused,
        ids=tuple(fused.ids[number] for number in kept),
        labels=fused.labels[kept],
        tested=fused.tested[kept],
        probabilities=fused.probabilities[kept],
    )
