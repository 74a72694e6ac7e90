from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from i2vadapt.config.datasets import load_datasets
from i2vadapt.config.documents import Benchmark, Config, class_key, load_benchmark
from i2vadapt.config.parsing import parse, read_yaml
from i2vadapt.config.recipes import video
from i2vadapt.config.resolve import read_config, resolve
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.schema import schemas, write_schemas
from i2vadapt.config.settings import PRESETS
from i2vadapt.data.manifest import make_manifest
from i2vadapt.errors import UserError

WORKFLOW = Path(__file__).parents[2] / "workflow"
NAMES = ["EtoH", "BtoU", "StoU"]
SHARD = 256


def benchmark_of(name: str) -> Benchmark:
    return load_benchmark(WORKFLOW / "benchmarks" / f"{name}.yaml")


def resolved(preset: str, names: list[str] | None = None) -> dict[str, ResolvedBenchmark]:
    methods = ["full", "cfb_dan", "clip_so_rgb", "clip_full"]
    config = parse(Config, {"benchmarks": names or NAMES, "preset": preset, "methods": methods}, "config")
    return {part.benchmark.name: part for part in resolve(config, WORKFLOW)}


def run_of(part: ResolvedBenchmark, name: str) -> video.Settings:
    run = part.runs[name]
    assert isinstance(run, video.Settings)
    return run


@pytest.mark.parametrize("preset", PRESETS)
def test_all_three_run_together(preset: str) -> None:
    parts = resolved(preset)
    assert list(parts) == NAMES
    datasets = load_datasets(parts.values())
    assert {name for name in datasets if not name.endswith("-crops")} == {
        "EADs-13",
        "HMDB51-13",
        "BU101",
        "UCF101",
        "Stanford40-12",
        "UCF101-12",
    }


# Section 4.2 of the paper: rate, batch, epochs, lambda_1, lambda_2.
@pytest.mark.parametrize(
    ("name", "figures"),
    [("EtoH", (0.05, 16, 60, 1, 0.2)), ("BtoU", (0.1, 32, 30, 20, 0.001)), ("StoU", (0.015, 32, 20, 1, 0.01))],
)
@pytest.mark.parametrize("preset", PRESETS)
def test_hyper_parameters_of_the_paper(name: str, figures: tuple[float, ...], preset: str) -> None:
    rgb, flow = run_of(resolved(preset)[name], "rgb_pace"), run_of(resolved(preset)[name], "flow_bank_pace")
    assert rgb.pace is not None
    assert flow.bank is not None
    assert (rgb.learning_rate, rgb.batch_size, rgb.epochs, rgb.local_weight, rgb.pace.weight) == figures
    assert (flow.learning_rate, flow.batch_size, flow.epochs) == figures[:3]
    assert (rgb.pace.classes, flow.bank.warmup_epochs, flow.bank.capacity) == (5, 10, 60)
    assert (rgb.momentum, rgb.weight_decay, rgb.decay) == (0.9, 1e-4, 0.1)
    drops = [int(rgb.epochs * part) for part in rgb.milestones]
    of_paper = {"EtoH": [30, 40], "BtoU": [15, 20], "StoU": [10, 13]}
    of_code = {**of_paper, "StoU": [10, 15]}
    assert drops == (of_code if preset == "released" else of_paper)[name]


# Section 4.5: epochs and warm-up of CLIP for E->H and S->U; B->U has no row in Table 5.
@pytest.mark.parametrize(("name", "epochs", "warmup"), [("EtoH", 40, 10), ("StoU", 20, 5)])
def test_hyper_parameters_of_clip(name: str, epochs: int, warmup: int) -> None:
    part = resolved("paper")[name]
    assert run_of(part, "rgb_pace").network == "i3d"
    assert run_of(part, "rgb_pace").epochs == (60 if name == "EtoH" else 20)
    rgb, paced, flow = (run_of(part, run) for run in ("clip_rgb", "clip_rgb_pace", "clip_flow_bank_pace"))
    assert flow.bank is not None
    assert (flow.epochs, flow.bank.warmup_epochs, flow.batch_size, flow.network) == (epochs, warmup, 8, "i3d")
    assert (paced.epochs, paced.clip.learning_rate, paced.has_pace_head) == (epochs, 5e-5, True)
    assert (rgb.epochs, rgb.batch_size, rgb.stream, rgb.network) == (epochs, 8, "rgb", "clip_vit_b32")
    assert (rgb.clip.prompt, rgb.has_pace_head) == ("a video of a person {}.", False)


@pytest.mark.parametrize(("name", "weight"), [("EtoH", 0.05), ("StoU", 0.3)])
def test_weight_of_the_transfer_loss(name: str, weight: float) -> None:
    assert {run_of(resolved("paper")[name], run).transfer.weight for run in ("rgb_dan", "flow_bank_dan")} == {weight}


def test_a_benchmark_cannot_change_a_run_that_does_not_exist(tmp_path: Path) -> None:
    text = (WORKFLOW / "benchmarks" / "StoU.yaml").read_text().replace("  clip_rgb:", "  clip_rg:")
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match=r"mine\.yaml: runs: no run 'clip_rg' in methods\.yaml"):
        resolved("paper", [str(tmp_path / "mine.yaml")])


@pytest.mark.parametrize(
    ("settings", "files"),
    [
        ({}, ["i3d"]),
        ({"stream": "flow"}, ["i3d"]),  # the RGB weights, averaged over colour
        ({"init": {"rgb": "i3d", "flow": "f"}}, ["i3d"]),
        ({"stream": "flow", "init": {"rgb": "i3d", "flow": "f"}}, ["f"]),
        ({"network": "clip_vit_b32"}, ["c"]),
        ({"network": "clip_vit_b32", "clip": {"weights": None}}, []),
        ({"network": "resnet18", "resnet": {"weights": "r"}}, ["r"]),
        ({"network": "resnet18"}, []),
        ({"init": {"rgb": None}}, []),
        ({"stream": "flow", "init": {"rgb": None}}, []),
    ],
)
def test_files_of_weights_that_a_run_needs(settings: dict[str, object], files: list[str]) -> None:
    run = parse(video.Settings, {"init": {"rgb": "i3d"}, "clip": {"weights": "c"}, **settings}, "test")
    assert run.initial_weights == tuple(files)


@pytest.mark.parametrize("name", NAMES)
def test_presets_differ_except_in_the_hyper_parameters_of_a_benchmark(name: str) -> None:
    paper, released = (run_of(resolved(preset)[name], "flow_bank_pace") for preset in ("paper", "released"))
    assert (paper.loss, released.loss) == ("ce", "bce")
    assert paper.bank is not None
    assert released.bank is not None
    assert (paper.bank.delay_epochs, released.bank.delay_epochs) == (0, 1)


def test_order_of_the_classes() -> None:
    assert list(benchmark_of("EtoH").classes) == (
        ["clap", "climb", "drink", "hug", "jump", "kick", "kiss", "pour", "push", "run", "smoke", "talk", "wave"]
    )
    assert list(benchmark_of("StoU").classes)[:3] == ["WritingOnBoard", "WalkingWithDog", "BrushingTeeth"]
    ucf101 = list(benchmark_of("BtoU").classes)
    # In classInd.txt, Hammering comes before HammerThrow and JumpingJack before JumpRope: case does not count.
    assert ucf101 == sorted(ucf101, key=str.casefold)
    assert (ucf101[0], ucf101[34], ucf101[-1]) == ("ApplyEyeMakeup", "Hammering", "YoYo")


@pytest.mark.parametrize(("name", "count"), [("EtoH", 13), ("BtoU", 101), ("StoU", 12)])
def test_every_class_has_its_own_name_on_either_side(name: str, count: int) -> None:
    classes = benchmark_of(name).classes
    for side in ("source", "target"):
        assert len({class_key(original) for spec in classes.values() for original in getattr(spec, side)}) == count
    assert all(spec.target == (label,) for label, spec in classes.items())


def test_both_ucf101_benchmarks_name_the_same_classes() -> None:
    assert set(benchmark_of("StoU").classes) < set(benchmark_of("BtoU").classes)


@pytest.mark.parametrize("name", NAMES)
def test_a_shard_holds_about_256_items(name: str) -> None:
    benchmark = benchmark_of(name)
    for spec in (benchmark.source, benchmark.target):
        assert spec.expected is not None
        assert spec.shards == math.ceil(spec.expected / SHARD)


@pytest.mark.parametrize("name", NAMES)
def test_linked_photographs_are_found_and_labelled(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = benchmark_of(name)
    originals = tmp_path / "originals"
    originals.mkdir()
    monkeypatch.chdir(tmp_path)
    folders = [*(spec.source[0] for spec in benchmark.classes.values()), "not_shared"]
    for value, folder in enumerate(folders):
        image = originals / f"{folder}_001.png"
        cv2.imwrite(str(image), np.full((20, 20, 3), value, np.uint8))
        link = tmp_path / benchmark.source.root / folder / image.name
        link.parent.mkdir(parents=True)
        link.symlink_to(image)
    manifest = make_manifest(benchmark, "source", 2)
    assert {item.class_name: item.label for item in manifest.items} == {
        label: index for index, label in enumerate(benchmark.classes)
    }
    assert [(row.class_name, row.reason) for row in manifest.excluded] == [("not_shared", "class not shared")]


def test_schemas_on_disk_are_the_generated_ones() -> None:
    assert {path.name for path in (WORKFLOW / "schemas").glob("*.json")} == set(schemas())
    for name, schema in schemas().items():
        text = (WORKFLOW / "schemas" / name).read_text(encoding="utf-8")
        assert json.loads(text) == schema, "run: python -m i2vadapt.config.schema"


def test_schemas_are_written_by_the_module(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "i2vadapt.config.schema", str(tmp_path)], check=True)
    assert {path.name: json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()} == schemas()
    with pytest.raises(UserError, match="cannot be written"):
        write_schemas(tmp_path / "missing")


def test_schemas_accept_the_shipped_files_and_refuse_mistakes() -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    documents = schemas()
    for schema in documents.values():
        validator.check_schema(schema)
    of_benchmark, of_config = (validator(documents[f"{kind}.schema.json"]) for kind in ("benchmark", "config"))
    for file in (WORKFLOW / "benchmarks").glob("*.yaml"):
        of_benchmark.validate(read_yaml(file))
    of_config.validate(read_yaml(WORKFLOW.parent / "config.yaml"))
    of_methods = validator(documents["methods.schema.json"])
    of_methods.validate(read_yaml(WORKFLOW / "methods.yaml"))
    of_experiments = validator(documents["experiment.schema.json"])
    for file in (WORKFLOW / "experiments").glob("*.yaml"):
        of_experiments.validate(read_yaml(file))
    assert not of_experiments.is_valid({"title": "T", "methods": ["cfb@capacity"]})

    document = read_yaml(WORKFLOW / "benchmarks" / "EtoH.yaml")
    document["settings"]["train"]["learning_rat"] = 0.1
    document["source"]["shards"] = 0
    assert sorted(list(error.path) for error in of_benchmark.iter_errors(document)) == [
        ["settings", "train"],
        ["source", "shards"],
    ]
    assert not of_config.is_valid({"settings": {"flow": {"bound": -1}}})
    assert not of_config.is_valid({"settings": {"train": {"bank": {"capacity": 0}}}})
    assert of_config.is_valid({"settings": {"train": {"bank": None}}})
    for name, settings, valid in (
        ("rgb", {"stream": "rgb", "pace": None}, True),
        ("image", {"recipe": "frames", "network": "resnet18"}, True),
        ("image", {"recipe": "frames", "bank": None}, False),
        ("rgb", {"steam": "rgb"}, False),
    ):
        document["runs"] = {name: settings}
        assert ("runs" not in {error.path[0] for error in of_benchmark.iter_errors(document)}) == valid
        assert of_methods.is_valid({"runs": {name: settings}, "methods": {}}) == valid
    # A document contains only some of the settings, so no key may be required.
    assert validator(documents["settings.schema.json"]).is_valid({"train": {"pace": {}}, "flow": {"tvl1": {}}})


def test_a_configuration_and_a_benchmark_file_are_told_apart(tmp_path: Path) -> None:
    config, benchmark = tmp_path / "config.yaml", WORKFLOW / "benchmarks" / "EtoH.yaml"
    config.write_text("benchmarks: [EtoH]\n")
    with pytest.raises(UserError, match=r"config.yaml: is a configuration, not a benchmark file; its key `benchmarks`"):
        load_benchmark(config)
    with pytest.raises(UserError, match=r"EtoH.yaml: is a benchmark file: name it in config.yaml") as caught:
        read_config(read_yaml(benchmark), WORKFLOW, [config, benchmark])
    assert len(str(caught.value).splitlines()) == 1
