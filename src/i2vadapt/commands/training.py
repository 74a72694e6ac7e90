"""Sub-commands train, features, fuse."""

from __future__ import annotations

import argparse
import logging
import re
import sys
from pathlib import Path
from typing import Any, get_args

from i2vadapt.commands.arguments import (
    add_gpus,
    add_settings,
    add_workers,
    class_name,
    command,
    default_loaders,
    path,
    whole_number,
)
from i2vadapt.config.estimator import EstimatorSettings
from i2vadapt.config.methods import FusionWeights
from i2vadapt.config.names import repeated
from i2vadapt.config.parsing import parse, parse_object
from i2vadapt.config.recipes import settings_class
from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import UserError
from i2vadapt.runtime.launch import is_launched, launch


def add_commands(commands: Any) -> None:
    """Adds the sub-commands."""
    _add_train(commands)
    _add_features(commands)
    parser = command(commands, "fuse", run_fuse, "fuse the last scores of a method's runs into predictions")
    parser.add_argument("--runs", type=path, nargs="+", required=True, metavar="DIR", help="folders of finished runs")
    parser.add_argument("--title", required=True, metavar="TEXT", help="name of the method in the tables")
    parser.add_argument("--origin", default="", metavar="TEXT", help="work that the method follows, for the tables")
    parser.add_argument(
        "--weights",
        choices=get_args(FusionWeights),
        default="equal",
        help="weights of the runs: equal, or by what each knows of the source beyond chance (equal)",
    )
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="folder of the method")


def _add_train(commands: Any) -> None:
    parser = command(
        commands, "train", run_train, "train one network or fit an estimator, or resume after an interruption"
    )
    parser.add_argument("--source", type=path, required=True, metavar="DIR", help="dataset folder of the photographs")
    parser.add_argument("--target", type=path, required=True, metavar="DIR", help="dataset folder of the videos")
    parser.add_argument(
        "--classes",
        nargs="+",
        type=class_name,
        required=True,
        metavar="NAME",
        help="class names in the order of the network's labels; those of the manifests may have another order",
    )
    parser.add_argument("--seed", type=whole_number, default=0, metavar="N", help="random seed (0)")
    parser.add_argument(
        "--parents",
        nargs="+",
        type=parent,
        default=[],
        metavar="NAME=DIR",
        help="folders of the runs whose scores this run reads, e.g. that of bank.partner (none)",
    )
    parser.add_argument(
        "--features",
        nargs="+",
        type=parent,
        default=[],
        metavar="NAME=FILE",
        help="files of the features that an estimator reads, by the runs that its settings name (none)",
    )
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="folder of the run")
    add_settings(parser, "train")
    add_workers(parser, default=default_loaders())
    add_gpus(parser, ", one process each that trains on its part of every batch")


def _add_features(commands: Any) -> None:
    parser = command(commands, "features", run_features, "compute pooled features of photographs and videos")
    parser.add_argument(
        "--run", type=path, required=True, metavar="DIR", dest="folder", help="folder of a finished run"
    )
    parser.add_argument("--target", type=path, required=True, metavar="DIR", help="dataset folder of the videos")
    parser.add_argument(
        "--source",
        type=path,
        metavar="DIR",
        help="dataset folder of the photographs, which a network of single frames reads; others read the videos"
        " generated from them (none)",
    )
    parser.add_argument("--batch-size", type=whole_number, default=8, metavar="N", help="number of items per pass (8)")
    parser.add_argument(
        "--out", type=path, required=True, metavar="FILE", help="file to write: .h5 or, for notebooks, .npz or .parquet"
    )
    add_workers(parser, default=default_loaders())
    add_gpus(parser)


def parent(text: str) -> tuple[str, Path]:
    """Parses NAME=PATH, the name of a run and the folder or file of what is read from it.

    Raises:
        argparse.ArgumentTypeError: if the text has another form.
    """
    # The names of variants hold equal signs as well: rgb@local_weight=0.5
    found = re.fullmatch(r"([^@=]+(?:@[^@=]+=[^@=]+)*)=(.+)", text, re.DOTALL)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text}: must be NAME=PATH")
    return found[1], path(found[2])


def run_train(options: argparse.Namespace) -> None:
    """Runs sub-command train; with several GPUs, this process only starts and watches the training processes."""
    data = parse_object(options.settings, "--settings")
    settings = parse(settings_class(data, "--settings"), data, "--settings")
    classes = tuple(options.classes)
    given = {
        "--classes": [name.casefold() for name in classes],
        "--parents": [name for name, _ in options.parents],
        "--features": [name for name, _ in options.features],
    }
    for option, names in given.items():
        if repeated(names):
            raise UserError(f"{option}: {', '.join(repeated(names))} must not be listed twice")
    if isinstance(settings, TrainingSettings):
        _train_network(options, classes, settings)
        return
    if not isinstance(settings, EstimatorSettings):
        raise TypeError(f"recipe {settings.recipe} neither trains a network nor fits an estimator")
    from i2vadapt.training.estimation import run_estimator
    from i2vadapt.training.run import Run

    run_estimator(
        Run(
            options.out,
            options.source,
            options.target,
            classes,
            settings,
            options.seed,
            features=dict(options.features),
        )
    )


def _train_network(options: argparse.Namespace, classes: tuple[str, ...], settings: TrainingSettings) -> None:
    if options.gpus > 1 and not is_launched():
        launch(options.gpus, sys.argv[1:])
        return
    from i2vadapt.runtime.process_group import join_process_group
    from i2vadapt.training.loop import Trainer
    from i2vadapt.training.run import Run

    parents = dict(options.parents)
    run = Run(options.out, options.source, options.target, classes, settings, options.seed, options.workers, parents)
    with join_process_group() as group:
        if not group.is_main:
            logging.getLogger().setLevel(logging.WARNING)
        Trainer(run, group).train()


def run_features(options: argparse.Namespace) -> None:
    """Runs sub-command features."""
    from i2vadapt.inference.features import compute_features, write_features
    from i2vadapt.layout import RunFolder

    checkpoint = RunFolder(options.folder).checkpoint
    found = compute_features(checkpoint, options.source, options.target, options.batch_size, options.workers)
    write_features(options.out, found)


def run_fuse(options: argparse.Namespace) -> None:
    """Runs sub-command fuse and prints the accuracies."""
    from i2vadapt.inference.method import fuse_runs

    for name, value in fuse_runs(options.runs, options.title, options.out, options.origin, options.weights).items():
        sys.stdout.write(f"{name} {value:.4f}\n")
