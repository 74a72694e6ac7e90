"""The method's own parts: losses, pace sampling, the flow memory bank. They know nothing of networks or files."""

from __future__ import annotations

from i2vadapt.adaptation.losses import local_loss, pace_loss, video_loss
from i2vadapt.adaptation.memory_bank import FlowMemoryBank
from i2vadapt.adaptation.pace import Looping, draw_pace, pace_indices, uniform_indices
from i2vadapt.adaptation.retrieval import Loan, Strategy, lend, needs_similarity, similarities_with_bank

__all__ = [
    "FlowMemoryBank",
    "Loan",
    "Looping",
    "Strategy",
    "draw_pace",
    "lend",
    "local_loss",
    "needs_similarity",
    "pace_indices",
    "pace_loss",
    "similarities_with_bank",
    "uniform_indices",
    "video_loss",
]
