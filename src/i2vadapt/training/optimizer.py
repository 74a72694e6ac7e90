"""The optimiser and its schedule (paper section 4.2)."""

from __future__ import annotations

import torch
from torch.optim.lr_scheduler import MultiStepLR

from i2vadapt.config.run import RunSettings
from i2vadapt.models.clip import ClipFrames
from i2vadapt.models.stream_network import RunNetwork


def build_optimizer(model: RunNetwork, settings: RunSettings) -> tuple[torch.optim.SGD, MultiStepLR]:
    """SGD over all weights that are trained, and the drops of its rate, which are the same for all.

    CLIP's image tower has a rate of its own (section 4.5); the paper names no other optimiser for it. The general rate
    comes first, where anything has it: it is the one that is recorded.
    """
    tower = model.network if isinstance(model.network, ClipFrames) else None
    in_tower = {id(weight) for weight in tower.parameters()} if tower is not None else set[int]()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in trained if id(weight) not in in_tower], "lr": settings.learning_rate},
        {"params": [weight for weight in trained if id(weight) in in_tower], "lr": settings.clip.learning_rate},
    ]
    optimizer = torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )
    # A share of a single epoch must not mean a drop before the first.
    milestones = [max(int(settings.epochs * part), 1) for part in settings.milestones]
    return optimizer, MultiStepLR(optimizer, milestones, settings.decay)
