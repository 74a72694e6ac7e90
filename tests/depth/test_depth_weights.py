from __future__ import annotations

import json

import numpy as np
from safetensors import safe_open

from i2vadapt.demo import random_scene, render
from i2vadapt.depth import build_depth_model, default_checkpoint, predict_inverse_depth
from i2vadapt.depth.metrics import depth_scores


def test_weights_in_the_package_beat_guesses_that_do_not_look() -> None:
    network = build_depth_model("dpt_small")
    scores: dict[str, list[float]] = {"network": [], "ground": []}
    for number in range(8):
        frame = render(random_scene(np.random.default_rng([77, number]), (240, 320)), 0.0)
        rows = np.broadcast_to(np.arange(240.0)[:, None], (240, 320))
        scores["network"].append(depth_scores(predict_inverse_depth(network, frame.image), frame.depth).abs_rel)
        scores["ground"].append(depth_scores(rows, frame.depth).abs_rel)
    assert np.mean(scores["network"]) < 0.75 * np.mean(scores["ground"])


def test_weights_in_the_package_are_small_and_carry_their_scores() -> None:
    path = default_checkpoint("dpt_small")
    assert path is not None
    assert path.stat().st_size < 8_000_000
    with safe_open(path, "pt") as file:
        scores = json.loads(file.metadata()["scores"])
    assert scores["dpt_small"]["abs_rel"] < scores["ground_plane"]["abs_rel"] < scores["constant"]["abs_rel"]
