"""Digests of everything that the training of a network reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from i2vadapt.clips.domains import Domains
from i2vadapt.config.run import TrainingSettings
from i2vadapt.layout import RunFolder
from i2vadapt.training.run import Run
from i2vadapt.training.target_scores import digests_of_scores, last_digest
from i2vadapt.weights.reading import weights_digest


def digest_inputs(run: Run[TrainingSettings], domains: Domains) -> dict[str, Any]:
    """Digests of the weights, data and scores that a training reads.

    Args:
        run: the training.
        domains: its data.

    Raises:
        UserError: if weights, or scores of a parent, are missing.
    """
    settings, folders = run.settings, run.parents
    read = settings.epochs_read()
    parents: dict[str, Any] = {name: digests_of_scores(RunFolder(folders[name]), read) for name in settings.partners}
    return {
        "weights": {path: weights_digest(Path(path)) for path in settings.initial_weights},
        "source": domains.source.digests(),
        "target": domains.target.digests(),
        "parents": parents | {name: last_digest(folders[name]) for name in settings.teachers},
    }
