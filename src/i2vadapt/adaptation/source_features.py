"""Latest features of the photographs by class, with which CycDA contrasts frames (Lin et al. 2022, stage 3)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from i2vadapt.errors import UserError


class Drawn(NamedTuple):
    """Photographs drawn for n frames.

    Attributes:
        same: feature (n, F) of a photograph of the class of each frame; arbitrary where none is held.
        other: feature (n, F) of a photograph of any other class; arbitrary where none is held.
        complete: booleans (n,): whether a frame has both.
    """

    same: Tensor
    other: Tensor
    complete: Tensor


class SourceFeatures:
    """The feature of every source item when the network last saw it.

    Args:
        labels: classes (items,) of the source items by item index.
        feature_size: number of features F.

    Attributes:
        features: features (items, F), on the device of the last ones that were stored; 0 for items not seen yet.
        seen: booleans (items,): whether an item was seen.
    """

    def __init__(self, labels: ArrayLike, feature_size: int) -> None:
        self._labels = np.asarray(labels, dtype=np.int64)
        self.features = torch.zeros(len(self._labels), feature_size)
        self.seen: NDArray[np.bool_] = np.zeros(len(self._labels), dtype=np.bool_)

    def store(self, items: ArrayLike, features: Tensor) -> None:
        """Replaces the features of some items.

        Args:
            items: distinct indices (n,) of source items.
            features: features (n, F); their gradient is not kept.
        """
        index = np.asarray(items, dtype=np.int64)
        self.features = self.features.to(features)  # to their device and type; afterwards the same tensor
        self.features[torch.from_numpy(index)] = features.detach()
        self.seen[index] = True

    def draw(self, labels: ArrayLike, rng: np.random.Generator) -> Drawn:
        """Draws, for each frame, one photograph of its class and one of all others together.

        Classes with many photographs are therefore more frequent among the others.

        Args:
            labels: classes (n,) of the frames; a frame of class -1, unknown, is not complete.
            rng: random generator; two numbers per frame are drawn, whatever features are held.
        """
        classes = np.asarray(labels, dtype=np.int64)
        places = np.zeros((2, len(classes)), dtype=np.int64)
        complete = classes >= 0
        chances = rng.random((2, len(classes)))
        for label in np.unique(classes[complete]):
            frames = np.flatnonzero(classes == label)
            for side, wanted in enumerate((self._labels == label, self._labels != label)):
                held = np.flatnonzero(self.seen & wanted)
                if len(held):
                    places[side, frames] = held[(chances[side, frames] * len(held)).astype(np.int64)]
                else:
                    complete[frames] = False
        same, other = (self.features[torch.from_numpy(index)] for index in places)
        return Drawn(same, other, torch.from_numpy(complete).to(self.features.device))

    def state_dict(self) -> dict[str, Tensor]:
        """Content as copied tensors on the CPU, which `torch.load(weights_only=True)` can read."""
        features = self.features.to("cpu", copy=True)
        return {"features": features, "seen": torch.from_numpy(self.seen.copy())}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restores the content returned by `state_dict`.

        Raises:
            UserError: if the content belongs to other items or to features of another size.
        """
        for key, shape in (("features", tuple(self.features.shape)), ("seen", self.seen.shape)):
            found = tuple(state[key].shape) if key in state else "missing"
            if found != shape:
                raise UserError(f"checkpoint: {key} of the source are {found}, expected {shape} (items x features)")
        self.features = state["features"].clone()
        self.seen = state["seen"].numpy(force=True).astype(np.bool_)
