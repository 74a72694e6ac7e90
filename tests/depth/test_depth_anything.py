"""Depth Anything V2 beside the implementation of the library transformers, with the same random weights."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

from i2vadapt.depth import DepthNetwork, build_depth_model, depth_model_spec, network_size, new_network
from i2vadapt.depth.depth_anything import resized_embedding
from i2vadapt.errors import UserError

_NAME = "depth_anything_v2_small"

# keys of the releases (but for fused query, key, value) and of transformers
_NAMES = (
    (r"pretrained\.(cls_token|mask_token)", r"backbone.embeddings.\1"),
    (r"pretrained\.pos_embed", r"backbone.embeddings.position_embeddings"),
    (r"pretrained\.patch_embed\.proj", r"backbone.embeddings.patch_embeddings.projection"),
    (r"pretrained\.blocks\.(\d+)\.attn\.proj", r"backbone.encoder.layer.\1.attention.o_proj"),
    (r"pretrained\.blocks\.(\d+)\.ls(\d)\.gamma", r"backbone.encoder.layer.\1.layer_scale\2.lambda1"),
    (r"pretrained\.blocks", r"backbone.encoder.layer"),
    (r"pretrained\.norm", r"backbone.layernorm"),
    (r"depth_head\.projects\.(\d)", r"neck.reassemble_stage.layers.\1.projection"),
    (r"depth_head\.resize_layers\.(\d)", r"neck.reassemble_stage.layers.\1.resize"),
    (r"depth_head\.scratch\.layer(\d)_rn", lambda m: f"neck.convs.{int(m[1]) - 1}"),
    (r"depth_head\.scratch\.refinenet(\d)", lambda m: f"neck.fusion_stage.layers.{4 - int(m[1])}"),
    (r"\.out_conv", r".projection"),
    (r"\.resConfUnit(\d)\.conv(\d)", r".residual_layer\1.convolution\2"),
    (r"depth_head\.scratch\.output_conv1", r"head.conv1"),
    (r"depth_head\.scratch\.output_conv2\.0", r"head.conv2"),
    (r"depth_head\.scratch\.output_conv2\.2", r"head.conv3"),
)


def as_in_transformers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    result = {}
    for key, value in state.items():
        fused = re.fullmatch(r"pretrained\.blocks\.(\d+)\.attn\.qkv\.(\w+)", key)
        if fused:
            for name, part in zip("qkv", value.chunk(3), strict=True):
                result[f"backbone.encoder.layer.{fused[1]}.attention.{name}_proj.{fused[2]}"] = part
            continue
        for pattern, name in _NAMES:
            key = re.sub(pattern, name, key)
        result[key] = value
    return result


@pytest.fixture(scope="module")
def released(fill: Callable[[nn.Module], None]) -> dict[str, Tensor]:
    """What a file of the release holds, with random weights."""
    with torch.device("meta"):
        network = new_network(depth_model_spec(_NAME))
    network = network.to_empty(device="cpu")
    fill(network)
    state = {**network.state_dict(), "pretrained.mask_token": torch.zeros(1, 384)}
    state["depth_head.scratch.output_conv2.2.bias"] += 1  # else most of the map is below the last ReLU
    return state


@pytest.fixture(scope="module")
def network(released: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> DepthNetwork:
    path = tmp_path_factory.mktemp("weights") / "depth_anything_v2_vits.pth"
    torch.save(released, path)
    return build_depth_model(_NAME, path)


def predict_with_transformers(state: dict[str, Tensor], images: Tensor) -> Tensor:
    backbone = Dinov2Config(
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=6,
        image_size=518,
        patch_size=14,
        out_features=["stage3", "stage6", "stage9", "stage12"],
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=384,
        neck_hidden_sizes=[48, 96, 192, 384],
        fusion_hidden_size=64,
        head_hidden_size=32,
    )
    with torch.device("meta"):
        model = DepthAnythingForDepthEstimation(config)
    model.load_state_dict(as_in_transformers(state), assign=True)
    with torch.inference_mode():
        depth: Tensor = model.eval()(images).predicted_depth
    return depth


def noise(height: int, width: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(height * 10000 + width).random((1, 3, height, width), np.float32))


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert (theirs > 0).float().mean() > 0.3
    assert (ours - theirs).abs().max() < 1e-3 * theirs.std()


def test_output_is_that_of_transformers(network: DepthNetwork, released: dict[str, Tensor]) -> None:
    images = noise(518, 518)
    with torch.inference_mode():
        assert_close(network(images), predict_with_transformers(released, images))


def test_output_at_another_size_is_that_of_transformers(network: DepthNetwork, released: dict[str, Tensor]) -> None:
    """With a position embedding that is equal everywhere: transformers resizes it a little otherwise than DINOv2."""
    images = noise(140, 196)
    embedding = released["pretrained.pos_embed"].clone()
    embedding[:, 1:] = embedding[:, 1:2]
    state = {**released, "pretrained.pos_embed": embedding}
    network = new_network(depth_model_spec(_NAME), non_negative=True).eval()
    network.load_state_dict(dict(state))
    with torch.inference_mode():
        assert_close(network(images), predict_with_transformers(state, images))


def test_last_relus_can_be_left_out(network: DepthNetwork, released: dict[str, Tensor]) -> None:
    images = noise(56, 70)
    free = new_network(depth_model_spec(_NAME), non_negative=False).eval()
    free.load_state_dict(dict(released))
    with torch.inference_mode():
        depth, clipped = free(images), network(images)
    assert depth.min() < 0
    assert torch.equal(depth.clamp(min=0), clipped)


def test_missing_and_unexpected_keys_are_named(released: dict[str, Tensor], tmp_path: Path) -> None:
    state = dict(released)
    state["pretrained.blocks.0.attn.qkv.weights"] = state.pop("pretrained.blocks.0.attn.qkv.weight")
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"1 keys missing \(pretrained.blocks.0.attn.qkv.weight\); 1 keys unexpected"):
        build_depth_model(_NAME, tmp_path / "a.pth")
    torch.save(released, tmp_path / "b.pth")
    with pytest.raises(UserError, match="not a checkpoint of depth_anything_v2_base but of depth_anything_v2_small"):
        build_depth_model("depth_anything_v2_base", tmp_path / "b.pth")


@pytest.mark.parametrize(("size", "parameters"), [("small", 24_784_705), ("base", 97_470_017), ("large", 335_314_625)])
def test_every_size_takes_multiples_of_14(size: str, parameters: int) -> None:
    with torch.device("meta"):
        network = new_network(depth_model_spec(f"depth_anything_v2_{size}"))
        assert network(torch.empty(1, 3, 42, 56)).shape == (1, 42, 56)
        with pytest.raises(UserError, match="input of 42x64; both sides must be multiples of 14"):
            network(torch.empty(1, 3, 42, 64))
    # 24.8, 97.5 and 335.3 millions in the list of the authors
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def _cubic(distance: float) -> float:
    """Kernel of cubic convolution with a = -0.75."""
    a, x = -0.75, abs(distance)
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def _cubic_row(values: np.ndarray, position: float) -> np.ndarray:
    first = int(np.floor(position)) - 1
    taps = range(first, first + 4)
    return sum(_cubic(position - k) * values[min(max(k, 0), len(values) - 1)] for k in taps)


def test_position_embedding_is_sampled_where_dinov2_does() -> None:
    side, grid = 4, (5, 7)
    values = np.random.default_rng(0).standard_normal((side, side, 3))
    table = torch.from_numpy(np.concatenate((np.full((1, 3), 9.0), values.reshape(-1, 3)))).float()[None]
    rows = [(k + 0.5) * side / (grid[0] + 0.1) - 0.5 for k in range(grid[0])]
    columns = [(k + 0.5) * side / (grid[1] + 0.1) - 0.5 for k in range(grid[1])]
    expected = [_cubic_row(_cubic_row(values, row), column) for row in rows for column in columns]
    resized = resized_embedding(table, grid)[0]
    assert (resized[0] == 9).all()
    np.testing.assert_allclose(resized[1:].numpy(), np.stack(expected), atol=1e-5)
    assert resized_embedding(table, (side, side)) is table


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (518, 518, (518, 518)),
        (480, 640, (518, 686)),  # 690.7 / 14 = 49.3
        (640, 480, (686, 518)),
        (1080, 1920, (518, 924)),  # 920.9 / 14 = 65.8
        (518, 525, (518, 532)),  # 37.5 goes to the even 38
        (518, 539, (518, 532)),  # 38.5 goes to the even 38
    ],
)
def test_network_size(height: int, width: int, expected: tuple[int, int]) -> None:
    spec = depth_model_spec(_NAME)
    assert network_size(height, width, 518, 14, spec.keep_aspect, spec.method) == expected
