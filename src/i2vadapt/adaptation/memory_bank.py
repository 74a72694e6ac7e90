"""Category-aware flow memory bank (paper section 3.2): whose flow source videos retrieve.

The bank holds references to target items, never flow itself: the flow stays in its shard and goes through the same
augmentation as any other when it is drawn.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from i2vadapt.errors import UserError

_EMPTY = -1


class FlowMemoryBank:
    """The most confident target items of each pseudo class.

    Args:
        num_classes: C.
        capacity: N, items kept for each class.

    Attributes:
        items: (C, N) int64 item indices, most confident first; -1 in empty places.
        confidence: (C, N) float64 fused scores, 0 to the number of streams; 0 in empty places.

    Raises:
        UserError: a size below 1.
    """

    def __init__(self, num_classes: int, capacity: int) -> None:
        if num_classes < 1 or capacity < 1:
            raise UserError(f"memory bank of {num_classes} classes x {capacity} items; both must be at least 1")
        self.num_classes, self.capacity = num_classes, capacity
        self.items: NDArray[np.int64]
        self.confidence: NDArray[np.float64]
        self.clear()

    def clear(self) -> None:
        """Empties the bank."""
        self.items = np.full((self.num_classes, self.capacity), _EMPTY, dtype=np.int64)
        self.confidence = np.zeros((self.num_classes, self.capacity))

    def rebuild(self, items: ArrayLike, probabilities: ArrayLike) -> None:
        """Refills the bank: the pseudo class is the highest fused score, the confidence that score.

        Equal confidences are ordered by item index, so that the content never depends on the order of evaluation.

        Args:
            items: (n,) different indices of target items, at least 0.
            probabilities: (n, C) fused scores (sum over streams of probabilities).

        Raises:
            UserError: scores that are not finite (the training diverged).
            ValueError: shapes that do not fit, repeated or negative items.
        """
        index = np.asarray(items, dtype=np.int64)
        scores = np.asarray(probabilities, dtype=np.float64)
        if index.ndim != 1 or scores.shape != (len(index), self.num_classes):
            raise ValueError(f"items {index.shape} and scores {scores.shape} do not fit {self.num_classes} classes")
        if len(np.unique(index)) != len(index) or (index < 0).any():
            raise ValueError("items must be different indices from 0")
        if not np.isfinite(scores).all():
            raise UserError("the network's probabilities are not finite: training diverged; lower learning_rate")
        self.clear()
        pseudo, confidence = scores.argmax(axis=1), scores.max(axis=1)
        order = np.lexsort((index, -confidence))
        for label in range(self.num_classes):
            best = order[pseudo[order] == label][: self.capacity]
            self.items[label, : len(best)] = index[best]
            self.confidence[label, : len(best)] = confidence[best]

    def fill(self) -> NDArray[np.int64]:
        """Number of items held for each class, (C,)."""
        return np.asarray((self.items != _EMPTY).sum(axis=1), dtype=np.int64)

    def held(self, label: int) -> NDArray[np.int64]:
        """Items held for a class, most confident first.

        Raises:
            ValueError: a label out of range.
        """
        if not 0 <= label < self.num_classes:
            raise ValueError(f"labels must lie in 0..{self.num_classes - 1}, got {label}")
        return self.items[label][self.items[label] != _EMPTY]

    @property
    def bytes_per_entry(self) -> int:
        """Memory of one place: the reference and its confidence, whatever the size of the flow."""
        return self.items.itemsize + self.confidence.itemsize

    def purity(self, labels: ArrayLike) -> float:
        """Share of held items whose true class is the one they are held for. For reports only, never for training.

        Args:
            labels: (all items,) true classes by item index; negative where unknown, which are not counted.

        Returns:
            0 to 1, or NaN if no held item has a known class.
        """
        held_class, place = np.nonzero(self.items != _EMPTY)
        truth = np.asarray(labels, dtype=np.int64)[self.items[held_class, place]]
        known = truth >= 0
        return float((truth[known] == held_class[known]).mean()) if known.any() else float("nan")

    def state_dict(self) -> dict[str, Tensor]:
        """The content as tensors (copies), readable by `torch.load(weights_only=True)`."""
        return {"items": torch.from_numpy(self.items.copy()), "confidence": torch.from_numpy(self.confidence.copy())}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restores what `state_dict` gave.

        Raises:
            UserError: the content is of a bank of another size.
        """
        shape = (self.num_classes, self.capacity)
        for key in ("items", "confidence"):
            found = tuple(state[key].shape) if key in state else "missing"
            if found != shape:
                raise UserError(f"checkpoint: memory bank's {key} is {found}, expected {shape} (classes x capacity)")
        self.items = state["items"].numpy(force=True).astype(np.int64)
        self.confidence = state["confidence"].numpy(force=True).astype(np.float64)
