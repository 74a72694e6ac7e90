from __future__ import annotations

from pathlib import Path

import pytest
from tiny_data import make_run

from i2vadapt.clips.domains import open_domains
from i2vadapt.clips.loaders import Loaders
from i2vadapt.config.recipes.video import Settings
from i2vadapt.losses.dann import DomainClassifier
from i2vadapt.recipes.base import Context, build_recipe
from i2vadapt.recipes.video import Recipe
from i2vadapt.runtime.precision import choose_arithmetic
from i2vadapt.runtime.process_group import SINGLE_PROCESS

BOTH = ["rgb", "flow"]


def build(data: Path, **changes: object) -> Recipe:
    run = make_run(data, data / "run", **changes)
    domains = open_domains(run.source, run.target, run.settings, run.classes)
    loaders = Loaders(run.settings, run.seed, 0, SINGLE_PROCESS, False)
    context = Context(run.classes, run.seed, domains, loaders, choose_arithmetic("float32"))
    recipe = build_recipe(run.settings, context)
    assert isinstance(recipe, Recipe)
    assert isinstance(recipe.settings, Settings)
    return recipe


@pytest.mark.parametrize(
    ("changes", "paces"),
    [
        ({"stream": "rgb"}, 5),
        ({"stream": "rgb", "pace": {"classes": 3}}, 3),
        ({"stream": "rgb", "pace": None}, 0),
        ({"stream": "rgb", "pace": {"streams": ["flow"]}}, 0),
        ({"stream": "flow"}, 0),
        ({"stream": "flow", "pace": {"other_streams": "statistics"}}, 0),
        ({"stream": "flow", "pace": {"streams": BOTH}}, 5),
    ],
)
def test_a_run_has_a_pace_head_if_its_stream_predicts_the_pace(
    data: Path, changes: dict[str, object], paces: int
) -> None:
    head = build(data, **changes).model.pace_head
    assert (0 if head is None else head.conv3d.out_channels) == paces


@pytest.mark.parametrize(
    ("transfer", "size"),
    [
        ({"loss": "none"}, None),
        ({"loss": "dann", "streams": ["flow"]}, None),
        ({"loss": "dann", "streams": ["rgb"]}, 2),
        ({"loss": "dann", "streams": BOTH, "inputs": "features"}, 1024),
        ({"loss": "mcc"}, 2),
    ],
)
def test_a_run_has_a_transfer_loss_of_what_is_compared_in_its_stream(
    data: Path, transfer: dict[str, object], size: int | None
) -> None:
    loss = build(data, transfer=transfer).model.transfer_loss
    assert (None if loss is None else loss.size) == size
    if transfer["loss"] == "dann" and loss is not None:
        (classifier,) = (module for module in loss.modules() if isinstance(module, DomainClassifier))
        assert classifier.layers[0].in_features == size
