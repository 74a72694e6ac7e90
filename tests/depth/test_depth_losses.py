from __future__ import annotations

import pytest
import torch

from i2vadapt.depth.losses import gradient_matching, scale_and_shift_invariant_loss, standardise


def test_standardised_maps_have_median_zero_and_deviation_one() -> None:
    values = torch.tensor([[[5.0, 1.0, 2.0], [3.0, 9.0, 4.0], [0.0, 6.0, 10.0]]])
    result = standardise(values).flatten()
    assert result.median() == 0
    assert result.abs().mean() == pytest.approx(1)
    torch.testing.assert_close(result, (values.flatten() - 4) / (24 / 9))


def test_loss_ignores_scale_and_shift_but_not_sign() -> None:
    target = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(0)) + 0.1
    assert scale_and_shift_invariant_loss(7 * target + 3, target).item() == pytest.approx(0, abs=1e-4)
    assert scale_and_shift_invariant_loss(5 - target, target).item() > 1


def test_each_image_has_its_own_scale() -> None:
    target = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(0)) + 0.1
    prediction = target * torch.tensor([1.0, 50.0]).view(2, 1, 1)
    assert scale_and_shift_invariant_loss(prediction, target).item() == pytest.approx(0, abs=1e-4)


def test_predictions_under_zero_cost() -> None:
    target = torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(0)) + 0.1
    assert scale_and_shift_invariant_loss(target - 3, target).item() == pytest.approx(
        (3 - target).clamp_min(0).mean().item(), abs=1e-3
    )


def test_gradient_matching_of_a_ramp() -> None:
    ramp = torch.arange(16.0).expand(1, 16, 16)
    # neighbours at spacing 1, 2, 4, 8 differ by that much, along one axis only
    assert gradient_matching(ramp).item() == pytest.approx(1 + 2 + 4 + 8)


def test_a_flat_prediction_has_a_finite_gradient() -> None:
    prediction = torch.zeros(1, 8, 8, requires_grad=True)
    scale_and_shift_invariant_loss(prediction, torch.rand(1, 8, 8)).backward()
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()
