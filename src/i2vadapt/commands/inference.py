"""Sub-commands evaluate, predict, export."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, Any

from i2vadapt.commands.arguments import (
    add_gpus,
    add_workers,
    command,
    default_loaders,
    number,
    path,
    positive_number,
    whole_number,
)
from i2vadapt.errors import UserError

if TYPE_CHECKING:
    from i2vadapt.inference.predict import Prediction


def add_commands(commands: Any) -> None:
    """Adds the sub-commands."""
    parser = command(commands, "evaluate", run_evaluate, "score a dataset with a trained classifier")
    _add_classifier(parser)
    parser.add_argument("--target", type=path, required=True, metavar="DIR", help="dataset folder of the videos")
    _add_batch_size(parser)
    parser.add_argument("--out", type=path, required=True, metavar="CSV", help="table of predictions to write")
    add_workers(parser, default=default_loaders())
    add_gpus(parser)
    _add_predict(commands)
    _add_export(commands)


def _add_predict(commands: Any) -> None:
    parser = command(commands, "predict", run_predict, "classify plain video files, as a whole or window by window")
    _add_classifier(parser)
    parser.add_argument("videos", type=path, nargs="+", metavar="VIDEO", help="video files, or folders of them")
    parser.add_argument(
        "--sliding",
        type=duration,
        metavar="SECONDS",
        help="classify windows of that length, each of which begins in the middle of the one before (the whole video)",
    )
    parser.add_argument("--top", type=positive_number, default=3, metavar="N", help="number of classes to print (3)")
    parser.add_argument("--csv", type=path, metavar="FILE", help="table of all probabilities to write (none)")
    parser.add_argument("--json", type=path, metavar="FILE", help="the same as a JSON document (none)")
    parser.add_argument(
        "--annotate",
        type=path,
        metavar="FILE",
        help="video to write, e.g. .mp4: the only one that is named, with the probabilities drawn on its frames (none)",
    )
    _add_batch_size(parser)
    add_workers(parser, kind="threads")
    add_gpus(parser)


def _add_export(commands: Any) -> None:
    parser = command(commands, "export", run_export, "write a classifier with a model card, for use elsewhere")
    _add_classifier(parser)
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--data-licence",
        default="",
        metavar="TEXT",
        help="licences of the photographs and videos, for the model card (not known)",
    )


def _add_classifier(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "classifier",
        type=path,
        metavar="CLASSIFIER",
        help="folder of a method, whose runs are all used, a checkpoint.pt, or a folder that `export` wrote",
    )


def _add_batch_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch-size", type=whole_number, default=8, metavar="N", help="number of clips per pass (8)")


def duration(text: str) -> float:
    """Parses a number of seconds greater than 0."""
    value = number(text, "a number of seconds")
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be greater than 0, not {text}")
    return value


def run_evaluate(options: argparse.Namespace) -> None:
    """Runs sub-command evaluate and prints the accuracies."""
    from i2vadapt.inference.classifier import load_classifier
    from i2vadapt.inference.evaluate import evaluate

    classifier = load_classifier(options.classifier)
    values = evaluate(classifier, options.target, options.out, max(options.batch_size, 1), options.workers)
    for name, value in values.items():
        sys.stdout.write(f"{name} {value:.4f}\n")


def run_predict(options: argparse.Namespace) -> None:
    """Runs sub-command predict: prints and writes the probabilities of each video or window as they come.

    Raises:
        UserError: if videos could not be predicted, whatever exception they caused; the others are predicted first.
    """
    from i2vadapt.data.video import check_video_name
    from i2vadapt.data.video_files import find_videos
    from i2vadapt.inference.classifier import load_classifier
    from i2vadapt.inference.predict import predict_videos
    from i2vadapt.inference.prediction_tables import TerminalTable, write_csv, write_json
    from i2vadapt.runtime.progress import progress

    classifier = load_classifier(options.classifier)
    videos = find_videos(options.videos)
    if options.annotate and len(videos) != 1:
        raise UserError(f"--annotate: needs one video, not {len(videos)}")
    if options.annotate:
        check_video_name(options.annotate)  # before the work of minutes
    table = TerminalTable([video.path for video in videos], classifier.classes, options.top, bool(options.sliding))
    sizes = max(options.batch_size, 1), max(options.workers, 1)
    predictions: list[Prediction] = []
    total = len(videos)
    with progress(total, "predict", "window" if options.sliding else "video") as bar:
        bar.print(table.header())
        for prediction in predict_videos(classifier, videos, options.sliding, *sizes):
            if not predictions or predictions[-1].video != prediction.video:
                total += max(prediction.spans - 1, 0)
                bar.expect(total)
            for line in table.lines(prediction):
                bar.print(line)
            predictions.append(prediction)
            bar.update()
    if options.csv:
        write_csv(options.csv, predictions, classifier.classes)
    if options.json:
        write_json(options.json, predictions, classifier.classes)
    problems = dict.fromkeys(prediction.problem for prediction in predictions if prediction.problem)
    if options.annotate and not problems:
        from i2vadapt.inference.annotate import annotate

        annotate(videos[0].path, options.annotate, predictions, classifier.classes, options.top)
    if problems:
        raise UserError("\n".join(problems))


def run_export(options: argparse.Namespace) -> None:
    """Runs sub-command export and lists the files, and why others could not be made."""
    from i2vadapt.inference.export import export

    for line in export(options.classifier, options.out, options.data_licence):
        sys.stdout.write(f"{line}\n")
