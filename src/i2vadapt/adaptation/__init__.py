"""The method's own parts: losses, pace sampling, the flow memory bank, transfer losses.

They know nothing of networks or files.
"""

from __future__ import annotations

from i2vadapt.adaptation.bnm import bnm
from i2vadapt.adaptation.dan import mk_mmd
from i2vadapt.adaptation.dann import domain_loss, reversal_strength, reverse_gradient
from i2vadapt.adaptation.losses import local_loss, pace_loss, video_loss
from i2vadapt.adaptation.mcc import mcc
from i2vadapt.adaptation.memory_bank import FlowMemoryBank
from i2vadapt.adaptation.pace import Looping, draw_pace, pace_indices, uniform_indices
from i2vadapt.adaptation.retrieval import AGGREGATES, Loan, Strategy, lend, needs_similarity, similarities_with_bank

__all__ = [
    "AGGREGATES",
    "FlowMemoryBank",
    "Loan",
    "Looping",
    "Strategy",
    "bnm",
    "domain_loss",
    "draw_pace",
    "lend",
    "local_loss",
    "mcc",
    "mk_mmd",
    "needs_similarity",
    "pace_indices",
    "pace_loss",
    "reversal_strength",
    "reverse_gradient",
    "similarities_with_bank",
    "uniform_indices",
    "video_loss",
]
