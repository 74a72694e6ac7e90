"""Sub-commands train, evaluate, predict."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from i2vadapt.commands.arguments import (
    add_gpus,
    add_settings,
    add_workers,
    command,
    default_loaders,
    whole_number,
)
from i2vadapt.config import TrainSettings
from i2vadapt.config.parsing import parse_json
from i2vadapt.errors import UserError
from i2vadapt.runtime.launch import is_launched, launch


def add_commands(commands: Any) -> None:
    """Adds the sub-commands."""
    parser = command(commands, "train", run_train, "train a run, or go on with it after an interruption")
    parser.add_argument("--source", type=Path, required=True, metavar="DIR", help="dataset folder of the photographs")
    parser.add_argument("--target", type=Path, required=True, metavar="DIR", help="dataset folder of the videos")
    parser.add_argument(
        "--classes", nargs="+", required=True, metavar="NAME", help="classes in the order of their labels"
    )
    parser.add_argument("--seed", type=whole_number, default=0, metavar="N", help="of everything random (0)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    add_settings(parser, "train")
    add_workers(parser, default=default_loaders())
    add_gpus(parser, ", a process each that trains its part of every batch")

    parser = command(commands, "evaluate", run_evaluate, "score a dataset with a trained classifier")
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="FILE", help="checkpoint.pt of a run")
    parser.add_argument("--target", type=Path, required=True, metavar="DIR", help="dataset folder of the videos")
    parser.add_argument("--batch-size", type=whole_number, default=8, metavar="N", help="videos in a pass (8)")
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="table of predictions to write")
    add_workers(parser, default=default_loaders())
    add_gpus(parser)

    parser = command(commands, "predict", run_predict, "classify plain video files")
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="checkpoint.pt of a run")
    parser.add_argument("videos", type=Path, nargs="+", metavar="VIDEO", help="video files")
    parser.add_argument("--top", type=whole_number, default=3, metavar="N", help="classes shown (3)")


def run_train(options: argparse.Namespace) -> None:
    """Sub-command train; with several GPUs this process only starts those that train, and watches them."""
    settings = parse_json(TrainSettings, options.settings, "--settings")
    if options.gpus > 1 and not is_launched():
        launch(options.gpus, sys.argv[1:])
        return
    from i2vadapt.runtime.process_group import join_process_group
    from i2vadapt.training.loop import Trainer
    from i2vadapt.training.run import Run

    run = Run(
        options.out, options.source, options.target, tuple(options.classes), settings, options.seed, options.workers
    )
    with join_process_group() as group:
        if not group.is_main:
            logging.getLogger().setLevel(logging.WARNING)
        Trainer(run, group).train()


def run_evaluate(options: argparse.Namespace) -> None:
    """Sub-command evaluate."""
    from i2vadapt.inference.trained import evaluate, load_trained

    results = evaluate(
        load_trained(options.checkpoint), options.target, options.out, max(options.batch_size, 1), options.workers
    )
    for name, value in results.items():
        sys.stdout.write(f"{name} {value:.4f}\n")


def run_predict(options: argparse.Namespace) -> None:
    """Sub-command predict: one line a video; a video that can't be read is told and the others go on."""
    from i2vadapt.inference.trained import load_trained, predict_video

    trained = load_trained(options.checkpoint)
    problems = []
    for video in options.videos:
        try:
            scores = predict_video(trained, video)
        except UserError as error:
            problems.append(str(error))
            continue
        best = scores.argsort()[::-1][: options.top]
        told = ", ".join(f"{trained.classes[label]} {scores[label]:.3f}" for label in best)
        sys.stdout.write(f"{str(video).encode('utf-8', 'replace').decode()}: {told}\n")
    if problems:
        raise UserError("\n".join(problems))
