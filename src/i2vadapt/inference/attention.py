"""Where a trained classifier of photographs sees the class of a photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from i2vadapt.clips.placement import place
from i2vadapt.config.names import canonical
from i2vadapt.config.preprocessing import DecodeSettings
from i2vadapt.data.image import resize
from i2vadapt.data.items import Item
from i2vadapt.errors import UserError
from i2vadapt.inference.classifier import load_classifier
from i2vadapt.models.frame_network import FrameNetwork
from i2vadapt.models.grad_cam import grad_cam
from i2vadapt.runtime.precision import Arithmetic, choose_arithmetic
from i2vadapt.synthesis.frame_size import frame_size
from i2vadapt.weights.reading import weights_digest


@dataclass(frozen=True)
class PhotographClassifier:
    """A trained network of single frames that looks at whole photographs.

    Attributes:
        path: its checkpoint.
        network: network in evaluation mode, on the device.
        classes: class names in the order of the labels.
        frames: settings of the frames on which it was tested, whose size it expects.
        arithmetic: device and data type of the network.
    """

    path: Path
    network: FrameNetwork
    classes: tuple[str, ...]
    frames: DecodeSettings
    arithmetic: Arithmetic

    def identity(self) -> dict[str, str]:
        """What determines its maps, for the provenance of a shard."""
        precision = str(self.arithmetic.dtype).removeprefix("torch.")
        return {"classifier": weights_digest(self.path), "precision": precision}

    def check_knows(self, items: Sequence[Item]) -> None:
        """Refuses items of classes for which the network was not trained.

        Raises:
            UserError: if there are some, or an item has no class.
        """
        unknown = sorted({canonical(item.class_name) for item in items} - set(self.classes))
        if unknown:
            names = ", ".join(name or "(no class)" for name in unknown)
            raise UserError(f"{self.path}: trained for the classes {', '.join(self.classes)}, but items are of {names}")

    def input_of(self, photograph: np.ndarray) -> np.ndarray:
        """Resizes a photograph (H,W,3) uint8 to the size of the frames; it is not cropped, so a map covers all of it.

        Raises:
            UserError: if it is too long and narrow.
        """
        height, width = photograph.shape[:2]
        return resize(photograph, *frame_size(height, width, self.frames.short_side, self.frames.aspect))

    def maps(self, photographs: Sequence[np.ndarray], class_names: Sequence[str]) -> np.ndarray:
        """Computes a map for each photograph, see `grad_cam`.

        Args:
            photographs: results of `input_of`, all of one size.
            class_names: class of each photograph.

        Returns:
            Maps (N,h,w) float32, at least 0.
        """
        labels = torch.tensor([self.classes.index(canonical(name)) for name in class_names])
        clips = place(torch.from_numpy(np.stack(photographs)[:, None]), self.arithmetic)
        with self.arithmetic.autocast():
            maps = grad_cam(self.network, clips, labels.to(self.arithmetic.device))
        return maps.float().cpu().numpy()


def load_photograph_classifier(path: Path) -> PhotographClassifier:
    """Loads a network that was trained on photographs, on the best device.

    Args:
        path: checkpoint.pt of a run of resnet18, resnet50 or i3d_frames.

    Raises:
        UserError: if it is missing, damaged, or the checkpoint of another network.
    """
    if path.is_dir():
        raise UserError(f"{path}: is a folder; name the checkpoint.pt of a run")
    classifier = load_classifier(path)
    (member,) = classifier.members
    network = member.model.network
    if not isinstance(network, FrameNetwork):
        raise UserError(f"{path}: a network {member.settings.network}; Grad-CAM needs resnet18, resnet50 or i3d_frames")
    arithmetic = choose_arithmetic(member.settings.precision)
    torch.backends.cudnn.benchmark = False  # photographs have many sizes, and it would try its algorithms on each
    arithmetic.prepare(member.model)
    network.eval().requires_grad_(False)
    return PhotographClassifier(path, network, classifier.classes, member.decode, arithmetic)
