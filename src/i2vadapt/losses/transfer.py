"""Transfer losses by their name in the settings: the loss `mcc` is the class `Loss` in `losses/mcc.py`.

A new loss needs a file in this folder, its name in `config/recipes/video.py` (TransferName), and a run in
workflow/methods.yaml.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod

from torch import Tensor, nn


class TransferLoss(nn.Module, ABC):
    """A loss between the videos of the two domains; weights of its own are trained together with the network's.

    Args:
        size: size of an input row: number of features F or of logits C.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    @abstractmethod
    def forward(self, source: Tensor, target: Tensor, progress: float) -> Tensor:
        """Computes the loss.

        Args:
            source: features or logits (n, size) of source videos, averaged over time.
            target: the same quantity (m, size) of target videos.
            progress: share of the training that is done, 0 to 1.

        Returns:
            Scalar.
        """


def build_transfer_loss(name: str, size: int) -> TransferLoss:
    """Builds a transfer loss.

    Args:
        name: value of the setting `transfer.loss` other than none.
        size: see `TransferLoss`.
    """
    loss: TransferLoss = importlib.import_module(f"i2vadapt.losses.{name}").Loss(size)
    return loss
