from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from i2vadapt.depth import DepthNetwork, build_depth_model, depth_model_spec, new_network
from i2vadapt.errors import UserError

_NAME = "dpt_small"


@pytest.fixture(scope="module")
def network() -> DepthNetwork:
    torch.manual_seed(0)
    return new_network(depth_model_spec(_NAME)).eval()


def _predict(network: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return network(torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64))


@pytest.mark.parametrize("kind", ["pt", "wrapped", "safetensors", "half"])
def test_weights_come_back(kind: str, network: DepthNetwork, tmp_path: Path) -> None:
    path = tmp_path / ("weights.safetensors" if kind == "safetensors" else "weights.pt")
    state = network.state_dict()
    if kind == "safetensors":
        save_file(state, path)
    elif kind == "half":
        torch.save({key: value.half() if value.is_floating_point() else value for key, value in state.items()}, path)
    else:
        torch.save({"optimizer": {"lr": 1}, "model": state} if kind == "wrapped" else state, path)
    loaded = build_depth_model(_NAME, path)
    assert not loaded.training
    assert all(parameter.dtype == torch.float32 for parameter in loaded.parameters())
    torch.testing.assert_close(_predict(loaded), _predict(network), atol=1e-2 if kind == "half" else 0, rtol=0)


def test_indices_that_releases_store_are_left_out(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = new_network(depth_model_spec("dpt_beit_base_384"))
    state = dict(network.state_dict())
    state["pretrained.model.blocks.0.attn.relative_position_index"] = torch.zeros(577, 577, dtype=torch.int64)
    network.load_state_dict(state)
    torch.save(state, tmp_path / "weights.pt")
    loaded = build_depth_model("dpt_beit_base_384", tmp_path / "weights.pt").state_dict()
    assert loaded.keys() == network.state_dict().keys()
    assert all(torch.equal(loaded[key], value) for key, value in network.state_dict().items())


def test_mismatches_name_the_file_and_the_keys(network: DepthNetwork, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    state = dict(network.state_dict())
    del state["scratch.output_conv.4.bias"]
    state["extra.weight"] = torch.zeros(1)
    state["scratch.layer1_rn.weight"] = torch.zeros(1, 2, 3, 3)
    torch.save(state, path)
    with pytest.raises(UserError) as caught:
        build_depth_model(_NAME, path)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(path), "output_conv.4.bias", "extra.weight", "layer1_rn.weight (1, 2, 3, 3) instead of"):
        assert part in message


def test_checkpoint_of_another_network_is_recognised(network: DepthNetwork, tmp_path: Path) -> None:
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    with pytest.raises(UserError, match=r"not a checkpoint of dpt_beit_large_512 but of dpt_small"):
        build_depth_model("dpt_beit_large_512", tmp_path / "weights.pt")


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with pytest.raises(UserError, match=r"weights\.pt: no such weights file"):
        build_depth_model(_NAME, path)
    path.write_bytes(b"not a checkpoint at all")
    with pytest.raises(UserError, match=r"weights\.pt: not a readable"):
        build_depth_model(_NAME, path)
