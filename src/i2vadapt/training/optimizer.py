"""The optimiser and its schedule (paper section 4.2)."""

from __future__ import annotations

import torch
from torch.optim.lr_scheduler import MultiStepLR

from i2vadapt.config.run import TrainingSettings
from i2vadapt.models.clip import ClipFrames
from i2vadapt.models.stream_network import RunNetwork, StreamNetwork


def build_optimizer(model: RunNetwork, settings: TrainingSettings) -> tuple[torch.optim.SGD, MultiStepLR]:
    """Builds SGD over all trained weights, and its learning-rate schedule.

    CLIP's image tower has a learning rate of its own (section 4.5), with the same schedule; the paper names no other
    optimiser for it. The backbones of other networks may have a smaller one than their new layers. The group with the
    general rate comes first, unless it is empty, because the rate of the first group is the one that is recorded.

    Args:
        model: network of the run; frozen weights are left out.
        settings: settings of the run.

    Returns:
        The optimiser and its schedule, which steps once per epoch.
    """
    pretrained, rate = _pretrained(model.network, settings)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in trained if id(weight) not in pretrained], "lr": settings.learning_rate},
        {"params": [weight for weight in trained if id(weight) in pretrained], "lr": rate},
    ]
    optimizer = torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        fused=trained[0].device.type == "cuda" or None,  # one kernel; None leaves the choice to PyTorch
    )
    # With few epochs, a milestone may round to 0, which would drop the rate before the first epoch.
    milestones = [max(int(settings.epochs * part), 1) for part in settings.milestones]
    return optimizer, MultiStepLR(optimizer, milestones, settings.decay)


def _pretrained(network: StreamNetwork, settings: TrainingSettings) -> tuple[set[int], float]:
    """Identities of the weights that have a learning rate of their own, and that rate."""
    if isinstance(network, ClipFrames):
        return {id(weight) for weight in network.parameters()}, settings.clip.learning_rate
    if settings.backbone_rate == 1:
        return set(), settings.learning_rate
    new = {id(weight) for layer in network.new_layers() for weight in layer.parameters()}
    weights = {id(weight) for weight in network.parameters()} - new
    return weights, settings.backbone_rate * settings.learning_rate
