"""Transfer losses by their name in the settings: loss `mcc` is the class `Loss` in `losses/mcc.py`.

To add one: a file here, its name in `config/recipes/video.py` (TransferName), and a run in workflow/methods.yaml.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod

from torch import Tensor, nn


class TransferLoss(nn.Module, ABC):
    """A loss between the videos of two domains; weights of its own are trained with the network's.

    Args:
        size: of a row that it is given: F features or C logits.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    @abstractmethod
    def forward(self, source: Tensor, target: Tensor, progress: float) -> Tensor:
        """Scalar loss.

        Args:
            source: (n, size) features or logits of source videos, averaged over time.
            target: (m, size) the same of target videos.
            progress: share of the training that is done, 0 to 1.
        """


def build_transfer_loss(name: str, size: int) -> TransferLoss:
    """The transfer loss of a setting `transfer.loss` other than none."""
    loss: TransferLoss = importlib.import_module(f"i2vadapt.losses.{name}").Loss(size)
    return loss
