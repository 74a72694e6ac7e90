from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from tiny_data import make_run
from torch import Tensor, nn

from i2vadapt.models.domain_alignment import DomainAlignment, align_domains, split_batches
from i2vadapt.models.resnet import FrameResNet, initialise

SHAPE = (3, 4, 5)  # channels, height, width


def rows(count: int, shift: float = 0.0, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *SHAPE, generator=generator, dtype=torch.float64) * (1 + shift) + shift


def plain_norm() -> nn.BatchNorm2d:
    """A batch normalisation with weights and statistics of a trained one."""
    norm = nn.BatchNorm2d(3, eps=1e-3, momentum=0.3).double()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, -1, 2]))
        norm.bias.copy_(torch.tensor([0.1, 0.2, -3]))
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(torch.tensor([1, -1, 0.5]))
    norm.running_var.copy_(torch.tensor([2, 0.5, 1.5]))
    return norm


def aligned(alpha: float = 1.0) -> DomainAlignment:
    layer = align_domains(plain_norm())
    assert isinstance(layer, DomainAlignment)
    with torch.no_grad():
        layer.alpha.fill_(alpha)
    return layer


def forward(layer: nn.Module, source: Tensor, target: Tensor) -> Tensor:
    with split_batches(layer, len(source)):
        return torch.as_tensor(layer(torch.cat([source, target])))


def close(found: Tensor, expected: Tensor | None) -> None:
    assert expected is not None
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_with_alpha_of_one_half_domains_of_equal_size_are_normalised_as_one_batch() -> None:
    layer, joint = aligned(0.5), plain_norm()
    x, same = (torch.cat([rows(4), rows(4, 1.5, seed=1)]).requires_grad_() for _ in range(2))
    with split_batches(layer, 4):
        found = layer(x)
    expected = joint(same)
    close(found, expected)
    for mean, var in ((layer.running_mean, layer.running_var), (layer.source_running_mean, layer.source_running_var)):
        close(mean, joint.running_mean)
        close(var, joint.running_var)
    assert layer.num_batches_tracked == joint.num_batches_tracked == 1
    for output in (found, expected):
        (output**3).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, same.grad, rtol=1e-9, atol=1e-9)


def test_with_alpha_of_one_each_domain_is_normalised_by_itself() -> None:
    layer, of_source, of_target = aligned(1.0), plain_norm(), plain_norm()
    source, target = rows(5), rows(2, 1.5, seed=1)
    found = forward(layer, source, target)
    close(found[:5], of_source(source))
    close(found[5:], of_target(target))
    close(layer.running_mean, of_target.running_mean)
    close(layer.running_var, of_target.running_var)
    close(layer.source_running_mean, of_source.running_mean)
    close(layer.source_running_var, of_source.running_var)


def test_between_them_the_moments_are_those_of_the_formula() -> None:
    a, layer = 0.7, aligned(0.7)
    source, target = rows(5), rows(2, 1.5, seed=1)
    found = forward(layer, source, target).detach().numpy()
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    for channel in range(3):
        s, t = source[:, channel].numpy(), target[:, channel].numpy()
        for own, other, part in ((s, t, found[:5, channel]), (t, s, found[5:, channel])):
            mean = a * own.mean() + (1 - a) * other.mean()
            variance = a * ((own - mean) ** 2).mean() + (1 - a) * ((other - mean) ** 2).mean()
            expected = (own - mean) / np.sqrt(variance + 1e-3) * weight[channel] + bias[channel]
            np.testing.assert_allclose(part, expected, rtol=1e-12, atol=1e-12)
        weights = np.concatenate([np.full(t.size, a / t.size), np.full(s.size, (1 - a) / s.size)])
        unbiased = variance / (1 - (weights**2).sum())  # of the target, the last in the loop
        before = plain_norm().running_var
        assert before is not None
        expected_var = 0.7 * before[channel].item() + 0.3 * unbiased
        assert layer.running_var[channel].item() == pytest.approx(expected_var, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.51, 0.7, 0.99])  # not the bounds, where finite differences are clamped
def test_gradients_flow_through_the_moments_of_both_domains(alpha: float) -> None:
    layer = aligned(alpha)
    x = torch.cat([rows(3), rows(2, 1.5, seed=1)])[:, :, :2, :2].contiguous().requires_grad_()
    with split_batches(layer, 3):
        assert torch.autograd.gradcheck(lambda values, *_: layer(values), (x, layer.alpha, layer.weight, layer.bias))
        (gradient,) = torch.autograd.grad((layer(x)[:3] ** 3).sum(), x)
    assert gradient[3:].abs().max() > 1e-6  # the loss of the source reaches the rows of the target


@pytest.mark.parametrize(("before", "after"), [(1.2, 1.0), (0.2, 0.5), (0.75, 0.75)])
def test_alpha_is_clamped_before_a_pass_and_still_learns_at_its_bounds(before: float, after: float) -> None:
    layer = aligned(before)
    forward(layer, rows(4), rows(4, 1.5, seed=1)).square().sum().backward()
    assert layer.alpha.item() == after
    assert layer.alpha.grad is not None
    assert layer.alpha.grad.abs() > 1e-6


def test_two_passes_may_precede_the_backward_pass() -> None:
    layer = aligned(1.2)
    first, second = (forward(layer, rows(4), rows(4, shift, seed=1)) for shift in (1.0, 2.0))
    (first.square().sum() + second.square().sum()).backward()
    assert layer.alpha.grad is not None


def test_evaluation_normalises_every_row_by_the_statistics_of_the_target() -> None:
    layer, of_target = aligned(), plain_norm()
    for step in range(3):
        source, target = rows(4, seed=step), rows(4, 1.5, seed=10 + step)
        forward(layer, source, target)
        of_target(target)
    layer.eval()
    of_target.eval()
    assert not torch.allclose(layer.running_mean, layer.source_running_mean)
    x = rows(3, seed=7)
    close(layer(x), of_target(x))
    with split_batches(layer, 1):
        close(layer(x), of_target(x))


def test_training_needs_rows_of_both_domains() -> None:
    layer = aligned()
    with pytest.raises(ValueError, match="None of 4 rows"):
        layer(rows(4))
    for source in (0, 4, 5):
        with pytest.raises(ValueError, match=f"{source} of 4 rows"), split_batches(layer, source):
            layer(rows(4))
    assert layer.source_rows is None
    with pytest.raises(ValueError, match="only one value per channel"):
        forward(layer, rows(1)[:, :, :1, :1], rows(2)[:, :, :1, :1])


def test_bfloat16_keeps_moments_and_statistics_in_float32() -> None:
    layer, reference = aligned(0.7).float(), aligned(0.7).float()
    source, target = ((rows(8, shift, seed=shift) + 50).bfloat16() for shift in (1, 2))
    with torch.autocast("cpu", torch.bfloat16):
        found = forward(layer, source, target)
        assert aligned().float().eval()(source).dtype is torch.bfloat16
    expected = forward(reference, source.float(), target.float())
    assert found.dtype is torch.bfloat16
    torch.testing.assert_close(found, expected.bfloat16(), rtol=0, atol=0)
    for name, buffer in layer.named_buffers():
        if name != "num_batches_tracked":
            assert buffer.dtype is torch.float32
        assert torch.equal(buffer, reference.get_buffer(name))


def test_a_whole_network_keeps_its_weights_names_and_results() -> None:
    torch.manual_seed(0)
    network = FrameResNet("resnet18", 5, 0.5)
    frames = torch.rand(2, 3, 1, 64, 64) * 2 - 1
    network.train().features(frames)  # statistics other than 0 and 1
    before = {name: value.clone() for name, value in network.state_dict().items()}
    expected = network.eval().features(frames)
    assert align_domains(network) is network
    layers = [module for module in network.modules() if isinstance(module, DomainAlignment)]
    assert len(layers) == 20
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    after = network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert {name.rsplit(".")[-1] for name in after.keys() - before.keys()} == {
        "alpha",
        "source_running_mean",
        "source_running_var",
    }
    assert not any(layer.training for layer in layers)
    torch.testing.assert_close(network.features(frames), expected)
    network.train()
    with split_batches(network, 2):
        network.features(torch.cat([frames, frames + 0.1])).sum().backward()
    assert all(layer.alpha.grad is not None and layer.source_rows is None for layer in layers)


@pytest.mark.parametrize("counters", [True, False])
def test_weights_of_a_plain_network_load_before_or_after(counters: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    plain = torchvision.models.resnet18()
    plain(torch.rand(2, 3, 64, 64))
    state = {name: value for name, value in plain.state_dict().items() if counters or "num_batches" not in name}
    torch.save(state, tmp_path / "weights.pth")
    settings = make_run(Path(), Path(), network="resnet18", resnet={"weights": str(tmp_path / "weights.pth")}).settings
    networks = [FrameResNet("resnet18", 5, 0.5) for _ in range(2)]
    initialise(networks[0], settings, ())
    for network in networks:
        align_domains(network.backbone)
    initialise(networks[1], settings, ())
    before, after = (network.backbone.state_dict() for network in networks)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(after["bn1.source_running_mean"], plain.state_dict()["bn1.running_mean"])
    assert after["bn1.num_batches_tracked"] == int(counters)


def test_a_saved_layer_is_restored() -> None:
    layer, restored = aligned(0.8), aligned()
    forward(layer, rows(4), rows(4, 1.5, seed=1))
    restored.load_state_dict(layer.state_dict())
    assert all(torch.equal(value, restored.state_dict()[name]) for name, value in layer.state_dict().items())
    with pytest.raises(RuntimeError, match=r"Missing key.*running_mean"):
        restored.load_state_dict({"weight": layer.weight, "bias": layer.bias})


def test_a_layer_without_weights_or_statistics_is_refused() -> None:
    for options in ({"affine": False}, {"track_running_stats": False}):
        with pytest.raises(ValueError, match="lacks weights or running statistics"):
            align_domains(nn.BatchNorm2d(3, **options))
