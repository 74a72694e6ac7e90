"""What a method has reached on a benchmark so far: some of its seeds may not be trained yet."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from i2vadapt.config.documents import Benchmark
from i2vadapt.layout import Results
from i2vadapt.report.accuracy import in_percent, stream_accuracies
from i2vadapt.report.runs import Evaluation, Method, OutdatedFusionError, load_methods

_logger = logging.getLogger(__name__)

NOT_RUN, NO_LABELS = "not run", "no labels"


@dataclass(frozen=True, eq=False)
class Outcome:
    """A method on a benchmark.

    Attributes:
        benchmark: name of the benchmark.
        name: of the method, or of a variant of one.
        title: of the method.
        seeds: those asked for.
        method: the method with those seeds that are finished; None if none is.
        paper: accuracy that the paper prints, as a share; None if it prints none.
    """

    benchmark: str
    name: str
    title: str
    seeds: tuple[int, ...]
    method: Method | None
    paper: float | None = None

    @property
    def finished(self) -> tuple[int, ...]:
        """Seeds that are finished."""
        return tuple(part.seed for part in self.method.evaluations) if self.method is not None else ()

    @property
    def state(self) -> str:
        """Why there is no accuracy, or not of all seeds; empty if nothing is missing."""
        if self.method is None:
            return NOT_RUN
        if not self.method.is_labelled:
            return NO_LABELS
        missing = len(self.finished) < len(self.seeds)
        return f"{len(self.finished)} of {len(self.seeds)} seeds" if missing else ""

    @property
    def streams(self) -> tuple[str, ...]:
        """Keys of the predictions, see `Predictions.by_stream`; none if no seed is finished."""
        return tuple(self.method.evaluations[0].predictions.by_stream) if self.method is not None else ()

    @property
    def result(self) -> str:
        """Key of the prediction that counts; empty if no seed is finished."""
        return self.method.result if self.method is not None else ""

    def accuracies(self, stream: str = "") -> pd.Series:
        """Accuracy per video as a share by finished seed, empty without labels.

        Args:
            stream: key of the prediction; empty: the one that counts.
        """
        evaluations = self.method.evaluations if self.method is not None else ()
        found = {part.seed: stream_accuracies(part.predictions) for part in evaluations}
        name = f"accuracy_{stream or self.result}"
        return pd.Series({seed: values[name] for seed, values in found.items() if name in values}, dtype=float)

    @property
    def text(self) -> str:
        """Accuracy in per cent as '74.1 ± 0.3', and what is missing."""
        values = self.accuracies()
        accuracy = in_percent(values.mean(), values.std())
        return f"{accuracy} ({self.state})" if accuracy and self.state else accuracy or self.state

    def record(self, stream: str = "") -> dict[str, object]:
        """Cells of a CSV file: mean, deviation, finished seeds, state, and a column of accuracies for each seed."""
        values = self.accuracies(stream)
        return {
            "mean": values.mean(),
            "std": values.std(),
            "seeds": " ".join(map(str, self.finished)),
            "state": self.state or "complete",
            **{f"seed{seed}": values.get(seed) for seed in self.seeds},
        }


def find_outcome(
    results: Results, benchmark: Benchmark, name: str, title: str, seeds: Sequence[int], paper: float | None = None
) -> Outcome:
    """Reads the finished seeds of a method; those that must be fused again are logged and left out.

    Args:
        results: folder of all results.
        benchmark: the benchmark.
        name: of the method, or of a variant of one.
        title: of the method.
        seeds: those asked for.
        paper: accuracy that the paper prints, in per cent; None if it prints none.

    Raises:
        UserError: if a file is malformed or of other classes.
    """
    evaluations: list[Evaluation] = []
    protocol = ""
    for seed in seeds:
        folder = results.method(benchmark.name, name, seed)
        if not (folder.description.is_file() and folder.predictions.is_file()):
            continue
        try:
            (method,) = load_methods(results, benchmark.name, [name], [seed], list(benchmark.classes))
        except OutdatedFusionError as problem:
            _logger.warning("left out: %s", problem)
            continue
        evaluations += method.evaluations
        protocol = method.protocol
    finished = Method(name, title, tuple(evaluations), protocol) if evaluations else None
    return Outcome(benchmark.name, name, title, tuple(seeds), finished, None if paper is None else paper / 100)


def seeds_note(seeds: Sequence[int]) -> str:
    """What accuracies over some seeds are."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    return f"mean ± standard deviation over the seeds {', '.join(map(str, seeds[:-1]))} and {seeds[-1]}"


def to_csv(records: Sequence[dict[str, object]]) -> str:
    """A table in long form; accuracies are shares with six digits, cells are empty where there is none."""
    return str(pd.DataFrame(records).to_csv(index=False, float_format="%.6f", lineterminator="\n"))
