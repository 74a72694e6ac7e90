"""Training of `dpt_small`, the depth network that comes with the package, from scratch on rendered scenes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

import i2vadapt
from i2vadapt.depth.losses import scale_and_shift_invariant_loss
from i2vadapt.depth.metrics import DepthScores, depth_scores, mean_scores
from i2vadapt.depth.network import DepthNetwork
from i2vadapt.depth.predict import predict_inverse_depth
from i2vadapt.depth.registry import new_network
from i2vadapt.depth.small_data import DrawPair, Image, Scene, ScenePool, augment, random_crop
from i2vadapt.depth.spec import DepthModelSpec, depth_model_spec
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.runtime.progress import progress

_logger = logging.getLogger(__name__)
_FIRST_SCENES = 256  # drawn before the first step
_SCENES_PER_STEP = 2  # growth of the pool per step; fixed, so the result does not depend on the speed
_HELD_OUT_SIZE = (240, 320)


@dataclass(frozen=True)
class _Phase:
    """A phase of the training."""

    until: float  # share of the steps at which it ends
    sizes: tuple[tuple[int, int], ...]  # sizes of the crops, pixels
    batch_share: float  # batch size as a share of the configured one
    gradient_weight: float


# Most is learnt from many small images, which cost a fraction; the last phase adapts to the size used in prediction
# and to sharp outlines, which would only slow the start down.
_PHASES = (
    _Phase(0.7, ((96, 128), (128, 96), (112, 112)), 1.0, 0.1),
    _Phase(1.0, ((160, 192), (192, 160), (176, 176)), 0.5, 0.5),
)
_TRAINING, _HELD_OUT, _AUGMENTATION = range(3)  # purposes of a seed


def train_small(
    out: Path,
    draw: DrawPair,
    seed: int = 0,
    steps: int = 1800,
    batch_size: int = 16,
    learning_rate: float = 1.5e-3,
    held_out: int = 200,
    threads: int = 1,
) -> dict[str, DepthScores]:
    """Trains the network, scores it on held-out scenes, and writes the weights together with the scores.

    Args:
        out: `.safetensors` file to write; the scores go into its metadata and into a `.json` file of the same name.
        draw: draws a scene; also called in another thread.
        seed: random seed for weights, scenes and augmentation.
        steps: number of optimiser steps.
        batch_size: images per step; half as many in the last phase, where they are larger.
        learning_rate: peak learning rate; it is reached after a twentieth of the steps and then decays along a cosine
            to zero.
        held_out: number of scenes to score on.
        threads: CPU threads for training.

    Returns:
        Scores of the network, of a constant and of a ground plane (inverse depth linear in the image row).

    Raises:
        UserError: if `out` does not end in `.safetensors`, or a count is not positive.
    """
    if out.suffix != ".safetensors":
        raise UserError(f"{out}: the name of a file of depth weights must end in .safetensors")
    for name, value in (("steps", steps), ("batch_size", batch_size), ("held_out", held_out), ("threads", threads)):
        if value < 1:
            raise UserError(f"{name}: must be at least 1, not {value}")
    spec = depth_model_spec("dpt_small")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = new_network(spec, non_negative=False).to(memory_format=torch.channels_last)
    threads_before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        _optimise(network, draw, seed, steps, batch_size, learning_rate)
    finally:
        torch.set_num_threads(threads_before)
    released = new_network(spec, non_negative=True)
    released.load_state_dict(network.state_dict())
    scores = evaluate(released.eval(), draw, seed, held_out)
    settings = {"seed": seed, "steps": steps, "batch_size": batch_size, "learning_rate": learning_rate}
    _write(released, out, settings | {"held_out": held_out, "version": i2vadapt.__version__}, scores)
    return scores


def _optimise(
    network: DepthNetwork, draw: DrawPair, seed: int, steps: int, batch_size: int, learning_rate: float
) -> None:
    optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps + 1, pct_start=0.05)
    network.train()
    losses: list[float] = []
    total = _FIRST_SCENES + _SCENES_PER_STEP * steps
    with (
        ScenePool(draw, _seed_for(seed, _TRAINING), total) as pool,
        progress(steps, "training dpt_small", "step") as bar,
    ):
        for step in range(steps):
            scenes = pool.at_least(_FIRST_SCENES + _SCENES_PER_STEP * step)
            rng = np.random.default_rng([seed, _AUGMENTATION, step])
            phase = next(phase for phase in _PHASES if step < phase.until * steps)
            images, target = _batch(rng, scenes, phase, batch_size, network.spec)
            loss = scale_and_shift_invariant_loss(network(images), target, phase.gradient_weight)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
            bar.update()
            if (step + 1) % 50 == 0:
                _logger.info("step %d: loss %.3f", step + 1, np.mean(losses[-50:]))


def _batch(
    rng: np.random.Generator,
    scenes: list[Scene],
    phase: _Phase,
    batch_size: int,
    spec: DepthModelSpec,
) -> tuple[Tensor, Tensor]:
    """Images (N, 3, H, W) as input of the network, and inverse depth (N, H, W) in 1/metres."""
    size = phase.sizes[rng.integers(len(phase.sizes))]
    count = max(2, round(batch_size * phase.batch_share))  # batch normalisation needs two images
    crops = [random_crop(rng, scenes[k], size) for k in rng.integers(len(scenes), size=count)]
    colours = np.stack([augment(rng, image) for image, _ in crops])
    normalised = (colours - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    # The permuted view has the channels_last memory format already.
    images = torch.from_numpy(normalised).permute(0, 3, 1, 2)
    return images, torch.from_numpy(np.stack([inverse for _, inverse in crops]))


def evaluate(network: DepthNetwork, draw: DrawPair, seed: int, count: int) -> dict[str, DepthScores]:
    """Scores a network and two guesses that ignore the image, on scenes that training never draws.

    Args:
        network: network in evaluation mode.
        draw: draws a scene.
        seed: random seed of the training.
        count: number of scenes.

    Returns:
        Scores under the names "dpt_small", "constant" and "ground_plane".
    """
    height, width = _HELD_OUT_SIZE
    rows = np.broadcast_to(np.arange(height, dtype=np.float64)[:, None], (height, width))
    guesses: dict[str, Callable[[Image], NDArray[np.floating]]] = {
        network.spec.name: lambda image: predict_inverse_depth(network, image),
        "constant": lambda image: np.zeros(image.shape[:2]),
        "ground_plane": lambda image: rows,
    }
    scores: dict[str, list[DepthScores]] = {name: [] for name in guesses}
    with progress(count, "scoring on held-out scenes", "scene") as bar:
        for number in range(count):
            rng = np.random.default_rng([_seed_for(seed, _HELD_OUT), number])
            image, depth = draw(rng, _HELD_OUT_SIZE)
            for name, guess in guesses.items():
                scores[name].append(depth_scores(guess(image), depth))
            bar.update()
    return {name: mean_scores(rows_) for name, rows_ in scores.items()}


def _seed_for(seed: int, use: int) -> int:
    """A seed that is unique to this seed and use."""
    return 16 * seed + use


def _write(network: DepthNetwork, out: Path, settings: dict[str, object], scores: dict[str, DepthScores]) -> None:
    report = {"training": settings, "scores": {name: asdict(score) for name, score in scores.items()}}
    state = {key: value.contiguous() for key, value in network.state_dict().items()}
    write_atomically(out, safetensors.torch.save(state, {key: json.dumps(value) for key, value in report.items()}))
    write_atomically(out.with_suffix(".json"), (json.dumps(report, indent=2) + "\n").encode())
