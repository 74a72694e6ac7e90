from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_data import make_run
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from i2vadapt.config.networks import TORCHVISION_NETWORKS
from i2vadapt.config.parsing import parse
from i2vadapt.config.recipes.video import Settings
from i2vadapt.errors import UserError
from i2vadapt.models.inflation import inflates
from i2vadapt.models.stream_network import RunNetwork
from i2vadapt.models.torchvision_video import TorchvisionVideo, build, initialise

pytestmark = pytest.mark.usefixtures("quick_random_weights", "weights_are_removed")

CLASSES = ("walk", "run", "jump")
STEPS = {"mvit_v2_s": (1, 2), "swin3d_t": (4, 8), "s3d": (1, 2), "r2plus1d_18": (1, 2)}
"""Time steps of 8 and 16 frames; MViT sees 8 at once."""


def settings_of(name: str, weights: Path | None = None, **changes: Any) -> Settings:
    file = None if weights is None else str(weights)
    settings = make_run(Path(), Path(), network=name, torchvision={"weights": file}, **changes).settings
    assert isinstance(settings, Settings)
    return settings


def reference(name: str) -> nn.Module:
    """Torchvision's network with random weights and, where it has batch norm, statistics that fit them."""
    torch.manual_seed(0)
    network: nn.Module = get_model(name, weights=None)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm3d)]
    for norm in norms:
        norm.momentum = 1.0
    if norms:
        layers = network.features if name == "s3d" else network
        with torch.no_grad():
            layers(torch.randn(2, 3, 8, 64, 64))
    return network.eval()


def classify_by_torchvision(name: str, network: nn.Module, frames: Tensor) -> Tensor:
    """Logits of torchvision's network for frames (N, T, 3, H, H) of 8 bits, which its own transform normalises."""
    side = frames.shape[-1]
    transform = get_model_weights(name)["KINETICS400_V1"].transforms(crop_size=(side, side), resize_size=(side, side))
    if name == "mvit_v2_s":
        network.pos_encoding.temporal_size = frames.shape[1] // 2
        network.pos_encoding.spatial_size = (side // 4, side // 4)
    with torch.no_grad():
        logits: Tensor = network(transform(frames))
    return logits


@pytest.mark.parametrize("channels", [3, 2])
@pytest.mark.parametrize("name", TORCHVISION_NETWORKS)
@pytest.mark.parametrize(("side", "frames"), [(64, 8), pytest.param(112, 16, marks=pytest.mark.slow)])
def test_features_and_logits_keep_the_steps_of_time(name: str, channels: int, side: int, frames: int) -> None:
    network = TorchvisionVideo(name, 5, channels, clip_frames=8).eval()
    with torch.no_grad():
        features = network.features(torch.rand(1, channels, frames, side, side) * 2 - 1)
        logits = network.classify(features)
    assert features.shape == (1, network.feature_size, STEPS[name][frames // 16])
    assert logits.shape == (1, 5, features.shape[2])
    assert logits.isfinite().all()


def slow(name: str, side: int, frames: int) -> Any:
    return pytest.param(name, side, frames, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("name", "side", "frames"),
    [
        ("mvit_v2_s", 64, 8),  # torchvision's blocks interpolate the relative positions
        ("r2plus1d_18", 64, 8),
        slow("mvit_v2_s", 224, 16),
        slow("swin3d_t", 224, 16),
        slow("s3d", 224, 16),
        slow("r2plus1d_18", 112, 16),
    ],
)
def test_logits_are_those_of_torchvision_with_its_weights(name: str, side: int, frames: int, tmp_path: Path) -> None:
    other = reference(name)
    torch.save(other.state_dict(), tmp_path / "weights.pth")
    network = TorchvisionVideo(name, 400, clip_frames=frames).eval()
    initialise(network, settings_of(name, tmp_path / "weights.pth"), CLASSES)
    head = [module for module in other.modules() if isinstance(module, nn.Linear | nn.Conv3d)][-1]
    with torch.no_grad():
        network.logits.weight.copy_(head.weight.flatten(1))
        network.logits.bias.copy_(head.bias)
    clips = torch.randint(0, 256, (1, frames, 3, side, side), dtype=torch.uint8)
    expected = classify_by_torchvision(name, other, clips)
    with torch.no_grad():
        found = network.classify(network.features(clips.transpose(1, 2) / 127.5 - 1)).mean(dim=2)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * float(expected.std()) + 1e-5)


def test_positions_in_narrow_windows_are_those_of_the_patches() -> None:
    network = TorchvisionVideo("swin3d_t", 3)
    attention = network.backbone.features[0][0].attn
    table = attention.relative_position_bias_table
    window = [2, 3, 4]
    places = list(itertools.product(*map(range, window)))
    found = attention.get_relative_position_bias(window)
    for i, j in itertools.product(range(0, len(places), 5), range(0, len(places), 7)):
        t, h, w = (a - b for a, b in zip(places[i], places[j], strict=True))
        assert torch.equal(found[0, :, i, j], table[((t + 7) * 13 + h + 6) * 13 + w + 6])
    full = list(attention.window_size)
    theirs = super(type(attention), attention).get_relative_position_bias(full)
    assert torch.equal(attention.get_relative_position_bias(full), theirs)


def test_a_long_clip_is_several_clips_to_mvit() -> None:
    model = RunNetwork(TorchvisionVideo("mvit_v2_s", 3, clip_frames=8)).eval()
    clips = torch.rand(2, 3, 16, 32, 32) * 2 - 1
    with torch.no_grad():
        whole, first, last = model(clips), model(clips[:, :, :8]), model(clips[:, :, 8:])
    torch.testing.assert_close(whole.video_logits, (first.video_logits + last.video_logits) / 2)
    torch.testing.assert_close(whole.frame_logits, torch.cat([first.frame_logits, last.frame_logits], dim=1))
    with pytest.raises(UserError, match="mvit_v2_s got 12 frames; expected a multiple of 8"):
        model(clips[:, :, :12])
    with pytest.raises(UserError, match=r"mvit_v2_s got clips of shape .*; expected \(N, 3, T, H, W\)"):
        model(clips[:, :2])


def test_settings_in_which_mvit_cannot_split_its_test_clips_are_refused() -> None:
    with pytest.raises(
        UserError, match=r"clip_frames \(16\) frames at once: test_frames must be a multiple .*, not 24"
    ):
        parse(Settings, {"network": "mvit_v2_s", "test_frames": 24}, "test")
    parse(Settings, {"network": "swin3d_t", "test_frames": 24}, "test")


@pytest.mark.parametrize("name", TORCHVISION_NETWORKS)
def test_a_flow_network_starts_from_rgb_kernels_averaged_over_colours(name: str, tmp_path: Path) -> None:
    state = get_model(name, weights=None).state_dict()
    torch.save(state, tmp_path / "weights.pth")
    settings = settings_of(name, tmp_path / "weights.pth", stream="flow")
    assert inflates(settings)
    network = build(settings, 3)
    initialise(network, settings, CLASSES)
    rgb = state[f"{network.parts.stem}.weight"]
    flow = network.backbone.get_submodule(network.parts.stem).weight
    assert flow.shape[1] == 2
    torch.testing.assert_close(flow.sum(dim=1), rgb.sum(dim=1))  # the response to equal channels
    assert torch.equal(flow[:, 0], flow[:, 1])
    assert network.shift.abs().max() == 0
    others = {key: value for key, value in network.backbone.state_dict().items() if "num_batches" not in key}
    assert all(torch.equal(value, state[key]) for key, value in others.items() if value.shape == state[key].shape)
    assert not inflates(settings_of(name, None, stream="flow"))
    assert not inflates(settings_of(name, tmp_path / "weights.pth"))


def test_weights_of_another_network_are_one_line(tmp_path: Path) -> None:
    torch.save(get_model("s3d", weights=None).state_dict(), tmp_path / "weights.pth")
    for stream in ("rgb", "flow"):
        settings = settings_of("r2plus1d_18", tmp_path / "weights.pth", stream=stream)
        with pytest.raises(UserError, match=r"weights\.pth: does not fit r2plus1d_18: .*missing \(stem") as caught:
            initialise(build(settings, 3), settings, CLASSES)
        assert len(str(caught.value).splitlines()) == 1


def test_old_files_may_lack_counters_and_the_classifier_stays_random(tmp_path: Path) -> None:
    state = get_model("s3d", weights=None).state_dict()
    torch.save({name: value for name, value in state.items() if "num_batches" not in name}, tmp_path / "weights.pth")
    settings = settings_of("s3d", tmp_path / "weights.pth")
    network = build(settings, 3)
    head = network.logits.weight.clone()
    initialise(network, settings, CLASSES)
    assert torch.equal(network.backbone.features[15].branch0[0].weight, state["features.15.branch0.0.weight"])
    assert torch.equal(network.logits.weight, head)


def test_the_weights_are_those_of_the_network_unless_others_are_named() -> None:
    def files(**settings: Any) -> tuple[str, ...]:
        return parse(Settings, settings, "test").initial_weights

    assert files(network="swin3d_t", stream="flow") == ("weights/swin3d_t-kinetics400.pth",)
    assert files(network="s3d", torchvision={"weights": "mine.pth"}) == ("mine.pth",)
    assert files(network="s3d", torchvision={"weights": None}) == ()


def test_settings_of_i3d_change_nothing_in_a_run_of_another_network() -> None:
    changes = {"frozen": "none", "frozen_batch_norm": "train", "temporal_stride": 2, "init": {"rgb": "mine.pt"}}
    assert settings_of("s3d", **changes) == settings_of("s3d", frozen="Conv3d_2c_3x3")
    other = parse(Settings, {"torchvision": {"weights": "mine.pth"}}, "test").relevant()
    assert other == parse(Settings, {}, "test").relevant()
