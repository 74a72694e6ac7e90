"""Transfer losses by their name in the settings: the loss `mcc` is the class `Loss` in `losses/mcc.py`.

A new loss needs a file in this folder, its name in `config/transfer.py` (TransferName), and a run in
workflow/methods.yaml.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

from i2vadapt.config.transfer import TransferSettings


class Compared(NamedTuple):
    """What a transfer loss sees of n videos of one domain.

    Attributes:
        features: features (n, F), averaged over space and time.
        logits: logits (n, C), averaged over time.
    """

    features: Tensor
    logits: Tensor


class TransferLoss(nn.Module, ABC):
    """A loss between the videos of the two domains; weights of its own are trained together with the network's.

    Args:
        settings: settings of the loss.
        feature_size: number of features F.
        num_classes: number of classes C.

    Attributes:
        size: number of columns of `rows`: F or C.
    """

    def __init__(self, settings: TransferSettings, feature_size: int, num_classes: int) -> None:
        super().__init__()
        self.settings = settings
        self.size = feature_size if settings.inputs == "features" else num_classes

    def rows(self, compared: Compared) -> Tensor:
        """Features or logits (n, size) of n videos, as the settings ask."""
        return compared.features if self.settings.inputs == "features" else compared.logits

    @abstractmethod
    def forward(self, source: Compared, target: Compared, progress: float) -> Tensor:
        """Computes the loss.

        Args:
            source: features and logits of n source videos.
            target: the same of m target videos.
            progress: share of the training that is done, 0 to 1.

        Returns:
            Scalar.
        """


def build_transfer_loss(settings: TransferSettings, feature_size: int, num_classes: int) -> TransferLoss:
    """Builds a transfer loss.

    Args:
        settings: settings of the loss, whose name is not none.
        feature_size: number of features F of the network.
        num_classes: number of classes C.
    """
    module = importlib.import_module(f"i2vadapt.losses.{settings.loss}")
    loss: TransferLoss = module.Loss(settings, feature_size, num_classes)
    return loss
