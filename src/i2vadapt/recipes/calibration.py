"""Batch-norm statistics of a flow stream that starts from RGB weights."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable

import torch
from torch import nn

from i2vadapt.clips.batches import Sample
from i2vadapt.clips.placement import place
from i2vadapt.models.stream_network import StreamNetwork
from i2vadapt.runtime.precision import Arithmetic

_logger = logging.getLogger(__name__)

BATCHES = 16  # half of them from each domain


@torch.no_grad()
def calibrate_batch_norm(network: StreamNetwork, batches: Iterable[Sample], arithmetic: Arithmetic) -> None:
    """Replaces the running statistics by their means over a few batches of flow.

    Flow is far weaker than RGB: most of it is nearly zero. Normalised by statistics of RGB, the frozen layers would
    respond to any flow in the same way, so the statistics are estimated again after a cross-modality initialisation.
    Wang et al. (2016, "Temporal Segment Networks") do this for the first layer, the only one that they do not freeze.
    A network without batch norm, such as a transformer, is left unchanged.

    Args:
        network: network of a flow run, changed in place; its training modes and momenta are restored.
        batches: batches of flow clips; the first `BATCHES` are used.
        arithmetic: device and data type of the network.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm3d)]
    if not norms:
        return
    _logger.info("flow network starts from RGB weights: estimating its batch-norm statistics")
    previous = [(norm.training, norm.momentum) for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # makes PyTorch compute the plain mean over batches
        norm.train()
    for batch in itertools.islice(batches, BATCHES):
        with arithmetic.autocast():
            network.features(place(batch["clip"], arithmetic))
    for norm, (training, momentum) in zip(norms, previous, strict=True):
        norm.momentum = momentum
        norm.train(training)
