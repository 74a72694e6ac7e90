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
    def make(cls, stream: str, dtype: torch.dtype, plain: bool) -> Stepper:
        """Builds the network, in the plain layout or in ours."""
        arithmetic = Arithmetic(torch.device(device()), dtype)
        recipe = training.Way.make(arithmetic, {}, plain, (stream,)).recipes[stream]
        recipe.model.train()
        if plain:
            weights = [weight for weight in recipe.model.parameters() if weight.requires_grad]
            return cls(recipe, True, torch.optim.SGD(weights, lr=1e-4, momentum=0.9, foreach=False))
        return cls(recipe, False, build_optimizer(recipe.model, recipe.settings)[0])

    def step(self, batch: training.Batch) -> None:
        """Performs one step; in the plain layout, the host then waits for the loss."""
        self.optimizer.zero_grad(set_to_none=True)
        losses = []
        for part in self.recipe.loss_parts(batch, 0.0):
            losses.append(torch.stack(list(part.terms.values())).sum())
            if not self.joint:
                losses[-1].backward()
        if self.joint:
            torch.stack(losses).sum().backward()
        self.optimizer.step()
        if self.joint:
            float(torch.stack(losses).sum().detach())


def pinned(batch: training.Batch) -> training.Batch:
    """The batch in pinned memory, as loaders deliver it to a GPU."""
    return {name: values.pin_memory() for name, values in batch.items()} if torch.cuda.is_available() else batch


def sizes(tiny: bool) -> tuple[int, int, int]:
    """Clips of a batch, frames of a clip, side of a frame."""
    return (2, 8, 32) if tiny else (BATCH, FRAMES, SIDE)


def step_rate(stepper: Stepper, batch: training.Batch, stream: str, seconds: float = 1.5) -> float:
    """Clips per second of training steps, by the best of several series of five steps."""
    sample, steps = training.training_batch(batch, stream), 5
    clips = sum(len(part["clip"]) for part in sample if part is not None) if stream == "rgb" else len(batch["flow"])
    for _ in range(3):  # chooses algorithms
        stepper.step(sample)
    series = partial(_repeat, stepper, sample, steps)
    return steps * clips / seconds_of(series, seconds, warm_up=False)


def _repeat(stepper: Stepper, sample: training.Batch, steps: int) -> None:
    for _ in range(steps):
        stepper.step(sample)


def measure(table: Table) -> None:
    """Prints the rows."""
    count, frames, side = sizes(table.tiny)
    batch = training.random_batch(count, frames, side)
    ways = {
        "plain layout": (torch.float32, True, False),
        "ours": (torch.bfloat16, False, True),
        "ours, without cudnn.benchmark": (torch.bfloat16, False, False),
        "ours in float32": (torch.float32, False, True),
    }
    for stream in ("rgb", "flow"):
        first = float("nan")
        for name, (dtype, plain, choose) in ways.items():
            with table.attempt(f"{stream}: {name}"):
                torch.backends.cudnn.benchmark = choose
                stepper = Stepper.make(stream, dtype, plain)
                rate = step_rate(stepper, batch if plain else pinned(batch), stream)
                first = rate if plain else first
                title = f"step {stream} {frames}x{side}^2, batch {count}: {name}"
                table.row(title, rate, "clips", f"{rate / first:.1f} x")
                if name == "ours":
                    evaluate(table, stepper.recipe, stream, count, frames, side)
                    stepper.recipe.model.train()


def evaluate(table: Table, recipe: Recipe, stream: str, count: int, frames: int, side: int) -> None:
    """Prints the row of an evaluation pass over clips of twice as many frames."""
    clips = [pinned({"clip": training.random_batch(count, 2 * frames, side)[stream]})] * 3
    forward = partial(score_clips, recipe.model, clips, recipe.context.arithmetic, recipe.settings.fusion)
    rate = len(clips) * count / seconds_of(forward, 0.5)
    table.row(f"evaluation {stream} {2 * frames}x{side}^2, batch {count}", rate, "clips")
