"""Time of a training step and an evaluation pass, compared with the plain layout of the method's released trainer.

    python perf/training.py [--batch 2] [--frames 16] [--side 224] [--rounds 2] [--threads 1]

The step has all passes of the full method: classification by RGB and by flow, pace prediction by RGB, then SGD. The
plain layout is contiguous float32, with explicit zero padding before every convolution and pooling, frozen layers that
normalise by the batch, and one backward pass for the sum of the losses. The row "same reading" computes exactly that
function with the project's layout; the row "paper" is the default reading: fewer frozen layers, which normalise by
their running statistics. Weights are random, dropout is off. All rows alternate in one process; the best round counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.config.parsing import parse
from i2vadapt.config.recipes.video import Settings
from i2vadapt.inference.scoring import score_clips
from i2vadapt.models.layers import SameMaxPool3d, Unit3D, same_padding
from i2vadapt.recipes.base import Context
from i2vadapt.recipes.video import Recipe
from i2vadapt.runtime.precision import Arithmetic, choose_arithmetic

CLASSES = 13
RELEASED = {"frozen": "MaxPool3d_4a_3x3", "frozen_batch_norm": "train"}
Batch = dict[str, Tensor]


def padded(module: Unit3D | SameMaxPool3d, x: Tensor) -> Tensor:
    """Pads a copy with zeros, as layers with SAME padding are usually implemented."""
    pads = [same_padding(*sizes) for sizes in zip(x.shape[2:], module.kernel, module.stride, strict=True)]
    return F.pad(x, [amount for pair in reversed(pads) for amount in pair])


def plain_unit(module: Unit3D, x: Tensor) -> Tensor:
    """Pads, convolves, normalises and applies a ReLU."""
    x = module.conv3d(padded(module, x))
    return x if module.bn is None else F.relu(module.bn(x))


def plain_pool(module: SameMaxPool3d, x: Tensor) -> Tensor:
    """Pads and pools."""
    return F.max_pool3d(padded(module, x), module.kernel, module.stride)


def make_plain(model: nn.Module) -> None:
    """Replaces the forward passes of the layers by the plain ones."""
    for module in model.modules():
        if isinstance(module, Unit3D):
            module.forward = MethodType(plain_unit, module)  # type: ignore[method-assign]
        elif isinstance(module, SameMaxPool3d):
            module.forward = MethodType(plain_pool, module)  # type: ignore[method-assign]


@dataclass
class Way:
    """A way of training: a recipe for each stream, and whether a step has one joint backward pass."""

    recipes: dict[str, Recipe]
    arithmetic: Arithmetic
    joint: bool

    @classmethod
    def make(
        cls, arithmetic: Arithmetic, changes: dict[str, Any], plain: bool, streams: Sequence[str] = ("rgb", "flow")
    ) -> Way:
        """Builds a way of training; all have the same random weights."""
        recipes = {}
        for stream in streams:
            document = {"stream": stream, "bank": None, "dropout": 0.0, "init": {"rgb": None}, **changes}
            settings = parse(Settings, document, "perf").relevant()
            torch.manual_seed(0)
            # Batches are made here, so that the recipe needs neither data nor loaders.
            context = Context(tuple(map(str, range(CLASSES))), 0, None, None, arithmetic)  # type: ignore[arg-type]
            recipes[stream] = Recipe(settings, context)
            arithmetic.prepare(recipes[stream].model)
            if plain:
                make_plain(recipes[stream].model)
        return cls(recipes, arithmetic, plain)

    def step(self, batch: Batch) -> float:
        """Performs one step of SGD and returns the loss."""
        losses = []
        for stream, recipe in self.recipes.items():
            recipe.model.train()
            for part in recipe.loss_parts(training_batch(batch, stream), 0.0):
                losses.append(torch.stack(list(part.terms.values())).sum())
                if not self.joint:
                    losses[-1].backward()
                    losses[-1] = losses[-1].detach()
        if self.joint:
            torch.stack(losses).sum().backward()
        for recipe in self.recipes.values():
            weights = [weight for weight in recipe.model.parameters() if weight.grad is not None]
            torch.optim.SGD(weights, lr=0.0, momentum=0.9).step()
            recipe.model.zero_grad(set_to_none=True)
        return float(torch.stack(losses).sum().detach())

    def evaluate(self, batch: Batch) -> np.ndarray:
        """Fused scores of a batch of test clips."""
        parts = [
            score_clips(recipe.model, [{"clip": batch[stream]}], self.arithmetic, recipe.settings.fusion)[0]
            for stream, recipe in self.recipes.items()
        ]
        return np.sum(parts, axis=0)

    def kept(self, batch: Batch) -> float:
        """Megabytes of activations that the RGB pass keeps for the backward pass."""
        recipe = self.recipes["rgb"]
        recipe.model.train()
        parameters = {weight.untyped_storage().data_ptr() for weight in recipe.model.parameters()}
        storages: dict[int, int] = {}

        def note(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in parameters:
                storages[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            part = next(recipe.loss_parts(training_batch(batch, "rgb"), 0.0))
        del part
        return sum(storages.values()) / 1e6


def training_batch(batch: Batch, stream: str) -> tuple[Batch, Batch, None]:
    """The batch of a step of one stream: source clips with labels, paced clips, no clips for a transfer loss."""
    whole = torch.tensor(1.0)
    source = {"clip": batch[stream], "label": batch["label"], "share": whole}
    return source, {"clip": batch["paced"], "pace": batch["pace"], "share": whole}, None


def random_batch(count: int, frames: int, side: int) -> Batch:
    """Smooth random clips in 8 bits, since independent noise at every pixel would not resemble images."""
    generator = torch.Generator().manual_seed(1)

    def clips(channels: int) -> Tensor:
        coarse = torch.rand(count, channels, frames, side // 8, side // 8, generator=generator) * 255
        return F.interpolate(coarse, (frames, side, side), mode="trilinear").byte().permute(0, 2, 3, 4, 1)

    labels = torch.arange(count) % CLASSES
    batch = {"rgb": clips(3), "flow": clips(2), "paced": clips(3), "label": labels, "pace": labels % 5 + 1}
    return batch | {"index": torch.arange(count)}


def best_times(actions: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Best time and last result of each action; the actions alternate, after one warm-up round."""
    times: dict[str, float] = {}
    results: dict[str, Any] = {}
    for turn in range(rounds + 1):
        for name, action in actions.items():
            started = time.perf_counter()
            results[name] = action()
            if turn:
                times[name] = min(times.get(name, np.inf), time.perf_counter() - started)
    return times, results


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=2, help="clips per batch (2)")
    parser.add_argument("--frames", type=int, default=16, help="frames per clip (16)")
    parser.add_argument("--side", type=int, default=224, help="side of the clips, pixels (224)")
    parser.add_argument("--rounds", type=int, default=2, help="number of rounds, of which the best counts (2)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (1)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    auto, plain = choose_arithmetic("auto"), Arithmetic(torch.device("cpu"), torch.float32)
    ways = {
        "plain, released reading": Way.make(plain, RELEASED, True),
        "same reading": Way.make(auto, RELEASED, False),
        "paper": Way.make(auto, {}, False),
    }
    batch = random_batch(options.batch, options.frames, options.side)
    times, losses = best_times({name: lambda way=way: way.step(batch) for name, way in ways.items()}, options.rounds)
    first = times["plain, released reading"]
    print(f"training step, batch {options.batch} of {options.frames} x {options.side}^2, {options.threads} threads")
    print(f"{'':26} {'seconds':>8} {'times':>6} {'loss':>8} {'kept MB':>8}")
    for name, way in ways.items():
        print(f"{name:26} {times[name]:8.2f} {first / times[name]:6.1f} {losses[name]:8.4f} {way.kept(batch):8.0f}")
    test = random_batch(options.batch, 2 * options.frames, options.side)
    two = {name: ways[name] for name in list(ways)[:2]}
    times, scores = best_times({name: lambda way=way: way.evaluate(test) for name, way in two.items()}, options.rounds)
    first = times["plain, released reading"]
    print(f"evaluation, {2 * options.frames} frames, RGB and flow")
    print(f"{'':26} {'videos/s':>8} {'times':>6} {'largest difference of scores':>30}")
    for name in two:
        error = float(np.abs(scores[name] - scores["plain, released reading"]).max())
        print(f"{name:26} {options.batch / times[name]:8.2f} {first / times[name]:6.1f} {error:30.5f}")


if __name__ == "__main__":
    main()
