"""Learning rates: one for all layers, or a smaller one for those that start from trained weights."""

from __future__ import annotations

import pytest

from i2vadapt.config.parsing import parse
from i2vadapt.config.recipes import frames
from i2vadapt.models.registry import build_network
from i2vadapt.models.stream_network import RunNetwork
from i2vadapt.training.optimizer import build_optimizer


@pytest.mark.parametrize("factor", [1, 0.1])
def test_the_backbone_has_a_smaller_rate_where_the_settings_say_so(factor: float) -> None:
    document = {
        "crop": 32,
        "bottleneck": 4,
        "learning_rate": 0.2,
        "backbone_rate": factor,
        "resnet": {"trained": "layer4"},
    }
    settings = parse(frames.Settings, document, "test")
    model = RunNetwork(build_network(settings, 3))
    optimizer, _ = build_optimizer(model, settings)
    rates = {id(weight): group["lr"] for group in optimizer.param_groups for weight in group["params"]}
    for name, weight in model.network.named_parameters():
        expected = None
        if name.startswith(("bottleneck", "logits")):
            expected = 0.2
        elif name.startswith("backbone.layer4"):
            expected = pytest.approx(0.2 * factor)
        assert rates.get(id(weight)) == expected, name
    assert optimizer.param_groups[0]["lr"] == 0.2  # the recorded one
