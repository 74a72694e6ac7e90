"""Scores of the target videos after an epoch: computing them, writing them for other runs, reading theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from i2vadapt.clips.batches import Sample
from i2vadapt.clips.domains import Domains
from i2vadapt.clips.footage import ItemDataset
from i2vadapt.clips.loaders import Loaders
from i2vadapt.config.networks import FRAME_NETWORKS
from i2vadapt.config.run import TrainingSettings
from i2vadapt.data.items import UNLABELLED
from i2vadapt.errors import Preempted, UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.files.tables import read_table, write_table
from i2vadapt.inference.metrics import accuracies
from i2vadapt.inference.scores import Features, Scores, read_scores, write_scores
from i2vadapt.inference.scoring import ClipScores, score_clips
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
        run: Run[TrainingSettings],
        domains: Domains,
        model: RunNetwork,
        loaders: Loaders,
        arithmetic: Arithmetic,
        group: ProcessGroup,
    ) -> None:
        self._run, self._domains, self._model = run, domains, model
        self._loaders, self._arithmetic, self._group = loaders, arithmetic, group

    def score(self, epoch: int, stop: StopRequest, source_probability: float | None = None) -> Scores:
        """Scores the videos and writes the scores of the epoch.

        Args:
            epoch: number of finished epochs.
            stop: request that ends the pass early.
            source_probability: see `Scores`.

        Raises:
            Preempted: if a stop was requested; several processes finish the pass first.
        """
        settings, videos = self._run.settings, self._domains.videos
        last = epoch == settings.epochs
        scored = self._pass(videos, settings.test_frames, stop, last and settings.network in FRAME_NETWORKS)
        kept: dict[str, Features] = {}
        if settings.keep_features:
            source = self._domains.source
            frames = 1 if settings.source_items == "photographs" else settings.clip_frames
            of_source = self._pass(source, frames, stop).features
            kept = {"target": Features(_ids(videos), scored.features), "source": Features(_ids(source), of_source)}
        tested = np.array([item.id in self._domains.tested for item in videos.items])
        scores = Scores(
            _ids(videos),
            self._run.classes,
            videos.labels,
            tested,
            scored.probabilities,
            kept,
            scored.steps,
            source_probability,
        )
        if self._group.is_main:
            write_scores(RunFolder(self._run.folder).scores(epoch), scores, epoch)
        return scores

    def _pass(self, dataset: ItemDataset, frames: int, stop: StopRequest, keep_steps: bool = False) -> ClipScores:
        batches = self._until(stop, self._loaders.evaluation(dataset, frames))
        fusion = self._run.settings.fusion
        return ClipScores.joined(
            self._group.gather(score_clips(self._model, batches, self._arithmetic, fusion, keep_steps))
        )

    def _until(self, stop: StopRequest, batches: Iterator[Sample]) -> Iterator[Sample]:
        for batch in batches:
            # A process of several must not stop here: the others would wait for its scores.
            if stop.received and self._group.world_size == 1:
                raise Preempted
            yield batch

    def partners(self, epoch: int) -> dict[str, Scores]:
        """Reads the partners' scores of an epoch.

        Args:
            epoch: number of finished epochs.

        Returns:
            Scores by the names of the partners.

        Raises:
            UserError: if scores are missing, damaged, or of other classes.
        """
        return {
            name: read_scores(RunFolder(self._run.parents[name]).scores(epoch), self._run.classes)
            for name in self._run.settings.partners
        }


def _ids(dataset: ItemDataset) -> tuple[str, ...]:
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


def last_scores(folder: Path, classes: Sequence[str]) -> Scores:
    """Reads the scores of a finished run after its last epoch.

    Args:
        folder: folder of the run.
        classes: expected class names in order.

    Raises:
        UserError: if the run is not finished, or its scores are damaged or of other classes.
    """
    return read_scores(RunFolder(folder).scores(_last_epoch(folder)), classes)


def last_digest(folder: Path) -> str:
    """SHA-256 of the scores that `last_scores` reads.

    Raises:
        UserError: if the run is not finished.
    """
    epoch = _last_epoch(folder)
    return digests_of_scores(RunFolder(folder), [epoch])[epoch]


def _last_epoch(folder: Path) -> int:
    index = RunFolder(folder).scores_index
    if not index.is_file():
        raise UserError(f"{index}: the teacher has no scores yet: train it first")
    epochs = read_index(RunFolder(folder))
    if not epochs:
        raise UserError(f"{index}: lists no epoch: train the run again")
    return max(epochs)


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
