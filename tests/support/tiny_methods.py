"""Methods in memory, for tests of tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from i2vadapt.layout import RunFolder
from i2vadapt.report.runs import Evaluation, Method, Predictions, Run


def make_run(name: str, metrics: Mapping[str, Sequence[float]], stream: str = "rgb", seed: int = 0) -> Run:
    """A run with the given columns of metrics, including `epoch`, and without scores."""
    frame = pd.DataFrame(metrics, dtype=np.float64).set_index("epoch")
    return Run(name, stream, seed, RunFolder(Path(name)), frame, {}, ())  # type: ignore[arg-type]


def make_method(
    name: str,
    *predicted: Sequence[int],
    truth: Sequence[int] = (0, 0, 0, 1),
    title: str = "",
    flow: bool = True,
    runs: Sequence[Run] = (),
) -> Method:
    """A method whose flow stream and fusion predict the given classes, one list per seed; its RGB stream predicts 0.

    Without flow, its RGB stream predicts the given classes.
    """
    evaluations = []
    for seed, values in enumerate(predicted):
        streams = {"rgb": np.array(values)}
        if flow:
            streams = {"rgb": np.zeros(len(truth), np.int64), "flow": np.array(values), "fused": np.array(values)}
        own = tuple(run for run in runs if run.seed == seed)
        ids = tuple(f"{number}.mp4" for number in range(len(truth)))
        predictions = Predictions(np.array(truth), streams, ids, np.full(len(truth), 0.9))
        evaluations.append(Evaluation(seed, predictions, own))
    return Method(name, title or name, tuple(evaluations))
