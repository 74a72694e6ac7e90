"""Batch-norm statistics of a flow stream that starts from RGB weights."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from i2vadapt.models.stream_network import StreamNetwork
from i2vadapt.runtime.precision import Arithmetic


@torch.no_grad()
def calibrate_batch_norm(network: StreamNetwork, batches: Iterable[Tensor], arithmetic: Arithmetic) -> None:
    """Replaces the running statistics by their mean over some batches of flow.

    Flow is far weaker than RGB: most of it is nearly zero. Behind statistics of RGB the frozen layers would answer to
    any flow alike, so after a cross-modality initialisation they are estimated anew (Wang et al. 2016, "Temporal
    Segment Networks", do this for the first layer, the only one that they do not freeze).

    Args:
        network: the flow stream, changed in place; its training mode and momenta stay as they are.
        batches: (N,T,H,W,2) codes of flow.
        arithmetic: where and how to compute.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm3d)]
    was = [(norm.training, norm.momentum) for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # PyTorch's way to ask for the plain mean over batches
        norm.train()
    for clips in batches:
        with arithmetic.autocast():
            network.features(arithmetic.place(clips))
    for norm, (training, momentum) in zip(norms, was, strict=True):
        norm.momentum = momentum
        norm.train(training)
