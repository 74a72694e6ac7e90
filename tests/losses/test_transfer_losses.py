"""Each loss is compared with its formula in float64, and its gradient with finite differences."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from i2vadapt.config.transfer import TransferName, TransferSettings
from i2vadapt.losses.bnm import bnm
from i2vadapt.losses.dan import mk_mmd
from i2vadapt.losses.dann import DomainClassifier, domain_loss, reverse_gradient
from i2vadapt.losses.entropy import entropy
from i2vadapt.losses.fbnm import fbnm
from i2vadapt.losses.jan import jmmd
from i2vadapt.losses.mcc import certainty_weights, mcc
from i2vadapt.losses.schedule import ramp
from i2vadapt.losses.transfer import Compared, TransferLoss, build_transfer_loss

RNG = np.random.default_rng(3)
NAMES = [name for name in get_args(TransferName) if name != "none"]
OF_THE_TARGET_ALONE = ("mcc", "bnm", "entropy", "fbnm")
OF_EITHER_INPUT = ("dan", "dann")
LOSSES = [(name, "logits") for name in NAMES] + [(name, "features") for name in OF_EITHER_INPUT]
SOURCE, TARGET = RNG.normal(size=(5, 4)), RNG.normal(size=(3, 4)) * 2 + 0.5
FEATURES_OF_SOURCE, FEATURES_OF_TARGET = RNG.normal(size=(5, 6)), RNG.normal(size=(3, 6)) + 0.5


def tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values).requires_grad_()


def compared() -> tuple[Compared, Compared]:
    """Features (n, 6) and logits (n, 4) of five source and three target videos."""
    source = Compared(tensor(FEATURES_OF_SOURCE), tensor(SOURCE))
    return source, Compared(tensor(FEATURES_OF_TARGET), tensor(TARGET))


def build(name: Any, inputs: Any = "logits") -> TransferLoss:
    return build_transfer_loss(TransferSettings(loss=name, inputs=inputs), feature_size=6, num_classes=4)


def softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def test_mk_mmd_equals_its_formula() -> None:
    rows = [*SOURCE, *TARGET]
    gamma = np.mean([((a - b) ** 2).sum() for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j])

    def kernel(first: np.ndarray, second: np.ndarray) -> float:
        pairs = [
            sum(np.exp(-((a - b) ** 2).sum() / (2.0**p * gamma)) for p in range(-2, 3)) for a in first for b in second
        ]
        return float(np.mean(pairs))

    expected = kernel(SOURCE, SOURCE) + kernel(TARGET, TARGET) - 2 * kernel(SOURCE, TARGET)
    assert mk_mmd(tensor(SOURCE), tensor(TARGET)).item() == pytest.approx(expected, rel=1e-12)
    assert mk_mmd(tensor(SOURCE), tensor(SOURCE)).item() == pytest.approx(0, abs=1e-12)
    assert mk_mmd(torch.ones(2, 3), torch.ones(2, 3)).item() == 0


def test_mk_mmd_has_the_gradient_of_its_formula() -> None:
    def fixed(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return mk_mmd(source, target, torch.tensor(6.0, dtype=torch.float64))

    assert torch.autograd.gradcheck(fixed, (tensor(SOURCE), tensor(TARGET)))


def test_mk_mmd_pulls_the_domains_together() -> None:
    target = tensor(TARGET + 3)
    mk_mmd(torch.from_numpy(SOURCE), target).backward()
    assert target.grad is not None
    assert (target.grad.sum(dim=0) > 0).all()


def test_mcc_equals_its_formula() -> None:
    p = softmax(TARGET / 2.5)
    certainty = 1 + np.exp((p * np.log(p)).sum(axis=1))
    weights = 3 * certainty / certainty.sum()
    confusion = sum(weights[i] * np.outer(p[i], p[i]) for i in range(3))
    confusion = confusion / confusion.sum(axis=1, keepdims=True)
    expected = (confusion.sum() - np.trace(confusion)) / 4
    assert certainty_weights(tensor(TARGET)).tolist() == pytest.approx(weights.tolist(), rel=1e-12)
    assert mcc(tensor(TARGET)).item() == pytest.approx(expected, rel=1e-12)
    assert mcc(torch.eye(4) * 1000).item() == pytest.approx(0, abs=1e-6)


def test_mcc_has_the_gradient_of_its_formula() -> None:
    weights = certainty_weights(tensor(TARGET))
    assert not weights.requires_grad
    assert torch.autograd.gradcheck(lambda logits: mcc(logits, weights), (tensor(TARGET),))


@pytest.mark.parametrize("logits", [SOURCE, TARGET])
def test_bnm_equals_its_formula(logits: np.ndarray) -> None:
    p = softmax(logits)
    singular = np.sqrt(np.linalg.eigvalsh(p @ p.T if len(p) <= 4 else p.T @ p))
    assert len(singular) == min(logits.shape)
    assert bnm(tensor(logits)).item() == pytest.approx(-singular.mean(), rel=1e-12)
    assert torch.autograd.gradcheck(bnm, (tensor(logits),))


def test_bnm_prefers_confident_and_diverse_predictions() -> None:
    sure, same = torch.eye(4) * 100, torch.eye(4)[:1].expand(4, 4) * 100
    assert bnm(sure).item() == pytest.approx(-1)
    assert bnm(sure) < bnm(same) < bnm(torch.zeros(4, 4))


@pytest.mark.parametrize("logits", [SOURCE, TARGET])
def test_fbnm_equals_its_formula(logits: np.ndarray) -> None:
    norms = sorted(np.linalg.norm(softmax(logits), axis=0))[-min(logits.shape) :]
    assert fbnm(tensor(logits)).item() == pytest.approx(-np.mean(norms), rel=1e-12)
    assert torch.autograd.gradcheck(fbnm, (tensor(logits),))


@pytest.mark.parametrize("videos", [3, 4, 9])
def test_fbnm_equals_bnm_for_certain_predictions(videos: int) -> None:
    certain = torch.eye(4, dtype=torch.float64)[torch.arange(videos) % 4] * 1000
    assert fbnm(certain).item() == pytest.approx(bnm(certain).item(), rel=1e-12)
    assert fbnm(certain) >= -np.sqrt(max(1, videos / 4)) - 1e-12


def test_entropy_equals_its_formula() -> None:
    p = softmax(TARGET)
    assert entropy(tensor(TARGET)).item() == pytest.approx(-(p * np.log(p)).sum() / 3, rel=1e-12)
    assert entropy(torch.zeros(2, 4)).item() == pytest.approx(np.log(4))
    assert entropy(torch.eye(4) * 1e4).item() == 0
    assert torch.autograd.gradcheck(entropy, (tensor(TARGET),))


def test_domain_loss_equals_its_formula() -> None:
    s, t = SOURCE[:, 0], TARGET[:, 0]
    expected = (np.log(1 + np.exp(-s)).mean() + np.log(1 + np.exp(t)).mean()) / 2
    assert domain_loss(tensor(s), tensor(t)).item() == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(domain_loss, (tensor(s.copy()), tensor(t.copy())))


def test_the_reversed_gradient_and_its_schedule() -> None:
    values = tensor(SOURCE)
    passed = reverse_gradient(values, 0.25)
    assert torch.equal(passed, values)
    (passed**2).sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad, -0.25 * 2 * values.detach())
    strengths = [ramp(p) for p in (0, 0.1, 0.5, 1)]
    assert strengths == pytest.approx([0, np.tanh(0.5), np.tanh(2.5), np.tanh(5)], rel=1e-12)


@pytest.mark.parametrize(("name", "inputs"), LOSSES)
def test_every_loss_of_the_settings_has_finite_gradients_of_what_it_compares(name: str, inputs: str) -> None:
    torch.manual_seed(0)
    loss = build(name, inputs).double()
    source, target = compared()
    value = loss(source, target, 0.5)
    assert value.shape == ()
    assert value.isfinite()
    value.backward()
    quantities = ("features", "logits") if name == "jan" else (inputs,)
    domains = ("target",) if name in OF_THE_TARGET_ALONE else ("source", "target")
    used = {(domain, quantity) for domain in domains for quantity in quantities}
    for domain, sample in (("source", source), ("target", target)):
        for quantity, values in sample._asdict().items():
            assert (values.grad is not None) == ((domain, quantity) in used)
            assert values.grad is None or (values.grad.isfinite().all() and values.grad.abs().max() > 0)
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in loss.parameters())


@pytest.mark.parametrize("name", sorted({*NAMES} - {*OF_EITHER_INPUT}))
def test_a_loss_without_a_choice_of_inputs_refuses_one(name: str) -> None:
    with pytest.raises(ValidationError, match=f"inputs must be .* with loss {name}"):
        build(name, "features")


@pytest.mark.parametrize(("name", "inputs"), LOSSES)
@pytest.mark.parametrize("videos", [(1, 1), (1, 3), (3, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_single_and_equal_videos_have_finite_gradients(
    name: str, inputs: str, videos: tuple[int, int], dtype: torch.dtype
) -> None:
    loss = build(name, inputs).to(dtype)
    source, target = (
        Compared(*(torch.ones(count, size, dtype=dtype, requires_grad=True) for size in (6, 4))) for count in videos
    )
    value = loss(source, target, 0.0)
    value.backward()
    assert value.isfinite()
    assert any(values.grad is not None for values in target)
    assert all(values.grad is None or values.grad.isfinite().all() for values in (*source, *target))


def test_losses_built_by_name_equal_their_formulas() -> None:
    source, target = compared()
    expected = {
        "dan": mk_mmd(source.logits, target.logits),
        "jan": ramp(0.3) * jmmd(source, target),
        "mcc": mcc(target.logits),
        "bnm": bnm(target.logits),
        "fbnm": fbnm(target.logits),
        "entropy": entropy(target.logits),
    }
    found = {name: build(name)(source, target, 0.3).item() for name in expected}
    assert found == {name: value.item() for name, value in expected.items()}
    assert not [weight for name in found for weight in build(name).parameters()]


def test_a_loss_of_one_quantity_takes_the_one_that_the_settings_name() -> None:
    source, target = compared()
    for inputs, size in (("features", 6), ("logits", 4)):
        loss = build("dan", inputs)
        assert loss.size == loss.rows(source).shape[1] == size
        found = loss(source, target, 0.3).item()
        assert found == mk_mmd(getattr(source, inputs), getattr(target, inputs)).item()


@pytest.mark.parametrize("progress", [0.0, 0.1, 1.0])
def test_the_domain_classifier_learns_what_the_network_unlearns(progress: float) -> None:
    """The classifier gets the gradient of the loss; the network gets it multiplied by minus the strength."""
    torch.manual_seed(1)
    loss = build("dann").double().eval()  # without dropout
    (classifier,) = (module for module in loss.modules() if isinstance(module, DomainClassifier))
    plain_source, plain_target = tensor(SOURCE), tensor(TARGET)
    plain = domain_loss(classifier(plain_source), classifier(plain_target))
    of_weights = torch.autograd.grad(plain, [*loss.parameters(), plain_source, plain_target])
    source, target = compared()
    value = loss(source, target, progress)
    assert value.item() == pytest.approx(plain.item(), rel=1e-12)
    found = torch.autograd.grad(value, [*loss.parameters(), source.logits, target.logits])
    for number, (gradient, expected) in enumerate(zip(found, of_weights, strict=True)):
        reversed_on_its_way = number >= len(found) - 2
        factor = -ramp(progress) if reversed_on_its_way else 1.0
        torch.testing.assert_close(gradient, factor * expected)
    assert max(float(gradient.abs().max()) for gradient in of_weights[-2:]) > 0


def test_the_domain_classifier_has_two_hidden_layers_and_a_positive_logit_means_source() -> None:
    torch.manual_seed(2)
    classifier = DomainClassifier(3)
    linear = [layer for layer in classifier.layers if isinstance(layer, torch.nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(3, 1024), (1024, 1024), (1024, 1)]
    assert [layer.p for layer in classifier.layers if isinstance(layer, torch.nn.Dropout)] == [0.5, 0.5]
    source, target = torch.randn(40, 3) + 2, torch.randn(40, 3) - 2
    optimizer = torch.optim.SGD(classifier.parameters(), lr=0.1)
    for _ in range(15):
        optimizer.zero_grad()
        domain_loss(classifier(source), classifier(target)).backward()
        optimizer.step()
    classifier.eval()
    assert (classifier(source) > 0).float().mean() > 0.95
    assert (classifier(target) < 0).float().mean() > 0.95
