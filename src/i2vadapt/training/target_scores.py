"""Scores of the target videos after an epoch: computing them, writing them for other runs, reading the parents'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from i2vadapt.clips.batches import Sample
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.domains import Domains
from i2vadapt.clips.loaders import Loaders
from i2vadapt.data.items import UNLABELLED
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
    """Scores all target videos, whatever the protocol: the bank needs training videos, the accuracy needs tested ones.

    Args:
        run: run that is trained.
        domains: data of the run.
        model: network of the run.
        loaders: loaders of the run.
        arithmetic: device and data type of the network.
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
        """Scores the videos and writes the scores of the epoch.

        Args:
            epoch: number of finished epochs.
            stop: request that ends the pass early.

        Raises:
            Preempted: if a stop was requested; several processes finish the pass first.
        """
        settings, videos = self._run.settings, self._domains.videos
        probabilities, features = self._pass(videos, settings.test_frames, stop)
        kept: dict[str, Features] = {}
        if settings.keep_features:
            source = self._domains.source
            _, source_features = self._pass(source, settings.clip_frames, stop)
            kept = {"target": Features(_ids(videos), features), "source": Features(_ids(source), source_features)}
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
            # A process of several must not stop here: the others would wait for its scores.
            if stop.received and self._group.world_size == 1:
                raise Preempted
            yield batch

    def parents(self, epoch: int) -> dict[str, Scores]:
        """Reads the parents' scores of an epoch.

        Args:
            epoch: number of finished epochs.

        Returns:
            Scores by the names of the parents.

        Raises:
            UserError: if scores are missing, damaged, or of other classes.
        """
        return {
            name: read_scores(RunFolder(folder).scores(epoch), self._run.classes)
            for name, folder in self._run.parents.items()
        }


def _ids(dataset: ClipDataset) -> tuple[str, ...]:
    return tuple(item.id for item in dataset.items)


def reported_accuracies(scores: Scores) -> dict[str, float]:
    """Accuracies of the tested videos, as `accuracies`, and how many have a label if not all; empty without labels."""
    labels = scores.labels[scores.tested]
    found = accuracies(scores.predictions[scores.tested], labels)
    known = int((labels != UNLABELLED).sum())
    return found | ({"labelled_videos": float(known)} if 0 < known < len(labels) else {})


def digests_of_scores(folder: RunFolder, epochs: Iterable[int]) -> dict[int, str]:
    """Computes the SHA-256 of the scores of some epochs.

    Args:
        folder: folder of a run.
        epochs: epochs, counted from 1.

    Raises:
        UserError: if the scores of an epoch are missing.
    """
    digests = {}
    for epoch in sorted(epochs):
        path = folder.scores(epoch)
        if not path.is_file():
            raise UserError(f"{path}: no such scores: train the run again")
        digests[epoch] = file_digest(path)
    return digests


def write_index(folder: RunFolder, digests: dict[int, str], history: Sequence[dict[str, float]]) -> None:
    """Writes scores.csv: the scored epochs, with the digests of their files and the accuracies.

    Args:
        folder: folder of the run.
        digests: SHA-256 of the scores by epoch.
        history: recorded values of all epochs.
    """
    measured = {int(row["epoch"]): row for row in history}
    rows = []
    for epoch, digest in digests.items():
        values = {name: measured[epoch][name] for name in INDEX_COLUMNS[2:] if name in measured[epoch]}
        rows.append({"epoch": epoch, "sha256": digest, **{name: f"{value:.6f}" for name, value in values.items()}})
    write_table(
        folder.scores_index, INDEX_COLUMNS, ({name: row.get(name, "") for name in INDEX_COLUMNS} for row in rows)
    )


def read_index(folder: RunFolder) -> dict[int, str]:
    """Reads the epochs of scores.csv with the digests of their files.

    Raises:
        UserError: if the table is missing or malformed.
    """
    rows = read_table(folder.scores_index, INDEX_COLUMNS)
    try:
        return {int(row["epoch"]): row["sha256"] for row in rows}
    except ValueError:
        raise UserError(f"{folder.scores_index}: column epoch must hold whole numbers") from None
