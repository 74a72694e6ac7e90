from __future__ import annotations

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from i2vadapt.errors import UserError
from i2vadapt.models.i3d import ENDPOINTS, FROZEN_PREFIXES, InceptionI3D
from i2vadapt.models.layers import SameMaxPool3d, Unit3D, same_padding

SHARED = Path(os.environ.get("I2VADAPT_SHARED", Path(__file__).parents[3] / "shared"))
REFERENCE = SHARED / "reference"
needs_reference = pytest.mark.skipif(not (REFERENCE / "i3d_logits.npz").exists(), reason="no reference outputs")

axis = st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(1, 2))  # size, kernel, stride


def padded(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    pads = [same_padding(n, k, s) for n, k, s in zip(x.shape[2:], kernel, stride, strict=True)]
    return F.pad(x, [p for pair in reversed(pads) for p in pair])


def fill_by_formula(model: InceptionI3D) -> None:
    state = {}
    for key, value in model.state_dict().items():
        shape = tuple(value.shape)
        if not value.is_floating_point():
            state[key] = value
            continue
        n = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape).astype(np.float32)
        if key.endswith("running_var"):
            n = 1 + 0.1 * abs(n)
        elif key.endswith("running_mean"):
            n = 0.1 * n
        elif len(shape) <= 1:
            n = 1 + 0.1 * n if key.endswith("weight") else 0.05 * n
        else:
            n = n * np.sqrt(2 / np.prod(shape[1:]))
        state[key] = torch.from_numpy(n.astype(np.float32))
    model.load_state_dict(state)


def test_same_padding_puts_the_odd_cell_at_the_end() -> None:
    assert same_padding(224, 7, 2) == (2, 3)
    assert same_padding(7, 3, 2) == (1, 1)
    assert same_padding(8, 3, 2) == (0, 1)
    assert same_padding(5, 1, 1) == (0, 0)


@settings(max_examples=60)
@given(st.tuples(axis, axis, axis), st.integers(0, 2**31))
def test_max_pool_equals_zero_padding(axes: tuple[tuple[int, int, int], ...], seed: int) -> None:
    sizes, kernel, stride = zip(*axes, strict=True)
    x = torch.from_numpy(np.random.default_rng(seed).random((1, 2, *sizes), dtype=np.float32))
    expected = F.max_pool3d(padded(x, kernel, stride), kernel, stride)
    got = SameMaxPool3d(kernel, stride)(x)
    assert got.shape[2:] == tuple(-(-n // s) for n, s in zip(sizes, stride, strict=True))
    assert torch.equal(got, expected)


@settings(max_examples=30)
@given(st.tuples(axis, axis, axis))
def test_convolution_equals_explicit_padding(axes: tuple[tuple[int, int, int], ...]) -> None:
    sizes, kernel, stride = zip(*axes, strict=True)
    unit = Unit3D(2, 3, kernel, stride, head=True)
    x = torch.linspace(-1, 1, 2 * int(np.prod(sizes))).reshape(1, 2, *sizes)
    expected = F.conv3d(padded(x, kernel, stride), unit.conv3d.weight, unit.conv3d.bias, stride)
    torch.testing.assert_close(unit(x), expected)


@pytest.mark.parametrize(("channels", "parameters"), [(3, 12_697_264), (2, 12_675_312)])
def test_parameter_count(channels: int, parameters: int) -> None:
    model = InceptionI3D(400, channels)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert len(model.state_dict()) == 344


@pytest.mark.parametrize(
    ("stride", "frames", "steps"), [(1, 16, 8), (1, 32, 16), (2, 8, 1), (2, 16, 1), (2, 32, 3), (2, 64, 7)]
)
def test_time_steps(stride: int, frames: int, steps: int) -> None:
    model = InceptionI3D(5, 3, stride).eval()
    with torch.no_grad():
        clips = torch.zeros(1, 3, frames, 32, 40)
        assert model(clips).shape == (1, 5, steps)
        assert model.features(clips).shape == (1, 1024, steps)


@pytest.mark.parametrize(("reading", "parameters"), [("paper", 402_368), ("released", 1_626_528)])
def test_frozen_prefix_gets_no_gradient(reading: str, parameters: int) -> None:
    model = InceptionI3D(5).freeze(FROZEN_PREFIXES[reading])
    model(torch.rand(2, 3, 8, 32, 32)).sum().backward()
    assert sum(p.numel() for p in model.parameters() if p.grad is None) == parameters
    frozen = {name for name in ENDPOINTS if all(p.grad is None for p in model.get_submodule(name).parameters())}
    assert frozen - {name for name in ENDPOINTS if "Pool" in name} == {
        name for name in ENDPOINTS[: ENDPOINTS.index(FROZEN_PREFIXES[reading]) + 1] if "Pool" not in name
    }
    model.freeze("none")
    model(torch.rand(2, 3, 8, 32, 32)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(("mode", "moves"), [("eval", False), ("train", True)])
def test_statistics_of_the_frozen_prefix(mode: str, moves: bool) -> None:
    model = InceptionI3D(5).eval().freeze("MaxPool3d_4a_3x3", mode)  # type: ignore[arg-type]
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items() if key.endswith("running_mean")}
    model(torch.rand(2, 3, 8, 32, 32))
    after = model.state_dict()
    assert torch.equal(before["Mixed_3c.b0.bn.running_mean"], after["Mixed_3c.b0.bn.running_mean"]) is not moves
    assert not torch.equal(before["Mixed_4b.b0.bn.running_mean"], after["Mixed_4b.b0.bn.running_mean"])
    weights = before["Mixed_3c.b0.bn.running_mean"].clone()
    model.eval()
    model(torch.rand(2, 3, 8, 32, 32))
    assert moves or torch.equal(weights, model.state_dict()["Mixed_3c.b0.bn.running_mean"])


def test_bfloat16_with_channels_last_agrees_with_float32() -> None:
    model = InceptionI3D(5).eval()
    fill_by_formula(model)
    clips = torch.from_numpy(np.random.default_rng(0).random((2, 3, 8, 48, 48), dtype=np.float32) * 2 - 1)
    with torch.no_grad():
        plain = model(clips)
        model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        with torch.autocast("cpu", torch.bfloat16):
            fast = model(clips.contiguous(memory_format=torch.channels_last_3d))
    assert (fast - plain).abs().max() < 0.1 * plain.std()


@needs_reference
def test_state_dict_keys_of_the_public_port() -> None:
    expected = {key: tuple(shape) for key, shape in json.loads((REFERENCE / "i3d.keys.json").read_text()).items()}
    assert {key: tuple(value.shape) for key, value in InceptionI3D().state_dict().items()} == expected


@needs_reference
@pytest.mark.parametrize(
    ("key", "stride", "channels", "frames"),
    [("stride1_c3_t16", 1, 3, 16), ("stride1_c2_t16", 1, 2, 16), ("original_c3_t32", 2, 3, 32)],
)
def test_logits_of_the_public_implementations(key: str, stride: int, channels: int, frames: int) -> None:
    expected = np.load(REFERENCE / "i3d_logits.npz")[key]
    model = InceptionI3D(400, channels, stride).eval()
    fill_by_formula(model)
    clips = np.random.default_rng(channels * 1000 + frames).random((1, channels, frames, 224, 224), dtype=np.float32)
    with torch.no_grad():
        logits = model(torch.from_numpy(clips * 2 - 1))[0].numpy()
    assert logits.shape == expected.shape
    assert abs(logits - expected).max() < 1e-3 * expected.std()


def test_errors_name_the_value_and_the_allowed_ones() -> None:
    with pytest.raises(UserError, match="temporal_stride is 3; allowed: 1"):
        InceptionI3D(temporal_stride=3)
    with pytest.raises(UserError, match="'Mixed_9z'; allowed: none, Conv3d_1a_7x7"):
        InceptionI3D(5).freeze("Mixed_9z")
    with pytest.raises(UserError, match=r"\(1, 2, 8, 32, 32\); expected \(N, 3, T, H, W\)"):
        InceptionI3D(5)(torch.zeros(1, 2, 8, 32, 32))


@pytest.mark.parametrize(("frozen", "largest"), [("none", 69), ("Conv3d_2c_3x3", 8), ("MaxPool3d_4a_3x3", 4)])
def test_frozen_layers_keep_no_activations(frozen: str, largest: int) -> None:
    """No kept activation is wider than the input of the first trainable layer; 69 is 64 with padding."""
    network = InceptionI3D(5).freeze(frozen).train()
    sides: list[int] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.ndim == 5 and tensor.shape[0] == 1:
            sides.append(tensor.shape[-1])
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        network(torch.zeros(1, 3, 8, 64, 64))
    assert max(sides) == largest
