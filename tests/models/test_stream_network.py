from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from i2vadapt.errors import UserError
from i2vadapt.models.i3d import InceptionI3D
from i2vadapt.models.i3d_weights import FIRST_KERNEL
from i2vadapt.models.two_stream import TwoStream, fuse, initialise_i3d, upsample_logits


def test_shapes_and_means() -> None:
    model = TwoStream(4, pace_classes=5).eval()
    with torch.no_grad():
        rgb = model("rgb", torch.rand(2, 3, 16, 32, 32))
        flow = model("flow", torch.rand(2, 2, 16, 32, 32))
    assert rgb.frame_logits.shape == (2, 8, 4)
    assert rgb.features.shape == (2, 1024)
    assert rgb.pace_logits is not None
    assert rgb.pace_logits.shape == (2, 5)
    assert flow.pace_logits is None
    torch.testing.assert_close(rgb.video_logits, rgb.frame_logits.mean(1))
    head = model.network("rgb").logits.conv3d
    torch.testing.assert_close(rgb.video_logits, rgb.features @ head.weight[:, :, 0, 0, 0].T + head.bias)
    pace = model.pace_heads["rgb"].conv3d
    torch.testing.assert_close(rgb.pace_logits, rgb.features @ pace.weight[:, :, 0, 0, 0].T + pace.bias)


def test_pace_gradient_reaches_the_network_but_not_the_other_head() -> None:
    model = TwoStream(4, ("rgb",), pace_classes=3, frozen="MaxPool3d_4a_3x3")
    output = model("rgb", torch.rand(2, 3, 16, 32, 32))
    assert output.pace_logits is not None
    output.pace_logits.sum().backward()
    network = model.network("rgb")
    assert network.logits.conv3d.weight.grad is None
    assert network.Mixed_5c.b0.conv3d.weight.grad is not None  # type: ignore[union-attr]
    assert network.Mixed_3c.b0.conv3d.weight.grad is None  # type: ignore[union-attr]


def test_outputs_are_float32_under_autocast() -> None:
    model = TwoStream(4, ("rgb",), pace_classes=3)
    with torch.autocast("cpu", torch.bfloat16):
        output = model("rgb", torch.rand(2, 3, 8, 32, 32))
    assert all(part is not None and part.dtype == torch.float32 for part in output)


def test_streams() -> None:
    assert TwoStream(4, ("flow",), pace_classes=5).pace_heads.keys() == set()
    both = TwoStream(4, pace_classes=5, pace_streams=("rgb", "flow"))
    assert set(both.pace_heads) == {"rgb", "flow"}
    with pytest.raises(UserError, match="no flow stream; it has: rgb"):
        TwoStream(4, ("rgb",)).network("flow")
    for streams in ((), ("rgb", "rgb"), ("depth",)):
        with pytest.raises(UserError, match="allowed: rgb, flow or both"):
            TwoStream(4, streams)


def test_the_two_readings_of_late_fusion() -> None:
    rng = np.random.default_rng(0)
    rgb, flow = rng.normal(size=(3, 8, 4)), rng.normal(size=(3, 16, 4))

    def softmax(z: np.ndarray) -> np.ndarray:
        return np.exp(z) / np.exp(z).sum(-1, keepdims=True)

    paper = fuse(torch.from_numpy(rgb), torch.from_numpy(flow))
    np.testing.assert_allclose(paper.numpy(), softmax(rgb.mean(1)) + softmax(flow.mean(1)), atol=1e-6)
    released = fuse(torch.from_numpy(rgb), torch.from_numpy(flow), fusion="mean_of_softmax")
    np.testing.assert_allclose(released.numpy(), softmax(rgb).mean(1) + softmax(flow).mean(1), atol=1e-6)
    np.testing.assert_allclose(fuse(torch.from_numpy(rgb)).numpy().sum(1), 1, atol=1e-6)
    with pytest.raises(UserError, match="fusion is 'sum'; allowed"):
        fuse(torch.from_numpy(rgb), fusion="sum")  # type: ignore[arg-type]


def test_upsampled_logits_interpolate_between_step_centres() -> None:
    frame_logits = torch.tensor([[[0.0], [4.0]]])
    assert upsample_logits(frame_logits, 4).tolist() == [[[0.0, 1.0, 3.0, 4.0]]]


def test_initialise_from_rgb_weights_alone(tmp_path: Path) -> None:
    kinetics = InceptionI3D(400)
    path = tmp_path / "rgb.safetensors"
    safetensors.torch.save_file(kinetics.state_dict(), path)
    model = TwoStream(4)
    head = model.network("flow").logits.conv3d.weight.clone()
    initialise_i3d(model, path, None)
    rgb, flow = model.network("rgb").state_dict(), model.network("flow").state_dict()
    assert torch.equal(rgb[FIRST_KERNEL], kinetics.state_dict()[FIRST_KERNEL])
    assert torch.equal(rgb["Mixed_4f.b2b.conv3d.weight"], flow["Mixed_4f.b2b.conv3d.weight"])
    torch.testing.assert_close(flow[FIRST_KERNEL].sum(1), rgb[FIRST_KERNEL].sum(1))
    assert torch.equal(model.network("flow").logits.conv3d.weight, head)


def test_initialise_each_stream_from_its_own_file(tmp_path: Path) -> None:
    trained = InceptionI3D(400, 2)
    path = tmp_path / "flow.safetensors"
    safetensors.torch.save_file(trained.state_dict(), path)
    model = TwoStream(4)
    random_start = model.network("rgb").state_dict()[FIRST_KERNEL].clone()
    initialise_i3d(model, None, path)
    assert torch.equal(model.network("flow").state_dict()[FIRST_KERNEL], trained.state_dict()[FIRST_KERNEL])
    assert torch.equal(model.network("rgb").state_dict()[FIRST_KERNEL], random_start)
    with pytest.raises(UserError, match=r"flow.safetensors: .*\(64, 2, 7, 7, 7\), the network \(64, 3, 7, 7, 7\)"):
        initialise_i3d(model, path, None)
