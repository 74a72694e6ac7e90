"""I3D on single frames: the same as I3D on a still clip, frame by frame, from the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

from i2vadapt.config.recipes import frames
from i2vadapt.models.i3d import InceptionI3D
from i2vadapt.models.i3d_frames import FrameI3D, collapse_time
from i2vadapt.models.registry import build_network, initialise

SIZE = 64


@pytest.fixture(scope="module")
def i3d() -> InceptionI3D:
    """I3D in float64 whose batch-norm statistics are not those of a new network."""
    torch.manual_seed(0)
    network = InceptionI3D(5).double().eval()
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.uniform_(-0.1, 0.1)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return network


def test_a_still_clip_gives_in_the_middle_what_its_frame_gives(i3d: InceptionI3D) -> None:
    """Every layer pads a clip with zeros at its ends; the middle of 64 frames is beyond the reach of those zeros."""
    network = FrameI3D(5, 0.0).double().eval()
    network.backbone.load_state_dict(collapse_time(i3d.state_dict()), strict=False)
    frame = torch.rand(1, 3, 1, SIZE, SIZE, dtype=torch.float64) * 2 - 1
    whole = i3d.features(frame.expand(-1, -1, 64, -1, -1))
    torch.testing.assert_close(network.features(frame)[..., 0], whole[..., whole.shape[2] // 2], rtol=1e-8, atol=1e-10)


def test_every_frame_passes_by_itself(i3d: InceptionI3D) -> None:
    network = FrameI3D(5, 0.0, bottleneck=16).double().eval()
    clip = torch.rand(2, 3, 4, SIZE, SIZE, dtype=torch.float64)
    together = network.features(clip)
    assert together.shape == (2, 16, 4)
    assert network.classify(together).shape == (2, 5, 4)
    alone = torch.cat([network.features(clip[:, :, [number]]) for number in range(4)], dim=2)
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("aligned", [False, True])
def test_weights_of_i3d_are_loaded_and_the_classifier_stays_random(
    i3d: InceptionI3D, tmp_path: Path, aligned: bool
) -> None:
    path = tmp_path / "i3d.safetensors"
    safetensors.torch.save_file({name: value.float() for name, value in i3d.state_dict().items()}, path)
    changes: dict[str, object] = {
        "recipe": "frames",
        "network": "i3d_frames",
        "bottleneck": 8,
        "frozen": "MaxPool3d_5a_2x2",
    }
    if aligned:
        transfer = {"loss": "entropy"}
        changes |= {"normalisation": "aligned", "forward": "joint", "sync_batch_norm": False, "transfer": transfer}
    document = {"crop": 64, "init": {"rgb": str(path)}, **changes}
    run = frames.Settings.model_validate(document).relevant()
    assert run.initial_weights == (str(path),)
    network = build_network(run, 3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    initialise(network, run, ("a", "b", "c"))
    after = network.state_dict()
    expected = i3d.state_dict()["Mixed_5c.b1b.conv3d.weight"].float().sum(dim=2, keepdim=True)
    torch.testing.assert_close(after["backbone.Mixed_5c.b1b.conv3d.weight"], expected)
    statistics = i3d.state_dict()["Mixed_5c.b0.bn.running_var"].float()
    for name in ("running_var", "source_running_var")[: 1 + aligned]:
        torch.testing.assert_close(after[f"backbone.Mixed_5c.b0.bn.{name}"], statistics)
    kept = [name for name in after if name.startswith(("bottleneck", "logits"))]
    assert len(kept) == 6
    assert all(torch.equal(before[name], after[name]) for name in kept)
    trained = {name.split(".")[1] for name, weight in network.named_parameters() if weight.requires_grad}
    assert trained == {"Mixed_5b", "Mixed_5c", "weight", "bias", "0", "2"}
