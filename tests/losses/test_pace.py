"""Counting clips by true and predicted pace."""

from __future__ import annotations

import torch

from i2vadapt.losses.pace import count_paces


def test_rows_are_true_paces_and_columns_are_predicted_ones() -> None:
    logits = torch.eye(3)[[0, 2, 2, 1]]
    assert count_paces(logits, torch.tensor([1, 3, 1, 1])).tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 1]]
