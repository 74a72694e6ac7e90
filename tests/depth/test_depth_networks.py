from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from i2vadapt.depth import DEPTH_MODELS, DepthNetwork, depth_model_spec, new_network
from i2vadapt.depth.backbones import VitBackbone
from i2vadapt.depth.checkpoints import UNUSED_KEYS
from i2vadapt.depth.rel_pos import relative_position_bias, relative_position_index
from i2vadapt.errors import UserError


@pytest.mark.parametrize("name", ["dpt_beit_large_512", "dpt_large_384", "dpt_swin2_tiny_256"])
def test_state_dict_has_the_keys_and_shapes_of_the_release(name: str, reference: Path) -> None:
    released = json.loads((reference / f"{name}.keys.json").read_text())
    with torch.device("meta"):
        ours = {key: list(value.shape) for key, value in new_network(depth_model_spec(name)).state_dict().items()}
    kept = {key: shape for key, shape in released.items() if key.rpartition(".")[2] not in UNUSED_KEYS}
    assert ours == kept


@pytest.fixture(scope="module")
def filled(fill: Callable[[nn.Module], None]) -> Callable[[str], DepthNetwork]:
    """Networks with the weights of the reference outputs; the last one is kept, as a large one takes a while."""

    @lru_cache(maxsize=1)
    def build(name: str) -> DepthNetwork:
        spec = depth_model_spec(name)
        with torch.device("cpu" if spec.family == "swin" else "meta"):
            network = new_network(spec, non_negative=False)
        if spec.family != "swin":
            network = network.to_empty(device="cpu")
        fill(network)
        return network.eval()

    return build


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("dpt_swin2_tiny_256", "256x256"),
        pytest.param("dpt_large_384", "384x384", marks=pytest.mark.slow),
        pytest.param("dpt_beit_large_512", "384x512", marks=pytest.mark.slow),
        pytest.param("dpt_beit_large_512", "512x512", marks=pytest.mark.slow),
    ],
)
def test_output_is_that_of_the_release(
    name: str, size: str, filled: Callable[[str], DepthNetwork], reference: Path
) -> None:
    height, width = (int(side) for side in size.split("x"))
    noise = np.random.default_rng(height * 10000 + width).random((1, 3, height, width), dtype=np.float32)
    with torch.inference_mode():
        ours = filled(name)(torch.from_numpy(noise * 2 - 1))[0, ::8, ::8].numpy()
    expected = np.load(reference / "dpt_outputs.npz")[f"{name}/{size}"]
    assert np.abs(ours - expected).max() < 1e-3 * expected.std()


@pytest.mark.parametrize("name", ["dpt_beit_base_384", "dpt_small"])
@pytest.mark.parametrize(("height", "width"), [(64, 96), (96, 64)])
def test_output_has_the_size_of_the_input(name: str, height: int, width: int) -> None:
    torch.manual_seed(0)
    network = new_network(depth_model_spec(name)).eval()
    with torch.inference_mode():
        depth = network(torch.rand(2, 3, height, width))
    assert depth.shape == (2, height, width)
    assert depth.min() >= 0


def test_every_network_can_be_described_without_weights() -> None:
    with torch.device("meta"):
        sizes = {name: sum(p.numel() for p in new_network(spec).parameters()) for name, spec in DEPTH_MODELS.items()}
    assert sizes["dpt_beit_large_512"] == 345_014_441
    assert sizes["dpt_small"] < 2_000_000


@pytest.mark.parametrize(("name", "size"), [("dpt_swin2_tiny_256", 288), ("dpt_beit_base_384", 200)])
def test_input_sizes_that_do_not_fit_are_refused(name: str, size: int) -> None:
    with torch.device("meta"):
        network = new_network(depth_model_spec(name))
    with pytest.raises(UserError, match=f"{size}x{size}"):
        network(torch.rand(1, 3, size, size))


def test_unknown_name_lists_what_is_allowed() -> None:
    with pytest.raises(UserError, match="dpt_beit_large_512"):
        depth_model_spec("midas")


def test_relative_positions_by_hand() -> None:
    index = relative_position_index((2, 3))
    assert index.shape == (7, 7)
    offsets = 3 * 5
    assert index[0, 0] == offsets + 2
    assert index[0, 1:].eq(offsets).all()
    assert index[1:, 0].eq(offsets + 1).all()
    # patch (1, 2) seen from patch (0, 0): row offset 1 and column offset 2 of at most 1 and 2 on either side
    assert index[1 + 5, 1 + 0] == (1 + 1) * 5 + (2 + 2)
    assert index[1 + 0, 1 + 5] == 0


def test_relative_position_bias_is_interpolated_apart_from_the_class_token() -> None:
    trained, grid = (3, 3), (2, 4)
    rows = torch.arange(-2, 3).float()
    ramp = (10 * rows[:, None] + rows[None, :]).reshape(-1, 1)
    table = torch.cat((ramp, torch.tensor([[100.0], [200.0], [300.0]])))
    bias = relative_position_bias(table, trained, grid, relative_position_index(grid))[0]
    assert bias.shape == (9, 9)
    assert bias[0, 0] == 300
    assert bias[0, 5] == 100
    assert bias[5, 0] == 200
    # a bilinear resize of 5 rows to 3 and of 5 columns to 7 keeps the centre and is odd around it
    patches = bias[1:, 1:]
    torch.testing.assert_close(patches, -patches.t(), atol=1e-4, rtol=0)
    # one row of offset on the new grid is 5 / 3 of the old one
    assert patches[4, 0] == pytest.approx(10 * 5 / 3, abs=1e-4)
    assert patches[1, 0] == pytest.approx(5 / 7, abs=1e-4)


def test_vit_position_embedding_is_resized_to_the_grid_apart_from_the_class_token() -> None:
    backbone = VitBackbone("vit_tiny_patch16_224", taps=(0, 1, 2, 3), channels=(4, 4, 4, 4))
    rows, columns = torch.meshgrid(torch.arange(14.0), torch.arange(14.0), indexing="ij")
    with torch.no_grad():
        backbone.model.pos_embed[0, 0] = 7
        backbone.model.pos_embed[0, 1:] = (100 * rows + columns).reshape(-1, 1)
    resized = backbone._position_embedding((7, 28))[0, :, 0]
    assert resized.shape == (1 + 7 * 28,)
    assert resized[0] == 7
    # halving the rows takes the mean of two; doubling the columns puts the new ones a quarter off the old
    grid = resized[1:].reshape(7, 28)
    torch.testing.assert_close(grid[2, 10:14], torch.tensor([454.75, 455.25, 455.75, 456.25]))
