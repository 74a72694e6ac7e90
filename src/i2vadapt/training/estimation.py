"""Runs that classify the target's videos by fixed features: they read features and write scores like any other run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from i2vadapt.config.estimator import EstimatorSettings
from i2vadapt.data.splits import TEST, TRAIN, split_parts
from i2vadapt.errors import UserError
from i2vadapt.estimators.base import Problem, build_estimator
from i2vadapt.files.digests import file_digest
from i2vadapt.inference.features import FeatureSet, ItemFeatures, read_features
from i2vadapt.inference.metrics import accuracies
from i2vadapt.inference.scores import Scores, write_scores
from i2vadapt.layout import RunFolder
from i2vadapt.training.earlier import exchange
from i2vadapt.training.history import Row, format_summary
from i2vadapt.training.lock import lock_folder
from i2vadapt.training.result import Result
from i2vadapt.training.run import Run
from i2vadapt.training.target_scores import reported_accuracies

_logger = logging.getLogger(__name__)


def run_estimator(run: Run[EstimatorSettings]) -> None:
    """Fits the estimator of a run, scores all target videos, and writes the files of the run.

    A run that is finished with the same settings and features is left unchanged.

    Raises:
        UserError: if features are missing, damaged or of other classes or items, or another process writes to the
            folder.
    """
    settings, folder = run.settings, RunFolder(run.folder)
    if set(run.features) != set(settings.feature_runs):
        given = ", ".join(run.features) or "none"
        raise UserError(f"--features: {given} given, but the settings need {', '.join(settings.feature_runs)}")
    sets = {name: read_features(path, run.classes) for name, path in run.features.items()}
    digests = {"features": {name: file_digest(path) for name, path in run.features.items()}}
    result = Result(run, lambda: digests)
    with lock_folder(run.folder, True):
        exchange(result, folder)
        finished = result.finished()
        if finished is not None:
            _logger.info("%s: up to date", run.folder)
            result.write_tables(finished)
            return
        by_role = {role: sets[name] for role, name in settings.features.items()}
        scores, row = _estimate(run, by_role)
        write_scores(folder.scores(settings.epochs), scores, settings.epochs)
        _logger.info("%s: %s", settings.recipe, format_summary(row))
        result.write([row], {})


def _estimate(run: Run[EstimatorSettings], sets: Mapping[str, FeatureSet]) -> tuple[Scores, Row]:
    """Scores of all videos that have every feature, and the row of metrics.csv with the controls."""
    settings = run.settings
    photographs = _common({role: found.sides["source"] for role, found in sets.items() if "source" in found.sides})
    videos = _common({role: found.sides["target"] for role, found in sets.items()})
    parts = dict.fromkeys(videos.ids, "")
    if settings.protocol == "split1":
        parts |= split_parts(videos.ids, settings.split1)
    adapted = np.array([settings.protocol == "transductive" or parts[item_id] == TRAIN for item_id in videos.ids])
    tested = np.array([settings.protocol == "transductive" or parts[item_id] == TEST for item_id in videos.ids])
    problem = Problem(
        photographs.values,
        photographs.labels,
        {role: values[adapted] for role, values in videos.values.items()},
        videos.values,
        len(run.classes),
        run.seed,
    )
    estimate = build_estimator(settings).estimate(problem)
    scores = Scores(videos.ids, run.classes, videos.labels, tested, estimate.probabilities)
    row: dict[str, float] = {"epoch": 1, **reported_accuracies(scores)}
    for name, probabilities in estimate.controls.items():
        found = accuracies(probabilities[tested].argmax(axis=1), videos.labels[tested])
        row |= {f"control_{name}": found["accuracy"]} if found else {}
    return scores, row


class _Rows(NamedTuple):
    """Features of the items that all roles have, in the order of the first role."""

    ids: tuple[str, ...]
    labels: np.ndarray
    values: dict[str, np.ndarray]


def _common(parts: Mapping[str, ItemFeatures]) -> _Rows:
    if not parts:
        raise UserError("features: none of the files holds photographs: compute them with --source")
    first = next(iter(parts.values()))
    places = {role: {item_id: place for place, item_id in enumerate(part.ids)} for role, part in parts.items()}
    ids = tuple(item_id for item_id in first.ids if all(item_id in known for known in places.values()))
    if not ids:
        raise UserError(f"features: {', '.join(parts)} have no item in common")
    lost = max(len(part.ids) for part in parts.values()) - len(ids)
    if lost:
        _logger.warning("features: %d items are not in all of %s and are left out", lost, ", ".join(parts))
    rows = {role: [known[item_id] for item_id in ids] for role, known in places.items()}
    labels = first.labels[rows[next(iter(parts))]]
    return _Rows(ids, labels, {role: part.values[rows[role]] for role, part in parts.items()})
