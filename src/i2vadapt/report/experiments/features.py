"""A figure of features: those of source and target projected to the plane by t-SNE, and measured, for each method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.experiments import Experiment
from i2vadapt.config.methods import MethodsTable
from i2vadapt.layout import Results
from i2vadapt.report.experiments import outcomes
from i2vadapt.report.experiments.joint_features import JointFeatures, read_joint_features, thin
from i2vadapt.report.experiments.measures import Measures, measure
from i2vadapt.report.rendering import render
from i2vadapt.report.text import percent

MOST_ITEMS, _PERPLEXITY = 2000, 30.0
_COLUMNS = (
    ("method", "---"),
    ("nearest source items", "---:"),
    ("domain classifier", "---:"),
    ("silhouette, target", "---:"),
    ("silhouette, both", "---:"),
    ("class gap", "---:"),
)


@dataclass(frozen=True, eq=False)
class Projection:
    """Features of a method on a benchmark, in the plane.

    Attributes:
        benchmark: the benchmark.
        method: name of the method, or of a variant of one.
        title: of the method.
        seed: of the runs, of the projection and of the choice of items.
        perplexity: of t-SNE, about the number of neighbours that an item has.
        features: of the n items that are drawn.
        places: where they are drawn (n,2).
        measures: of these items.
        left_out: number of items that were not drawn, as there are more than `MOST_ITEMS` of a domain.
    """

    benchmark: Benchmark
    method: str
    title: str
    seed: int
    perplexity: float
    features: JointFeatures
    places: np.ndarray
    measures: Measures
    left_out: int

    @property
    def note(self) -> str:
        """What is drawn, and how."""
        targets = int(self.features.is_target.sum())
        drawn = f"{len(self.features.ids) - targets} source + {targets} target items"
        left = f" ({self.left_out} not drawn)" if self.left_out else ""
        return f"{drawn}{left}, perplexity {self.perplexity:g}, seed {self.seed}"


def collect_projections(
    experiment: Experiment, table: MethodsTable, benchmarks: Sequence[Benchmark], seed: int, results: Results
) -> list[Projection]:
    """Reads, measures and projects the features of each method on each benchmark, benchmark after benchmark.

    Args:
        experiment: an experiment with features.
        table: content of methods.yaml, for the titles.
        benchmarks: a row of panels for each of them.
        seed: of the runs, of the projection and of the choice of items.
        results: folder of all results.

    Raises:
        UserError: if features are missing, damaged or of another checkpoint.
    """
    found: list[Projection] = []
    for benchmark in benchmarks:
        found += [
            project_method(results, benchmark, name, table.method(name).title, seed) for name in experiment.features
        ]
    return found


def project_method(results: Results, benchmark: Benchmark, name: str, title: str, seed: int) -> Projection:
    """Reads, measures and projects the features of a method on a benchmark.

    Args:
        results: folder of all results.
        benchmark: the benchmark.
        name: of the method, or of a variant of one.
        title: of the method.
        seed: of the runs, of the projection and of the choice of items.

    Raises:
        UserError: if features are missing, damaged or of another checkpoint.
    """
    every = read_joint_features(results, benchmark, name, seed)
    features = thin(every, MOST_ITEMS, seed)
    places, perplexity = project(features.values, seed)
    left = len(every.ids) - len(features.ids)
    return Projection(benchmark, name, title, seed, perplexity, features, places, measure(features, seed), left)


def project(values: np.ndarray, seed: int) -> tuple[np.ndarray, float]:
    """Projects features to the plane by t-SNE.

    Args:
        values: features (n,F), at least two rows.
        seed: of the projection.

    Returns:
        Places (n,2), the same for the same features, and the perplexity, which is lower for less than 91 items.
    """
    perplexity = min(_PERPLEXITY, max(float((len(values) - 1) // 3), 1.0))
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed)
    with threadpool_limits(1):  # sums of several threads depend on their number
        return tsne.fit_transform(values), perplexity


def to_csv(projections: Sequence[Projection]) -> str:
    """A row for each method and item that is drawn."""
    records: list[dict[str, object]] = []
    for part in projections:
        classes, drawn = list(part.benchmark.classes), part.features
        for item, is_target, label, (x, y) in zip(drawn.ids, drawn.is_target, drawn.labels, part.places, strict=True):
            records.append(
                {
                    "benchmark": part.benchmark.name,
                    "method": part.method,
                    "domain": "target" if is_target else "source",
                    "item": item,
                    "class": classes[label] if label >= 0 else "",
                    "x": float(x),
                    "y": float(y),
                }
            )
    return outcomes.to_csv(records)


def to_markdown(experiment: Experiment, projections: Sequence[Projection]) -> str:
    """The measures of each method, in a table for each benchmark, and what they are."""
    tables: dict[str, list[list[str]]] = {}
    for part in projections:
        found = part.measures
        shares = [_number(percent(value), value) for value in (found.neighbours, found.domains)]
        numbers = (found.silhouette_target, found.silhouette_both, found.class_gap)
        row = [part.title, *shares, *(_number(f"{value:.3f}", value) for value in numbers)]
        tables.setdefault(part.benchmark.name, []).append(row)
    notes = {part.benchmark.name: part.note for part in projections}
    return render("experiment_features.md.j2", experiment=experiment, columns=_COLUMNS, tables=tables, notes=notes)


def _number(text: str, value: float) -> str:
    return "–" if np.isnan(value) else text
