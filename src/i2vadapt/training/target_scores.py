"""Scores of the target's videos after an epoch: computed, written for other runs, and read from the parents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from i2vadapt.clips.batches import Sample
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.domains import Domains
from i2vadapt.clips.loaders import Loaders
from i2vadapt.errors import Preempted, UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.files.tables import read_table, write_table
from i2vadapt.inference.metrics import accuracies
from i2vadapt.inference.scores import Features, Scores, read_scores, write_scores
from i2vadapt.inference.scoring import score_clips
from i2vadapt.layout import RunFolder
from i2vadapt.models.stream_network import RunNetwork
from i2vadapt.runtime.precision import Arithmetic
from i2vadapt.runtime.preemption import StopRequest
from i2vadapt.runtime.process_group import ProcessGroup
from i2vadapt.training.run import Run

INDEX_COLUMNS = ("epoch", "sha256", "accuracy", "class_accuracy")


class TargetScores:
    """Scores all videos of the target, whatever the protocol: the bank needs those for training, the record the others.

    Args:
        run: what is trained.
        domains: its data.
        model: the network.
        loaders: of the run.
        arithmetic: where and how the network computes.
        group: the processes that share the videos.
    """

    def __init__(
        self,
        run: Run,
        domains: Domains,
        model: RunNetwork,
        loaders: Loaders,
        arithmetic: Arithmetic,
        group: ProcessGroup,
    ) -> None:
        self._run, self._domains, self._model = run, domains, model
        self._loaders, self._arithmetic, self._group = loaders, arithmetic, group

    def score(self, epoch: int, stop: StopRequest) -> Scores:
        """Scores the videos and writes the file of the epoch.

        Args:
            epoch: epochs that are done.
            stop: what may end the pass in the middle.

        Raises:
            Preempted: if it was stopped.
        """
        settings, videos = self._run.settings, self._domains.videos
        probabilities, features = self._pass(videos, settings.test_frames, stop)
        kept: dict[str, Features] = {}
        if settings.keep_features:
            source = self._domains.source
            _, of_source = self._pass(source, settings.clip_frames, stop)
            kept = {"target": Features(_ids(videos), features), "source": Features(_ids(source), of_source)}
        tested = np.array([item.id in self._domains.tested for item in videos.items])
        scores = Scores(_ids(videos), self._run.classes, videos.labels, tested, probabilities, kept)
        if self._group.is_main:
            write_scores(RunFolder(self._run.folder).scores(epoch), scores, epoch)
        return scores

    def _pass(self, dataset: ClipDataset, frames: int, stop: StopRequest) -> tuple[np.ndarray, np.ndarray]:
        batches = self._until(stop, self._loaders.evaluation(dataset, frames))
        parts = self._group.gather(score_clips(self._model, batches, self._arithmetic, self._run.settings.fusion))
        probabilities, features = zip(*parts, strict=True)
        return np.concatenate(probabilities), np.concatenate(features)

    def _until(self, stop: StopRequest, batches: Iterator[Sample]) -> Iterator[Sample]:
        for batch in batches:
            # One of several processes must not leave the others waiting for its scores.
            if stop.received and self._group.world_size == 1:
                raise Preempted
            yield batch

    def parents(self, epoch: int) -> dict[str, Scores]:
        """Scores of the same epoch by the runs that this one reads.

        Raises:
            UserError: if they are missing, damaged, or of other classes.
        """
        return {
            name: read_scores(RunFolder(folder).scores(epoch), self._run.classes)
            for name, folder in self._run.parents.items()
        }


def _ids(dataset: ClipDataset) -> tuple[str, ...]:
    return tuple(item.id for item in dataset.items)


def reported_accuracies(scores: Scores) -> dict[str, float]:
    """Accuracies of the videos that count; empty without labels."""
    return accuracies(scores.predictions[scores.tested], scores.labels[scores.tested])


def digests_of_scores(folder: RunFolder, epochs: Iterable[int]) -> dict[int, str]:
    """SHA-256 of the files of some epochs.

    Raises:
        UserError: if one is missing.
    """
    digests = {}
    for epoch in sorted(epochs):
        path = folder.scores(epoch)
        if not path.is_file():
            raise UserError(f"{path}: no such scores: train the run that they are of again")
        digests[epoch] = file_digest(path)
    return digests


def write_index(folder: RunFolder, digests: dict[int, str], history: Sequence[dict[str, float]]) -> None:
    """Writes scores.csv: which epochs were scored, by which run's files."""
    measured = {int(row["epoch"]): row for row in history}
    rows = []
    for epoch, digest in digests.items():
        values = {name: measured[epoch][name] for name in INDEX_COLUMNS[2:] if name in measured[epoch]}
        rows.append({"epoch": epoch, "sha256": digest, **{name: f"{value:.6f}" for name, value in values.items()}})
    write_table(
        folder.scores_index, INDEX_COLUMNS, ({name: row.get(name, "") for name in INDEX_COLUMNS} for row in rows)
    )


def read_index(folder: RunFolder) -> dict[int, str]:
    """Epochs of scores.csv with the digests of their files.

    Raises:
        UserError: if the table is missing or malformed.
    """
    rows = read_table(folder.scores_index, INDEX_COLUMNS)
    try:
        return {int(row["epoch"]): row["sha256"] for row in rows}
    except ValueError:
        raise UserError(f"{folder.scores_index}: column epoch must hold whole numbers") from None
