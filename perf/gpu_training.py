"""Section `training` of `perf/gpu.py`: clips per second of training steps of I3D, for each stream.

The plain layout is contiguous float32 by PyTorch's defaults (so with TF32 in convolutions), explicit padding, one
backward pass for the sum of the losses, and no fused optimiser. Ours is what the trainer does, on batches that lie in
pinned memory. Both read the paper in the default way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from gpu_table import Table, device, seconds_of

import training
from i2vadapt.inference.scoring import score_clips
from i2vadapt.recipes.video import Recipe
from i2vadapt.runtime.precision import Arithmetic
from i2vadapt.training.optimizer import build_optimizer

BATCH, FRAMES, SIDE = 16, 16, 224


@dataclass
class Stepper:
    """Training steps of one stream, in one way."""

    recipe: Recipe
    joint: bool
    optimizer: torch.optim.Optimizer

    @classmethod
    def make(cls, stream: str, arithmetic: Arithmetic, plain: bool) -> Stepper:
        """Builds the network, in the plain layout or in ours."""
        recipe = training.Way.make(arithmetic, {}, plain).recipes[stream]
        recipe.model.train()
        if plain:
            weights = [weight for weight in recipe.model.parameters() if weight.requires_grad]
            return cls(recipe, True, torch.optim.SGD(weights, lr=1e-4, momentum=0.9, foreach=False))
        return cls(recipe, False, build_optimizer(recipe.model, recipe.settings)[0])

    def step(self, batch: training.Batch) -> None:
        """Performs one step."""
        self.optimizer.zero_grad(set_to_none=True)
        losses = []
        for part in self.recipe.loss_parts(batch, 0.0):
            losses.append(torch.stack(list(part.terms.values())).sum())
            if not self.joint:
                losses[-1].backward()
        if self.joint:
            torch.stack(losses).sum().backward()
        self.optimizer.step()
        float(torch.stack(losses).sum().detach())


def pinned(batch: training.Batch) -> training.Batch:
    """The batch in pinned memory, as loaders deliver it to a GPU."""
    return {name: values.pin_memory() for name, values in batch.items()} if torch.cuda.is_available() else batch


def measure(table: Table) -> None:
    """Prints the rows."""
    count, frames, side = (2, 8, 32) if table.tiny else (BATCH, FRAMES, SIDE)
    batch = training.random_batch(count, frames, side)
    where = torch.device(device())
    plain, fast = Arithmetic(where, torch.float32), Arithmetic(where, torch.bfloat16)
    for stream in ("rgb", "flow"):
        first = float("nan")
        ways = {
            "plain layout": (plain, True, False),
            "ours": (fast, False, False),
            "ours, cudnn.benchmark": (fast, False, True),
            "ours in float32, cudnn.benchmark": (plain, False, True),
            "ours, cudnn.benchmark, compiled": (fast, False, True),
        }
        for name, (arithmetic, is_plain, choose) in ways.items():
            if table.tiny and "compiled" in name:
                continue
            with table.attempt(f"{stream}: {name}"):
                torch.backends.cudnn.benchmark = choose
                stepper = Stepper.make(stream, arithmetic, is_plain)
                if "compiled" in name:
                    stepper.recipe.model.network.compile()
                sample = training.training_batch(batch if is_plain else pinned(batch), stream)
                clips = count * (2 if stream == "rgb" else 1)
                rate = clips / seconds_of(partial(stepper.step, sample), 2.0)
                first = rate if is_plain else first
                table.row(
                    f"step {stream} {frames}x{side}^2, batch {count}: {name}", rate, "clips", f"{rate / first:.1f} x"
                )
        evaluate(table, stream, fast, count, frames, side)


def evaluate(table: Table, stream: str, arithmetic: Arithmetic, count: int, frames: int, side: int) -> None:
    """Prints the row of an evaluation pass over clips of twice as many frames."""
    with table.attempt(f"evaluation {stream}"):
        recipe = training.Way.make(arithmetic, {}, False).recipes[stream]
        clips = {"clip": training.random_batch(count, 2 * frames, side)[stream]}
        forward = partial(score_clips, recipe.model, [clips], arithmetic, recipe.settings.fusion)
        table.row(
            f"evaluation {stream} {2 * frames}x{side}^2, batch {count}", count / seconds_of(forward, 1.0), "clips"
        )
