"""Grad-CAM (Selvaraju et al. 2017): where in a photograph a trained network of single frames sees a class."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from i2vadapt.models.frame_network import FrameNetwork
from i2vadapt.runtime.precision import at_least_float32


def grad_cam(network: FrameNetwork, photographs: Tensor, labels: Tensor) -> Tensor:
    """Computes ReLU(sum_k w_k A_k), where A_k are the maps of the last stage and w_k the mean of dY/dA_k over the map.

    Y is the logit of the given class, whatever the network does between the pooled maps and the logits.

    Args:
        network: trained network in evaluation mode. Weights that need no gradient save the memory of a graph.
        photographs: clips of one frame (N, 3, 1, H, W) in [-1, 1].
        labels: class (N,) of each photograph, int64.

    Returns:
        Maps (N, H', W'), at least 0, in at least float32; H' is H / 32, rounded up. A map is 0 everywhere if nothing
        in the photograph speaks for the class.
    """
    maps: list[Tensor] = []

    def start_graph(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        maps.append(output.detach().requires_grad_())
        return maps[-1]

    hook = network.last_stage.register_forward_hook(start_graph)
    try:
        with torch.enable_grad():
            logits = network.classify(network.features(photographs))[..., 0]
            (gradients,) = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), maps)
    finally:
        hook.remove()
    weights = at_least_float32(gradients).mean(dim=(-2, -1), keepdim=True)
    found = (weights * at_least_float32(maps[0].detach())).sum(dim=1).relu()
    return found.flatten(0, -3)  # I3D's maps have an axis of time, of length 1
