"""Items with something to look at: the interface of the datasets of a run."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from torch import Tensor

from i2vadapt.clips.window import Window
from i2vadapt.data.items import UNLABELLED, Item
from i2vadapt.data.labels import relabel


class Footage(Protocol):
    """Interface of anything that provides clips of one stream: a dataset, or a plain video file."""

    def count(self, item_id: str) -> int:
        """Number of frames of an item."""
        ...

    def clip(self, item_id: str, indices: np.ndarray, window: Window, side: int) -> Tensor:
        """Reads a clip (T,side,side,3 or 2), uint8; see `ItemDataset.clip`."""
        ...


class ItemDataset(ABC):
    """The items of one side of a run, and clips of them.

    Attributes:
        manifest: table of the items.
        items: items that can be read.
    """

    manifest: Path
    items: list[Item]

    def only(self, ids: Container[str]) -> Self:
        """The same dataset restricted to the items with the given ids."""
        part = copy.copy(self)
        part.items = [item for item in self.items if item.id in ids]
        return part

    def labelled_by(self, classes: Sequence[str]) -> Self:
        """The same dataset, where each item has the label that the name of its class has in a list of classes.

        Raises:
            UserError: if an item has a class that is not in the list.
        """
        part = copy.copy(self)
        part.items = relabel(self.items, classes, self.manifest)
        return part

    @property
    def labels(self) -> np.ndarray:
        """Labels (n,), int64; -1 where unknown."""
        return np.array([item.label for item in self.items], np.int64)

    @property
    def is_labelled(self) -> bool:
        """Whether any item has a label."""
        return bool((self.labels != UNLABELLED).any())

    @abstractmethod
    def digests(self) -> dict[str, list[str]]:
        """Digests of everything that the items are read from, by kind."""

    @abstractmethod
    def count(self, item_id: str) -> int:
        """Number of frames of an item."""

    @abstractmethod
    def clip(self, item_id: str, indices: np.ndarray, window: Window, side: int) -> Tensor:
        """Reads frames of an item, or the flow from each frame to the next.

        Args:
            item_id: id of the item.
            indices: frame numbers (T,), from 0.
            window: square to crop.
            side: side of the square, pixels.

        Returns:
            (T,side,side,3) uint8 RGB, or (T,side,side,2) uint8 flow codes.
        """
