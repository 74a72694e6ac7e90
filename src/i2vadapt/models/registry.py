"""Networks by their name in the settings.

A new network needs a file in this folder with `build` and `initialise`, an entry in `MODULES`, and its name in
`config/networks.py`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from torch import nn

from i2vadapt.config.networks import NetworkName
from i2vadapt.config.run import TrainingSettings
from i2vadapt.models.stream_network import StreamNetwork

MODULES: dict[NetworkName, str] = {
    "i3d": "i2vadapt.models.i3d_weights",
    "i3d_frames": "i2vadapt.models.i3d_frames",
    "clip_vit_b32": "i2vadapt.models.clip",
    "resnet18": "i2vadapt.models.resnet",
    "resnet50": "i2vadapt.models.resnet",
    "mvit_v2_s": "i2vadapt.models.torchvision_video",
    "swin3d_t": "i2vadapt.models.torchvision_video",
    "s3d": "i2vadapt.models.torchvision_video",
    "r2plus1d_18": "i2vadapt.models.torchvision_video",
}


def build_network(settings: TrainingSettings, num_classes: int) -> StreamNetwork:
    """Builds the network of a run, with random weights.

    Args:
        settings: settings of the run.
        num_classes: number of classes C.
    """
    network: StreamNetwork = importlib.import_module(MODULES[settings.network]).build(settings, num_classes)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.momentum = settings.batch_norm_momentum
    return network


def initialise(network: StreamNetwork, settings: TrainingSettings, classes: Sequence[str]) -> None:
    """Loads the weights from which training starts.

    Args:
        network: network returned by `build_network`, changed in place.
        settings: settings of the run.
        classes: class names in the order of the labels.

    Raises:
        UserError: if a file cannot be read or does not fit.
    """
    importlib.import_module(MODULES[settings.network]).initialise(network, settings, classes)
