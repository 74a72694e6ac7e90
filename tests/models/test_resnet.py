from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision

from i2vadapt.errors import UserError
from i2vadapt.models.resnet import FrameResNet, initialise_resnet


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_features_are_those_of_torchvision_with_its_weights(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    other = getattr(torchvision.models, name)().eval()
    torch.save(other.state_dict(), tmp_path / "weights.pth")
    network = FrameResNet(name, 5, 0.5).eval()
    initialise_resnet(network, tmp_path / "weights.pth")
    frames = torch.rand(2, 3, 64, 64)
    normalised = torchvision.transforms.functional.normalize(frames, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    other.fc = torch.nn.Identity()
    with torch.no_grad():
        expected = other(normalised)
        found = network.features((frames * 2 - 1).transpose(0, 1)[None])
    assert found.shape == (1, network.feature_size, 2)
    torch.testing.assert_close(found[0].T, expected, rtol=1e-4, atol=1e-5)
    assert network.classify(found).shape == (1, 5, 2)


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    torch.save(torchvision.models.resnet50().state_dict(), tmp_path / "weights.pth")
    with pytest.raises(UserError, match=r"weights.pth: does not fit the ResNet.*unexpected \(layer1\.0\.conv3\.weight"):
        initialise_resnet(FrameResNet("resnet18", 5, 0.5), tmp_path / "weights.pth")
    with pytest.raises(UserError, match=r"expected \(N, 3, T, H, W\)"):
        FrameResNet("resnet18", 5, 0.5).features(torch.zeros(1, 2, 1, 8, 8))
