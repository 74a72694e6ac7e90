from __future__ import annotations

import pytest
import torch
from torch import Tensor

from i2vadapt.models.grad_cam import grad_cam
from i2vadapt.models.resnet import FrameResNet

LABELS = torch.tensor([2, 0, 4])


def network_with_statistics(kind: type[FrameResNet] = FrameResNet, name: str = "resnet18") -> FrameResNet:
    """A random network in float64, whose batch statistics are those of its input."""
    torch.manual_seed(0)
    network = kind(name, 5, 0.5).double()
    with torch.no_grad():
        for _ in range(20):
            network.features(photographs())
    return network.eval()


def photographs() -> Tensor:
    blocks = torch.rand(3, 3, 1, 12, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1
    return blocks.repeat_interleave(8, 3).repeat_interleave(8, 4)


def last_maps(network: FrameResNet) -> Tensor:
    frames = ((photographs()[:, :, 0] + 1) / 2 - network.mean) / network.std
    with torch.no_grad():
        maps: Tensor = network.backbone.forward_features(frames)
    return maps


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_with_a_linear_classifier_it_is_the_class_activation_map(name: str) -> None:
    network = network_with_statistics(name=name)
    found = grad_cam(network, photographs(), LABELS)
    maps = last_maps(network)
    area = maps.shape[2] * maps.shape[3]
    expected = torch.einsum("nk,nkhw->nhw", network.logits.weight[LABELS].detach(), maps) / area
    assert found.shape == (3, 3, 4)
    assert (expected < 0).any()
    assert (expected > 0).any()
    torch.testing.assert_close(found, expected.clamp(min=0), rtol=1e-9, atol=1e-12)
    assert not found.requires_grad


class CurvedResNet(FrameResNet):
    """Logits of the hyperbolic tangent of the features, whose derivative is 1 - tanh²."""

    def classify(self, features: Tensor) -> Tensor:
        return super().classify(features.tanh())


def test_the_weights_follow_from_whatever_comes_after_the_maps() -> None:
    network = network_with_statistics(CurvedResNet)
    maps = last_maps(network)
    area = maps.shape[2] * maps.shape[3]
    slopes = 1 - maps.mean((2, 3)).tanh() ** 2
    weights = network.logits.weight[LABELS].detach() * slopes / area
    expected = torch.einsum("nk,nkhw->nhw", weights, maps).clamp(min=0)
    torch.testing.assert_close(grad_cam(network, photographs(), LABELS), expected, rtol=1e-9, atol=1e-12)


def test_a_photograph_has_the_same_map_in_a_batch_of_others() -> None:
    network = network_with_statistics()
    together = grad_cam(network, photographs(), LABELS)
    alone = [grad_cam(network, photographs()[n : n + 1], LABELS[n : n + 1]) for n in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-9, atol=1e-12)


def test_the_network_stays_as_it_was() -> None:
    network = network_with_statistics().requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        first = grad_cam(network, photographs(), LABELS)
    assert torch.equal(first, grad_cam(network, photographs(), LABELS))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not network.backbone.layer4._forward_hooks
