"""The identity of a training, and the files that it writes when it has finished."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from i2vadapt import __version__, stages
from i2vadapt.config.run import RunSettings
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.layout import RunFolder
from i2vadapt.recipes.base import Row
from i2vadapt.training.history import write_metrics
from i2vadapt.training.pace_counts import write_pace_counts
from i2vadapt.training.run import Run
from i2vadapt.training.state import differences
from i2vadapt.training.target_scores import digests_of_scores, write_index
from i2vadapt.weights import checkpoint

_logger = logging.getLogger(__name__)


class Result:
    """The files of a run, written by the main process.

    Args:
        run: what is trained.
        inputs: returns the digests of everything that the run reads; called once, when the training starts.
    """

    def __init__(self, run: Run[RunSettings], inputs: Callable[[], dict[str, Any]]) -> None:
        self._run, self._inputs, self._folder = run, inputs, RunFolder(run.folder)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Settings and inputs that must not change when an interrupted training resumes.

        Raises:
            UserError: if an input is missing.
        """
        run = self._run
        return {
            "version": stages.TRAIN.version,
            "classes": list(run.classes),
            "seed": run.seed,
            "train": run.settings.model_dump(mode="json"),
            **self._inputs(),
        }

    def differences_of(self, file: Path) -> list[str]:
        """Lists how the training that a checkpoint or state belongs to differs from this one, see `differences`.

        Raises:
            UserError: if the file is not a readable checkpoint.
        """
        return differences(checkpoint.load(file).get("identity"), self.identity)

    def write_settings(self) -> None:
        """Writes settings.yaml."""
        document = {"package": __version__, **self.identity}
        write_atomically(self._folder.settings, yaml.safe_dump(document, sort_keys=False).encode())

    def finished(self) -> dict[str, Any] | None:
        """Content of the checkpoint, if it is that of this very training and its scores are there; else None."""
        identity = self.identity
        if not self._folder.checkpoint.exists():
            return None
        try:
            content = checkpoint.load(self._folder.checkpoint)
            if content.get("identity") != identity:
                return None
            if digests_of_scores(self._folder, self._run.settings.scored_epochs()) == content["scores"]:
                return content
        except UserError as error:
            _logger.warning("training again: %s", error)
            return None
        _logger.warning("training again: %s: the scores belong to another training", self._run.folder)
        return None

    def write(self, history: Sequence[Row], trained: Mapping[str, Any]) -> None:
        """Writes all files, the checkpoint last, and removes the state of the unfinished training.

        Args:
            history: recorded values of all epochs.
            trained: what the checkpoint holds beside the description of the run.
        """
        digests = digests_of_scores(self._folder, self._run.settings.scored_epochs())
        content = {
            "identity": self.identity,
            "history": list(history),
            "scores": digests,
            "classes": list(self._run.classes),
            "settings": self._run.settings.model_dump(mode="json"),
            "seed": self._run.seed,
            **trained,
        }
        self.write_tables(content)
        checkpoint.save(self._folder.checkpoint, content)
        self._folder.state.unlink(missing_ok=True)

    def write_tables(self, content: dict[str, Any]) -> None:
        """Writes what stands beside a checkpoint: settings.yaml, metrics.csv, scores.csv, and perhaps pace.csv."""
        self.write_settings()
        write_metrics(self._folder.metrics, content["history"])
        write_pace_counts(self._folder.pace_counts, content.get("paces", {}))
        write_index(self._folder, content["scores"], content["history"])
