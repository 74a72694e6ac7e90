from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from i2vadapt.losses.contrast import contrast

RNG = np.random.default_rng(9)
ALL = torch.ones(5, dtype=torch.bool)


def features() -> torch.Tensor:
    return torch.from_numpy(RNG.normal(size=(5, 3))).requires_grad_()


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def test_contrast_equals_its_formula_over_the_complete_frames() -> None:
    frames, same, other = features(), features(), features()
    complete = torch.tensor([True, False, True, True, False])
    terms = []
    for t, s, o, counts in zip(*(part.detach().numpy() for part in (frames, same, other)), complete, strict=True):
        if counts:
            near, far = math.exp(cosine(t, s) / 0.05), math.exp(cosine(t, o) / 0.05)
            terms.append(-math.log(near / (near + far)))
    assert contrast(frames, same, other, complete).item() == pytest.approx(sum(terms) / 3, rel=1e-10)


def test_contrast_falls_as_the_frame_nears_the_photograph_of_its_class() -> None:
    same, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    angles = torch.linspace(math.pi / 2, 0, 6)
    found = [contrast(torch.tensor([[a.cos(), a.sin()]]), same, other, ALL[:1]).item() for a in angles]
    assert found == sorted(found, reverse=True)
    assert contrast(torch.ones(1, 2), same, other, ALL[:1]).item() == pytest.approx(math.log(2), rel=1e-5)


def test_contrast_has_the_gradient_of_its_formula() -> None:
    assert torch.autograd.gradcheck(lambda *parts: contrast(*parts, ALL), (features(), features(), features()))


def test_frames_without_photographs_have_no_gradient() -> None:
    frames, complete = features(), torch.tensor([False, False, True, False, False])
    empty = torch.zeros(5, 3, dtype=torch.float64)
    same, other = (empty.index_copy(0, torch.tensor([2]), features()[2:3]) for _ in range(2))
    contrast(frames, same, other, complete).backward()
    assert frames.grad is not None
    assert frames.grad.isfinite().all()
    assert frames.grad.abs().sum(dim=1).nonzero()[:, 0].tolist() == [2]


def test_without_complete_frames_the_contrast_and_its_gradient_are_zero() -> None:
    frames = features()
    loss = contrast(frames, torch.zeros(5, 3), torch.zeros(5, 3), ~ALL)
    loss.backward()
    assert loss.item() == 0
    assert frames.grad is not None
    assert not frames.grad.any()
