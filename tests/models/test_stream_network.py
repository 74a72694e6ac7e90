from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from tiny_data import make_run

from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import UserError
from i2vadapt.models.i3d import InceptionI3D
from i2vadapt.models.i3d_weights import FIRST_KERNEL
from i2vadapt.models.registry import build_network, initialise
from i2vadapt.models.stream_network import RunNetwork, StreamNetwork, upsample_logits
from i2vadapt.runtime.precision import Arithmetic

CLASSES = ("climb", "jump", "run", "walk")
CHANNELS = {"rgb": 3, "flow": 2}


def settings_of(stream: str, **changes: object) -> TrainingSettings:
    return make_run(Path(), Path(), stream=stream, frozen="none", **changes).settings


def network_of(stream: str) -> InceptionI3D:
    return InceptionI3D(len(CLASSES), CHANNELS[stream])


@pytest.mark.parametrize("stream", ["rgb", "flow"])
@pytest.mark.parametrize("paces", [0, 5])
def test_shapes_and_means(stream: str, paces: int) -> None:
    model = RunNetwork(network_of(stream), paces).eval()
    with torch.no_grad():
        output = model(torch.rand(2, CHANNELS[stream], 16, 32, 32))
    assert output.frame_logits.shape == (2, 8, 4)
    assert output.features.shape == (2, 1024)
    torch.testing.assert_close(output.video_logits, output.frame_logits.mean(1))
    head = model.network.logits.conv3d  # type: ignore[union-attr]
    torch.testing.assert_close(output.video_logits, output.features @ head.weight[:, :, 0, 0, 0].T + head.bias)
    if not paces:
        assert output.pace_logits is None
        assert model.pace_head is None
        return
    assert output.pace_logits.shape == (2, 5)
    pace = model.pace_head.conv3d  # type: ignore[union-attr]
    torch.testing.assert_close(output.pace_logits, output.features @ pace.weight[:, :, 0, 0, 0].T + pace.bias)


def test_heads_see_the_features_after_dropout_and_features_are_those_before() -> None:
    """With a dropout of 1, the output of a head is its bias."""
    model = RunNetwork(InceptionI3D(4, dropout=1.0), pace_classes=3).eval()
    clips = torch.rand(2, 3, 8, 32, 32)
    model.network.dropout.train()
    with torch.no_grad():
        output = model(clips)
        features = model.network.features(clips).mean(2)
    torch.testing.assert_close(output.features, features)
    for logits, head in ((output.video_logits, model.network.logits), (output.pace_logits, model.pace_head)):
        bias = head.conv3d.bias  # type: ignore[union-attr]
        torch.testing.assert_close(logits, bias.expand(2, -1))


def test_pace_gradient_reaches_the_network_but_not_the_classifier() -> None:
    network = InceptionI3D(4).freeze("MaxPool3d_4a_3x3")
    output = RunNetwork(network, pace_classes=3)(torch.rand(2, 3, 16, 32, 32))
    output.pace_logits.sum().backward()
    assert network.logits.conv3d.weight.grad is None
    assert network.Mixed_5c.b0.conv3d.weight.grad is not None  # type: ignore[union-attr]
    assert network.Mixed_3c.b0.conv3d.weight.grad is None  # type: ignore[union-attr]


def test_outputs_are_float32_under_autocast() -> None:
    model = RunNetwork(network_of("rgb"), pace_classes=3)
    with torch.autocast("cpu", torch.bfloat16):
        output = model(torch.rand(2, 3, 8, 32, 32))
    assert all(part.dtype == torch.float32 for part in output)


def test_outputs_stay_float64() -> None:
    model = RunNetwork(network_of("flow"), pace_classes=3)
    Arithmetic(torch.device("cpu"), torch.float64).prepare(model)
    output = model(torch.rand(2, 2, 8, 32, 32, dtype=torch.float64))
    assert all(part.dtype == torch.float64 for part in output)


def test_clips_of_the_other_stream_are_refused() -> None:
    with pytest.raises(UserError, match=r"\(1, 3, 8, 32, 32\); expected \(N, 2, T, H, W\)"):
        RunNetwork(network_of("flow"))(torch.zeros(1, 3, 8, 32, 32))


def test_a_checkpoint_keeps_the_classifier_without_the_heads_of_training() -> None:
    bare, trained = network_of("rgb"), RunNetwork(network_of("rgb"), 5, torch.nn.Linear(4, 1))
    assert trained.network.state_dict().keys() == bare.state_dict().keys()
    assert RunNetwork(bare).state_dict().keys() == {f"network.{name}" for name in bare.state_dict()}
    others = {name for name in trained.state_dict() if not name.startswith("network.")}
    assert others == {f"{part}.{kind}" for part in ("pace_head.conv3d", "transfer_loss") for kind in ("weight", "bias")}


def test_upsampled_logits_interpolate_between_step_centres() -> None:
    frame_logits = torch.tensor([[[0.0], [4.0]]])
    assert upsample_logits(frame_logits, 4).tolist() == [[[0.0, 1.0, 3.0, 4.0]]]


def initialised(stream: str, **init: Path | None) -> tuple[StreamNetwork, dict[str, torch.Tensor]]:
    """The network of a run, and its weights before the initialisation."""
    settings = settings_of(stream, init={name: path and str(path) for name, path in init.items()})
    network = build_network(settings, len(CLASSES))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    initialise(network, settings, CLASSES)
    return network, before


def write_weights(path: Path, channels: int) -> dict[str, torch.Tensor]:
    """I3D weights for the classes of Kinetics."""
    state = InceptionI3D(400, channels).state_dict()
    safetensors.torch.save_file(state, path)
    return state


def test_both_streams_can_start_from_rgb_weights(tmp_path: Path) -> None:
    kinetics = write_weights(tmp_path / "rgb.safetensors", 3)
    (rgb, _), (flow, before) = (initialised(stream, rgb=tmp_path / "rgb.safetensors") for stream in ("rgb", "flow"))
    assert torch.equal(rgb.state_dict()[FIRST_KERNEL], kinetics[FIRST_KERNEL])
    for network in (rgb, flow):
        assert torch.equal(network.state_dict()["Mixed_4f.b2b.conv3d.weight"], kinetics["Mixed_4f.b2b.conv3d.weight"])
    torch.testing.assert_close(flow.state_dict()[FIRST_KERNEL].sum(1), kinetics[FIRST_KERNEL].sum(1))
    assert torch.equal(flow.state_dict()["logits.conv3d.weight"], before["logits.conv3d.weight"])


def test_each_stream_starts_from_its_own_file(tmp_path: Path) -> None:
    files = {"rgb": tmp_path / "rgb.safetensors", "flow": tmp_path / "flow.safetensors"}
    trained = {stream: write_weights(path, CHANNELS[stream]) for stream, path in files.items()}
    for stream, state in trained.items():
        network, _ = initialised(stream, **files)
        assert torch.equal(network.state_dict()[FIRST_KERNEL], state[FIRST_KERNEL])
    # An RGB network ignores flow weights.
    network, before = initialised("rgb", rgb=None, flow=files["flow"])
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_weights_of_the_wrong_stream_are_refused_with_the_name_of_their_file(tmp_path: Path) -> None:
    write_weights(tmp_path / "rgb.safetensors", 3)
    write_weights(tmp_path / "flow.safetensors", 2)
    found = r"\(64, 2, 7, 7, 7\) instead of \(64, 3, 7, 7, 7\)"
    with pytest.raises(UserError, match=rf"\A\S*flow.safetensors: .*{FIRST_KERNEL} {found}"):
        initialised("rgb", rgb=tmp_path / "flow.safetensors")
    with pytest.raises(UserError, match=rf"\A\S*rgb.safetensors: .*{FIRST_KERNEL} \(64, 3"):
        initialised("flow", flow=tmp_path / "rgb.safetensors")
    with pytest.raises(UserError, match=rf"\A\S*flow.safetensors: no RGB .*{FIRST_KERNEL} is of shape \(64, 2, 7"):
        initialised("flow", rgb=tmp_path / "flow.safetensors")
