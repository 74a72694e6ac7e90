"""Two runs of one network each give the same results as one training of both networks.

`reference/two_streams.json` contains losses and weights of the method `full` with a transfer loss, as computed by the
trainer of both streams (i2vadapt 0.1) in two epochs on the data of tiny_data, without dropout and in float64, so that
the numbers do not depend on the machine. Each weight is represented by its mean, norm, first and last element.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_data import make_flow_run, make_run

from i2vadapt.training.loop import Trainer
from i2vadapt.training.run import Run

REFERENCE: dict[str, Any] = json.loads((Path(__file__).parent / "reference" / "two_streams.json").read_text())
ONE_STREAM = ("bank", "streams")


def starting_value(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Draws weights that depend only on their names, not on the order in which networks are built."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    values = rng.standard_normal(shape)
    if name.endswith("running_var"):
        return 1 + 0.1 * np.abs(values)
    if name.endswith("bn.weight"):
        return 1 + 0.1 * values
    return values * np.sqrt(2 / np.prod(shape[1:])) if len(shape) == 5 else 0.1 * values


def train(run: Run) -> Trainer:
    trainer = Trainer(run)
    for name, value in trainer.model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            start = starting_value(f"{run.settings.stream}.{name}", tuple(value.shape))
            value.copy_(torch.from_numpy(start))
    trainer.train()
    return trainer


@pytest.mark.parametrize("preset", ["paper", "released"])
def test_two_runs_give_the_losses_and_weights_of_one_run_of_both_streams(data: Path, folder: Path, preset: str) -> None:
    expected = REFERENCE[preset]
    changes = {name: value for name, value in expected["settings"].items() if name not in ONE_STREAM}
    rgb = train(make_run(data, folder / "rgb", **changes))
    bank = {**expected["settings"]["bank"], "partner": "rgb"}
    flow = train(make_flow_run(data, folder / "flow", folder / "rgb", **{**changes, "bank": bank}))

    compared = 0
    for number, row in enumerate(expected["rows"]):
        found = {"rgb": rgb.history[number], "flow": flow.history[number]}
        assert sum(history["loss"] for history in found.values()) == pytest.approx(row["loss"], abs=1e-5)
        for name, value in row.items():
            column, _, stream = name.rpartition("_")
            if stream in found and column:
                assert found[stream][column] == pytest.approx(value, abs=1e-5), name
                compared += 1
        for name in ("pseudo_label_accuracy", "bank_purity", "bank_flows", "bank_used"):
            assert found["flow"].get(name) == row.get(name)
        assert found["rgb"]["pace_accuracy"] == row["pace_accuracy"]
    assert compared == 2 * (len([name for name in expected["rows"][0] if name.endswith(("_rgb", "_flow"))]))
    assert flow.history[1]["bank_used"] == 1

    weights = {
        f"{trainer.settings.stream}.{name}": value
        for trainer in (rgb, flow)
        for name, value in trainer.model.state_dict().items()
    }
    assert weights.keys() == expected["weights"].keys()
    for name, (mean, norm, first, last) in expected["weights"].items():
        flat = weights[name].double().flatten()
        found_values = [float(value) for value in (flat.mean(), flat.norm(), flat[0], flat[-1])]
        assert found_values == pytest.approx([mean, norm, first, last], rel=1e-6, abs=1e-5), name
