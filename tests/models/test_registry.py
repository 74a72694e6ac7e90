from __future__ import annotations

from pathlib import Path
from typing import get_args

import open_clip
import pytest
import torch
from tiny_clip import tiny_config
from tiny_data import make_run
from torch import nn

from i2vadapt.config.networks import FRAME_NETWORKS, TORCHVISION_NETWORKS, NetworkName
from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import UserError
from i2vadapt.models.i3d import InceptionI3D
from i2vadapt.models.registry import MODULES, build_network, initialise
from i2vadapt.models.stream_network import RunNetwork

CLASSES = ("walk", "run", "jump")
NAMES: tuple[NetworkName, ...] = get_args(NetworkName)
RANDOM = {section: {"weights": None} for section in ("clip", "resnet", "torchvision")} | {"init": {"rgb": None}}
STEPS = {"i3d": 4, "mvit_v2_s": 1, "swin3d_t": 4, "s3d": 1, "r2plus1d_18": 1}  # others: every frame is a step


def settings_of(**changes: object) -> TrainingSettings:
    return make_run(Path(), Path(), **{**RANDOM, **changes}).settings


def test_every_network_of_the_settings_has_a_module() -> None:
    assert MODULES.keys() == set(NAMES)
    assert set(FRAME_NETWORKS) | set(TORCHVISION_NETWORKS) == set(NAMES) - {"i3d"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("quick_random_weights")
def test_every_network_is_built_initialised_and_classifies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_clip, "get_model_config", tiny_config)
    settings = settings_of(network=name)
    network = build_network(settings, len(CLASSES))
    initialise(network, settings, CLASSES)
    output = RunNetwork(network, pace_classes=4).eval()(torch.rand(2, 3, 8, 32, 32))
    assert output.frame_logits.shape == (2, STEPS.get(name, 8), 3)
    assert output.features.shape == (2, network.feature_size)
    assert output.pace_logits.shape == (2, 4)
    assert all(part.isfinite().all() for part in output)


@pytest.mark.parametrize(("stream", "channels"), [("rgb", 3), ("flow", 2)])
def test_i3d_follows_the_settings_of_the_run(stream: str, channels: int) -> None:
    changes = {"temporal_stride": 2, "dropout": 0.25, "batch_norm_momentum": 0.125, "frozen_batch_norm": "train"}
    network = build_network(settings_of(stream=stream, frozen="Conv3d_2c_3x3", **changes), 3).train()
    assert isinstance(network, InceptionI3D)
    assert (network.in_channels, network.num_classes, network.temporal_stride) == (channels, 3, 2)
    assert isinstance(network.dropout, nn.Dropout)
    assert network.dropout.p == 0.25
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm3d)]
    assert {norm.momentum for norm in norms} == {0.125}
    assert all(norm.training for norm in norms)
    frozen = {name.split(".")[0] for name, weight in network.named_parameters() if not weight.requires_grad}
    assert frozen == {"Conv3d_1a_7x7", "Conv3d_2b_1x1", "Conv3d_2c_3x3"}
    network = build_network(settings_of(stream=stream, frozen="Conv3d_2c_3x3", frozen_batch_norm="eval"), 3).train()
    still = {
        name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm3d) and not module.training
    }
    assert still == {f"{name}.bn" for name in frozen}


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_resnet_has_the_depth_of_its_name_and_the_dropout_of_the_settings(name: str) -> None:
    network = build_network(settings_of(network=name, dropout=0.25), 3)
    assert network.feature_size == {"resnet18": 512, "resnet50": 2048}[name]
    assert isinstance(network.dropout, nn.Dropout)
    assert network.dropout.p == 0.25


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *(
            ({"stream": "flow", "network": name}, f"{name} looks at RGB frames: stream must be rgb")
            for name in FRAME_NETWORKS
        ),
        ({"stream": "depth"}, "stream: input should be 'rgb' or 'flow', not 'depth'"),
        ({"network": "vgg"}, "network: input should be 'i3d', 'i3d_frames', .* or 'r2plus1d_18', not 'vgg'"),
    ],
)
def test_a_network_that_does_not_fit_the_stream_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        settings_of(**changes)
