"""Category-aware flow memory bank (paper section 3.2): the target items whose flow source videos retrieve.

The bank holds references to target items, not the flow itself. The flow stays in its shard and is augmented like any
other flow when it is retrieved.
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
        num_classes: number of classes C, at least 1.
        capacity: number of items N kept per class, at least 1.

    Attributes:
        items: item indices (C, N), int64, most confident first; -1 in empty places.
        confidence: fused scores (C, N), float64, 0 to the number of fused runs; 0 in empty places.

    Raises:
        UserError: if one of the two numbers is below 1.
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
        """Refills the bank. An item's pseudo class is that of its highest fused score, which is its confidence.

        Equal confidences are ordered by item index, so that the content does not depend on the order of evaluation.

        Args:
            items: distinct indices (n,) of target items, at least 0.
            probabilities: fused scores (n, C), the sums of the runs' class probabilities.

        Raises:
            UserError: if a score is not finite, because the training diverged.
            ValueError: if the shapes do not fit, or items are repeated or negative.
        """
        index = np.asarray(items, dtype=np.int64)
        scores = np.asarray(probabilities, dtype=np.float64)
        if index.ndim != 1 or scores.shape != (len(index), self.num_classes):
            raise ValueError(f"items {index.shape} and scores {scores.shape} do not fit {self.num_classes} classes")
        if len(np.unique(index)) != len(index) or (index < 0).any():
            raise ValueError("items must be distinct indices, at least 0")
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
        """Indices of the items held for a class, most confident first.

        Raises:
            ValueError: if the label is out of range.
        """
        if not 0 <= label < self.num_classes:
            raise ValueError(f"labels must lie in 0..{self.num_classes - 1}, got {label}")
        return self.items[label][self.items[label] != _EMPTY]

    @property
    def bytes_per_entry(self) -> int:
        """Bytes of one place: a reference and its confidence, whatever the size of the flow."""
        return self.items.itemsize + self.confidence.itemsize

    def purity(self, labels: ArrayLike) -> float:
        """Share of the held items whose true class is the one they are held for; used in reports, never in training.

        Args:
            labels: true classes (all items,) by item index; items with a negative label, unknown, are not counted.

        Returns:
            Share from 0 to 1, or NaN if no held item has a known class.
        """
        right, known = self._count_right(labels)
        return float(right.sum() / known.sum()) if known.any() else float("nan")

    def class_purity(self, labels: ArrayLike) -> NDArray[np.float64]:
        """The same for each class (C,); NaN where no item that is held for the class has a known one."""
        right, known = self._count_right(labels)
        return np.where(known > 0, right / np.maximum(known, 1), np.nan)

    def _count_right(self, labels: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of the items held for each class (C,), how many are of this class, and of how many the class is known."""
        held_class, place = np.nonzero(self.items != _EMPTY)
        truth = np.asarray(labels, dtype=np.int64)[self.items[held_class, place]]
        right = np.bincount(held_class[truth == held_class], minlength=self.num_classes)
        return right, np.bincount(held_class[truth >= 0], minlength=self.num_classes)

    def state_dict(self) -> dict[str, Tensor]:
        """Content of the bank as copied tensors, which `torch.load(weights_only=True)` can read."""
        return {"items": torch.from_numpy(self.items.copy()), "confidence": torch.from_numpy(self.confidence.copy())}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restores the content returned by `state_dict`.

        Raises:
            UserError: if the content belongs to a bank of another size.
        """
        shape = (self.num_classes, self.capacity)
        for key in ("items", "confidence"):
            found = tuple(state[key].shape) if key in state else "missing"
            if found != shape:
                raise UserError(f"checkpoint: memory bank's {key} is {found}, expected {shape} (classes x capacity)")
        self.items = state["items"].numpy(force=True).astype(np.int64)
        self.confidence = state["confidence"].numpy(force=True).astype(np.float64)
