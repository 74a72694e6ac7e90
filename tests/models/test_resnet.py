from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from tiny_data import make_run

from i2vadapt.errors import UserError
from i2vadapt.models.resnet import FrameResNet, initialise

CLASSES = ("climb", "jump", "run", "stand", "walk")


def start(network: FrameResNet, weights: Path | None) -> None:
    """Initialises a network like a run whose settings name the weights."""
    weights_setting = None if weights is None else str(weights)
    settings = make_run(Path(), Path(), network="resnet18", resnet={"weights": weights_setting}).settings
    initialise(network, settings, CLASSES)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_features_are_those_of_torchvision_with_its_weights(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    other = getattr(torchvision.models, name)().eval()
    other.bn1.num_batches_tracked.fill_(7)
    torch.save(other.state_dict(), tmp_path / "weights.pth")
    network = FrameResNet(name, 5, 0.5).eval()
    start(network, tmp_path / "weights.pth")
    frames = torch.rand(2, 3, 64, 64)
    normalised = torchvision.transforms.functional.normalize(frames, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    other.fc = torch.nn.Identity()
    with torch.no_grad():
        expected = other(normalised)
        found = network.features((frames * 2 - 1).transpose(0, 1)[None])
    assert network.backbone.bn1.num_batches_tracked == 7
    assert found.shape == (1, network.feature_size, 2)
    torch.testing.assert_close(found[0].T, expected, rtol=1e-4, atol=1e-5)
    assert network.classify(found).shape == (1, 5, 2)


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    torch.save(torchvision.models.resnet50().state_dict(), tmp_path / "weights.pth")
    with pytest.raises(UserError, match=r"weights.pth: does not fit the ResNet.*unexpected \(layer1\.0\.conv3\.weight"):
        start(FrameResNet("resnet18", 5, 0.5), tmp_path / "weights.pth")
    with pytest.raises(UserError, match=r"expected \(N, 3, T, H, W\)"):
        FrameResNet("resnet18", 5, 0.5).features(torch.zeros(1, 2, 1, 8, 8))


def test_the_classifier_stays_random_and_old_files_may_lack_counters(tmp_path: Path) -> None:
    state = torchvision.models.resnet18().state_dict()
    torch.save({name: value for name, value in state.items() if "num_batches" not in name}, tmp_path / "weights.pth")
    network = FrameResNet("resnet18", 5, 0.5)
    head = {name: value.clone() for name, value in network.logits.state_dict().items()}
    start(network, tmp_path / "weights.pth")
    assert torch.equal(network.backbone.layer4[1].bn2.weight, state["layer4.1.bn2.weight"])
    assert torch.equal(network.backbone.conv1.weight, state["conv1.weight"])
    assert all(torch.equal(value, head[name]) for name, value in network.logits.state_dict().items())


def test_without_a_file_the_network_stays_random() -> None:
    network = FrameResNet("resnet18", 5, 0.5)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    start(network, None)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
