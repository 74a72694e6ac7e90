"""Sub-commands manifest, depth, synthesize, crop, decode and flow."""

from __future__ import annotations

import argparse
from typing import Any

from i2vadapt.commands.arguments import (
    add_gpus,
    add_settings,
    add_shard_output,
    add_workers,
    command,
    path,
    whole_number,
)
from i2vadapt.config.parsing import parse_json
from i2vadapt.config.preprocessing import CropSettings, DecodeSettings, DepthSettings, FlowSettings, SynthesisSettings
from i2vadapt.errors import UserError


def add_commands(commands: Any) -> None:
    """Adds the sub-commands."""
    _add_manifest(commands)
    _add_depth(commands)
    _add_synthesize(commands)
    _add_crop(commands)
    _add_decode(commands)
    _add_flow(commands)


def _add_manifest(commands: Any) -> None:
    parser = command(commands, "manifest", run_manifest, "list, label and check the items of one side of a benchmark")
    parser.add_argument("--benchmark", type=path, required=True, metavar="FILE", help="benchmark file (YAML)")
    parser.add_argument(
        "--side", choices=("source", "target"), required=True, help="side of the benchmark: photographs or videos"
    )
    parser.add_argument(
        "--min-frames", type=whole_number, default=2, metavar="N", help="exclude videos with fewer frames (2)"
    )
    parser.add_argument(
        "--out", type=path, required=True, metavar="DIR", help="folder for the dataset's manifest and item tables"
    )
    parser.add_argument(
        "--fingerprints",
        nargs="+",
        default=(),
        metavar="TEXT",
        help="fingerprint of each shard for contents.txt, by which the workflow sees what has changed (none)",
    )


def _add_depth(commands: Any) -> None:
    parser = command(
        commands, "depth", run_depth_command, "estimate inverse depth of photographs, of a shard or of plain images"
    )
    parser.add_argument(
        "images",
        nargs="*",
        type=path,
        metavar="IMAGE",
        help="plain images; their maps are written to --out as PNG of 16 bits",
    )
    parser.add_argument("--items", type=path, metavar="CSV", help="item table of the shard, from the stage manifest")
    add_settings(parser, "depth")
    add_shard_output(parser, "; for plain images a folder, or for a single image a .png", "FILE_OR_DIR")
    add_gpus(parser)


def _add_synthesize(commands: Any) -> None:
    parser = command(
        commands,
        "synthesize",
        run_synthesize_command,
        "generate videos from photographs, for a shard or from one image to .mp4",
    )
    parser.add_argument(
        "image", nargs="?", type=path, metavar="IMAGE", help="plain image; its clip is written to --out"
    )
    parser.add_argument("--items", type=path, metavar="CSV", help="item table of the shard, from the stage manifest")
    parser.add_argument("--depth", type=path, metavar="H5", help="shard of depth for the same items")
    parser.add_argument(
        "--depth-settings",
        default="",
        metavar="JSON",
        help="settings of section depth as a JSON object, used if a depth network is needed",
    )
    parser.add_argument(
        "--seed", type=whole_number, default=0, metavar="N", help="random seed of the camera motions (0)"
    )
    add_settings(parser, "synthesis")
    add_shard_output(parser, "; for a plain image a video, e.g. .mp4")
    add_workers(parser)


def _add_crop(commands: Any) -> None:
    parser = command(
        commands, "crop", run_crop_command, "generate videos from the photographs of a shard by crops, without depth"
    )
    parser.add_argument(
        "--items", type=path, required=True, metavar="CSV", help="item table of the shard, from the stage manifest"
    )
    parser.add_argument(
        "--classifier",
        type=path,
        metavar="FILE",
        help="checkpoint.pt of a network of single frames trained on photographs; needed with attention grad_cam",
    )
    parser.add_argument("--seed", type=whole_number, default=0, metavar="N", help="random seed of the crops (0)")
    add_settings(parser, "crops")
    add_shard_output(parser)
    add_workers(parser, kind="threads")
    add_gpus(parser)


def _add_decode(commands: Any) -> None:
    parser = command(commands, "decode", run_decode_command, "decode videos to a shard of frames")
    parser.add_argument(
        "--items", type=path, required=True, metavar="CSV", help="item table of the shard, from the stage manifest"
    )
    add_settings(parser, "decode")
    add_shard_output(parser)
    add_workers(parser)


def _add_flow(commands: Any) -> None:
    parser = command(
        commands,
        "flow",
        run_flow_command,
        "compute optical flow of a shard, of two images to .flo, or of a video to .mp4",
    )
    parser.add_argument("files", nargs="*", type=path, metavar="FILE", help="two images, or one video")
    parser.add_argument("--frames", type=path, metavar="H5", help="shard of frames")
    parser.add_argument("--depth", type=path, metavar="H5", help="shard of depth, for exact flow of generated frames")
    add_settings(parser, "flow")
    add_shard_output(parser, "; for two images a .flo, for a video a video, e.g. .mp4")
    add_workers(parser)
    add_gpus(parser)


def run_manifest(options: argparse.Namespace) -> None:
    """Sub-command manifest."""
    from i2vadapt.config.documents import load_benchmark
    from i2vadapt.data.manifest import make_manifest, write_manifest

    benchmark = load_benchmark(options.benchmark)
    manifest = make_manifest(benchmark, options.side, options.min_frames)
    shards = (benchmark.source if options.side == "source" else benchmark.target).shards
    write_manifest(manifest, shards, options.out, options.fingerprints)


def run_depth_command(options: argparse.Namespace) -> None:
    """Sub-command depth."""
    from i2vadapt.data.items import read_items
    from i2vadapt.depth.plain import estimate_files
    from i2vadapt.depth.stage import run_depth

    settings = parse_json(DepthSettings, options.settings, "--settings")
    _one_of(options.images, options.items, "IMAGE… or --items")
    if options.items:
        run_depth(read_items(options.items), options.out, settings, options.max_failed_share)
    else:
        estimate_files(options.images, options.out, settings)


def run_synthesize_command(options: argparse.Namespace) -> None:
    """Sub-command synthesize."""
    from i2vadapt.data.items import read_items
    from i2vadapt.synthesis.stage import run_synthesis

    settings = parse_json(SynthesisSettings, options.settings, "--settings")
    depth = parse_json(DepthSettings, options.depth_settings, "--depth-settings")
    _one_of(options.image, options.items, "IMAGE or --items")
    if options.image:
        # Imported here because the depth networks take seconds to import, and a shard that has its depth needs none.
        from i2vadapt.synthesis.plain import synthesize_file

        synthesize_file(options.image, options.out, settings, depth, options.seed)
        return
    if not options.depth:
        raise UserError("synthesize: --items needs --depth, the shard of depth for the same items")
    estimate = None
    if settings.depth == "re-estimated":
        from i2vadapt.synthesis.plain import depth_estimator

        estimate = depth_estimator(depth)
    items = read_items(options.items)
    run_synthesis(
        items, options.depth, options.out, settings, options.seed, options.workers, options.max_failed_share, estimate
    )


def run_crop_command(options: argparse.Namespace) -> None:
    """Sub-command crop."""
    from i2vadapt.data.items import read_items
    from i2vadapt.inference.crop_stage import run_crops

    settings = parse_json(CropSettings, options.settings, "--settings")
    items, threads = read_items(options.items), max(options.workers, 1)
    run_crops(items, options.classifier, options.out, settings, options.seed, threads, options.max_failed_share)


def run_decode_command(options: argparse.Namespace) -> None:
    """Sub-command decode."""
    from i2vadapt.data.decode import run_decode
    from i2vadapt.data.items import read_items

    settings = parse_json(DecodeSettings, options.settings, "--settings")
    run_decode(read_items(options.items), options.out, settings, options.workers, options.max_failed_share)


def run_flow_command(options: argparse.Namespace) -> None:
    """Sub-command flow."""
    settings = parse_json(FlowSettings, options.settings, "--settings")
    _one_of(options.files, options.frames, "two images, a video, or --frames")
    if options.frames:
        from i2vadapt.flow.stage import run_flow  # imported here because it does without PyAV, unlike the other two

        run_flow(options.frames, options.out, settings, options.workers, options.max_failed_share, options.depth)
    elif len(options.files) == 2:
        from i2vadapt.flow.plain import flow_of_images

        flow_of_images(options.files[0], options.files[1], options.out, settings)
    elif len(options.files) == 1:
        from i2vadapt.flow.plain import flow_of_video

        flow_of_video(options.files[0], options.out, settings)
    else:
        raise UserError(f"flow: FILE: must be two images or one video, not {len(options.files)} files")


def _one_of(plain: object, shard: object, wanted: str) -> None:
    if bool(plain) == bool(shard):
        raise UserError(f"specify exactly one of: {wanted}")
