"""Features of a method: those of its runs side by side, for the generated videos and for the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.parsing import parse, raise_problems, read_yaml
from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.inference.features import FeatureSet, ItemFeatures, read_features
from i2vadapt.inference.method import MethodDescription
from i2vadapt.layout import Results


@dataclass(frozen=True, eq=False)
class JointFeatures:
    """Features of n items of both domains.

    Attributes:
        ids: of the items (n,).
        is_target: whether an item is a real video (n,), bool; the others are generated videos, or photographs.
        labels: true classes (n,), int64, -1 where unknown.
        values: features (n,F), float64; the part of each run has length 1.
    """

    ids: tuple[str, ...]
    is_target: np.ndarray
    labels: np.ndarray
    values: np.ndarray

    def select(self, places: np.ndarray) -> JointFeatures:
        """The items at some places (k,)."""
        ids = tuple(self.ids[place] for place in places)
        return JointFeatures(ids, self.is_target[places], self.labels[places], self.values[places])


def read_joint_features(results: Results, benchmark: Benchmark, method: str, seed: int) -> JointFeatures:
    """Reads the features of the items that all runs of a method have.

    Args:
        results: folder of all results.
        benchmark: the benchmark.
        method: name of the method, or of a variant of one.
        seed: of the runs.

    Raises:
        UserError: if the method is not fused yet, or features are missing, damaged or of another checkpoint; lists all
            that are missing.
    """
    description = results.method(benchmark.name, method, seed).description
    if not description.is_file():
        made = results.method(benchmark.name, method, seed).predictions
        raise UserError(f"{description}: missing: train and fuse the method first, as `snakemake {made}` does")
    runs = [run.name for run in parse(MethodDescription, read_yaml(description), str(description)).runs]
    paths = {run: results.video_features(benchmark.name, run, seed) for run in runs}
    raise_problems([_how_to_make(path) for path in paths.values() if not path.is_file()])
    sets = []
    for run, path in paths.items():
        features = read_features(path, tuple(benchmark.classes))
        _check_origin(path, features, results.run(benchmark.name, run, seed).checkpoint)
        sets.append(features.sides)
    return join_sides(sets)


def join_sides(sets: Sequence[Mapping[str, ItemFeatures]]) -> JointFeatures:
    """Joins the features of several networks.

    Args:
        sets: for each network the features of the sides source and target.

    Returns:
        The items that all networks have, those of the source first, in the order of the first network.
    """
    ids, labels, values, counts = list[str](), list[np.ndarray](), list[np.ndarray](), []
    for side in ("source", "target"):
        parts = [sides[side] for sides in sets]
        places = [{item: place for place, item in enumerate(part.ids)} for part in parts]
        common = [item for item in parts[0].ids if all(item in known for known in places[1:])]
        rows = [[known[item] for item in common] for known in places]
        ids += common
        labels.append(parts[0].labels[rows[0]])
        values.append(np.hstack([_normalise(part.values[row]) for part, row in zip(parts, rows, strict=True)]))
        counts.append(len(common))
    is_target = np.repeat([False, True], counts)
    return JointFeatures(tuple(ids), is_target, np.concatenate(labels), np.vstack(values))


def thin(features: JointFeatures, most: int, seed: int) -> JointFeatures:
    """Draws at most `most` items of each domain at random; the items stay in order."""
    rng = np.random.default_rng(seed)
    kept = []
    for domain in (False, True):
        places = np.flatnonzero(features.is_target == domain)
        kept.append(np.sort(rng.choice(places, most, replace=False)) if len(places) > most else places)
    return features.select(np.concatenate(kept))


def _normalise(values: np.ndarray) -> np.ndarray:
    """Rows of length 1, so that no stream counts more for the scale of its features."""
    values = values.astype(np.float64)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), np.finfo(np.float64).tiny)


def _how_to_make(path: Path) -> str:
    return f"{path}: missing: the command features makes it with --source and --target, as `snakemake {path}` does"


def _check_origin(path: Path, features: FeatureSet, checkpoint: Path) -> None:
    if "source" not in features.sides:
        raise UserError(f"{path}: has no features of the source: {_how_to_make(path).partition(': missing: ')[2]}")
    if checkpoint.is_file() and features.provenance.get("checkpoint") != file_digest(checkpoint):
        raise UserError(f"{path}: features of another checkpoint than {checkpoint}: compute them again")
