from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from i2vadapt import stages
from i2vadapt.config.datasets import Dataset, load_datasets
from i2vadapt.config.documents import Config
from i2vadapt.config.parsing import parse
from i2vadapt.config.resolve import resolve
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.settings import Settings
from i2vadapt.errors import UserError
from i2vadapt.layout import Results
from i2vadapt.pipeline import jobs

WORKFLOW = Path(__file__).parents[2] / "workflow"
RESULTS = Results(Path("out"))
PHOTOS, VIDEOS = "out/datasets/my-photos", "out/datasets/my-videos"


def benchmark(*methods: str, **settings: object) -> ResolvedBenchmark:
    config = {"benchmarks": ["mine.yaml"], "methods": methods or ["full"], "settings": settings}
    (part,) = resolve(parse(Config, config, "config"), WORKFLOW)
    return part


def datasets(**settings: object) -> dict[str, Dataset]:
    return load_datasets([benchmark(**settings)])


def texts(paths: list[Path]) -> list[str]:
    return [str(path) for path in paths]


def test_the_rules_import_only_what_the_environment_of_snakemake_has() -> None:
    code = "import sys; before = set(sys.modules)\n"
    code += "from i2vadapt.pipeline import fingerprints, interpreter, jobs, outputs\n"
    code += "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    known = packages_distributions()
    distributions = {name for module in modules for name in known.get(module, ())}
    assert {name.lower().replace("_", "-") for name in distributions} - {"i2vadapt"} <= {
        *("pydantic", "pydantic-core", "annotated-types", "typing-extensions", "typing-inspection", "pyyaml")
    }


def test_a_flow_run_reads_frames_and_flow_of_both_sides_and_the_scores_of_its_partner(folder: Path) -> None:
    inputs = jobs.train_inputs(benchmark("full"), "flow_bank_pace", 3, RESULTS)
    assert texts(inputs["shards"]) == [
        *(f"{PHOTOS}/{kind}/{shard:04d}.h5" for kind in ("frames", "flow") for shard in range(3)),
        *(f"{VIDEOS}/{kind}/{shard:04d}.h5" for kind in ("frames", "flow") for shard in range(2)),
    ]
    assert texts(inputs["manifests"]) == [f"{PHOTOS}/manifest.csv", f"{VIDEOS}/manifest.csv"]
    assert texts(inputs["weights"]) == ["weights/i3d-kinetics400-rgb.safetensors"]
    assert texts(inputs["scores"]) == ["out/runs/mine/rgb_pace/seed3/scores.csv"]


def test_an_rgb_run_reads_neither_flow_nor_other_runs(folder: Path) -> None:
    inputs = jobs.train_inputs(benchmark("so_rgb", train={"init": {"rgb": None}}), "rgb", 0, RESULTS)
    assert {path.parent.name for path in inputs["shards"]} == {"frames"}
    assert (inputs["weights"], inputs["scores"]) == ([], [])


def test_the_upper_bound_reads_nothing_of_the_source(folder: Path) -> None:
    inputs = jobs.train_inputs(benchmark("supervised"), "supervised_flow", 0, RESULTS)
    assert [path for path in texts(inputs["shards"] + inputs["manifests"]) if "my-photos" in path] == []
    assert len(inputs["shards"]) == 4


def test_options_of_a_run_hold_its_settings_and_the_folders_of_its_parents(folder: Path) -> None:
    part = benchmark("full")
    options = jobs.train_options(part, "flow_bank_pace", 3, RESULTS)
    assert options[:7] == ["--source", PHOTOS, "--target", VIDEOS, "--classes", "walk", "run"]
    assert json.loads(options[options.index("--settings") + 1])["stream"] == "flow"
    assert options[-2:] == ["--parents", "rgb_pace=out/runs/mine/rgb_pace/seed3"]
    assert "--parents" not in jobs.train_options(part, "rgb_pace", 3, RESULTS)


def test_a_method_fuses_its_runs_under_its_title(folder: Path) -> None:
    part = benchmark("cfb")
    assert texts(jobs.fuse_inputs(part, "cfb", 1, RESULTS)) == [
        "out/runs/mine/rgb/seed1/scores.csv",
        "out/runs/mine/flow_bank/seed1/scores.csv",
    ]
    assert jobs.fuse_options(part, "cfb", 1, RESULTS) == [
        *("--runs", "out/runs/mine/rgb/seed1", "out/runs/mine/flow_bank/seed1"),
        *("--title", "SO (RGB+flow) + CFB", "--weights", "equal"),
    ]


def test_a_report_reads_all_methods_and_runs_and_flow_where_there_is_any(folder: Path) -> None:
    inputs = jobs.report_inputs(benchmark("so_rgb", "full"), [0, 1], RESULTS)
    assert {name: len(paths) for name, paths in inputs.items()} == {
        **{"predictions": 4, "methods": 4, "metrics": 6, "settings": 6, "scores": 6, "flow": 5, "features": 2}
    }
    assert "out/methods/mine/full/seed1/method.yaml" in texts(inputs["methods"])
    assert "out/runs/mine/flow_bank_pace/seed1/metrics.csv" in texts(inputs["metrics"])
    assert jobs.report_inputs(benchmark("so_rgb"), [0], RESULTS)["flow"] == []


def test_a_report_draws_features_of_the_first_seed_where_they_are_asked_for(folder: Path) -> None:
    part = replace(benchmark("so_rgb", "cfb", "full"), features=("so_rgb", "cfb"))
    assert texts(jobs.report_inputs(part, [3, 1], RESULTS)["features"]) == [
        "out/features/mine/rgb/seed3-videos.h5",  # of both methods
        "out/features/mine/flow_bank/seed3-videos.h5",
    ]
    assert jobs.report_options(part) == ["--features", "so_rgb", "cfb"]
    assert jobs.report_options(replace(part, features=())) == []
    assert Path("out/features/mine/rgb/seed3-videos.h5") in jobs.all_outputs([part], [], [3, 1], RESULTS)


def test_a_report_draws_features_of_the_last_method_that_trains_networks_unless_told_otherwise(folder: Path) -> None:
    part = replace(benchmark("so_rgb", "full", "meda"), features=None)
    assert part.drawn == ("full",)
    assert replace(part, features=()).drawn == ()
    assert replace(benchmark("meda"), features=None).drawn == ()


def test_features_of_an_estimator_cannot_be_drawn(folder: Path) -> None:
    part = replace(benchmark("meda"), features=("meda",))
    with pytest.raises(UserError, match="features of meda: only methods that train networks have features"):
        jobs.report_inputs(part, [0], RESULTS)


def test_real_videos_have_no_flow_but_tvl1(folder: Path) -> None:
    settings = Settings.model_validate({"flow": {"source": "geometric", "bound": 9}})
    source, target = (json.loads(jobs.stage_settings(stages.FLOW, side, settings)) for side in ("source", "target"))
    assert (source["source"], target["source"]) == ("geometric", "tvl1")
    assert source["bound"] == target["bound"] == 9
    exact = datasets(flow={"source": "geometric"})
    photos, videos = exact["my-photos"], exact["my-videos"]
    assert texts(jobs.depth_for_flow(photos, "0002", RESULTS)) == [f"{PHOTOS}/depth/0002.h5"]
    assert jobs.depth_for_flow(videos, "0002", RESULTS) == []
    assert jobs.depth_for_flow(datasets()["my-photos"], "0002", RESULTS) == []


@pytest.mark.parametrize(
    ("depth", "needed", "missing"),
    [
        ({"model": "dpt_small"}, [], []),
        ({"model": "dpt_small", "checkpoint": "mine.pt"}, ["mine.pt"], []),
        ({"model": "dpt_large_384"}, ["weights/dpt_large_384.pt"], ["dpt_large_384"]),
        ({"model": "dpt_large_384", "checkpoint": "mine.pt"}, ["mine.pt"], []),
        ({"model": "dpt_beit_base_384"}, ["weights/dpt_beit_base_384.pt"], []),  # it is here
    ],
)
def test_published_depth_weights_are_wanted_where_none_are_given_or_shipped(
    folder: Path, depth: dict[str, str], needed: list[str], missing: list[str]
) -> None:
    (folder / "weights").mkdir()
    (folder / "weights" / "dpt_beit_base_384.pt").touch()
    found = datasets(depth=depth)
    assert texts(jobs.depth_checkpoint(found["my-photos"])) == needed
    assert jobs.missing_depth_weights(found.values()) == missing


def test_the_pattern_of_a_side_matches_its_datasets_to_the_letter(folder: Path) -> None:
    text = (folder / "mine.yaml").read_text()
    (folder / "mine.yaml").write_text(text.replace("my-photos", "my.photos"))
    pattern = jobs.datasets_with(stages.SYNTHESIZE, datasets())
    assert re.fullmatch(pattern, "my.photos")
    assert not re.fullmatch(pattern, "my-photos")
    assert not re.fullmatch(pattern, "my-videos")


def test_a_training_on_several_nodes_has_a_task_on_each() -> None:
    assert jobs.task_launcher(1, 8) == ""
    assert jobs.task_launcher(2, 8) == "srun --nodes=2 --ntasks=2 --cpus-per-task=8"


def test_methods_of_single_frames_read_photographs_and_neither_depth_nor_generated_videos(folder: Path) -> None:
    part = benchmark("dann")
    inputs = jobs.train_inputs(part, "image_dann", 0, RESULTS)
    assert texts(inputs["shards"]) == [f"{VIDEOS}/frames/{shard:04d}.h5" for shard in range(2)]
    assert texts(inputs["manifests"]) == [f"{PHOTOS}/manifest.csv", f"{VIDEOS}/manifest.csv"]


def test_a_student_reads_the_scores_of_its_teacher_and_nothing_of_the_source(folder: Path) -> None:
    part = benchmark("cycda")
    inputs = jobs.train_inputs(part, "cycda1", 2, RESULTS)
    assert texts(inputs["scores"]) == ["out/runs/mine/cycda1_image/seed2/scores.csv"]
    assert texts(inputs["manifests"]) == [f"{VIDEOS}/manifest.csv"]
    options = jobs.train_options(part, "cycda1", 2, RESULTS)
    assert options[-2:] == ["--parents", "cycda1_image=out/runs/mine/cycda1_image/seed2"]
    assert list(part.runs) == [
        *("image_dann", "dann_i3d", "cycda1_image", "cycda1", "cycda2_image", "cycda2", "cycda3_image", "cycda3")
    ]


def test_methods_share_the_runs_of_a_chain(folder: Path) -> None:
    part = benchmark("dann", "dann_i3d", "cycda_1", "cycda", "jan", "higan", "symgan")
    assert [name for name in part.runs if name.startswith("image")] == ["image_dann", "image_jan", "image_pretrained"]
    assert len(part.runs) == 13


def test_an_estimator_reads_the_features_that_its_roles_name_and_no_shards(folder: Path) -> None:
    part = benchmark("higan")
    names = ("image_jan", "image_pretrained", "i3d_pretrained")
    features = [f"out/features/mine/{name}/seed1.h5" for name in names]
    inputs = jobs.train_inputs(part, "higan", 1, RESULTS)
    assert texts(inputs.pop("features")) == features
    assert not any(inputs.values())
    options = jobs.train_options(part, "higan", 1, RESULTS)
    assert options[-4:] == ["--features", *(f"{name}={path}" for name, path in zip(names, features, strict=True))]


def test_only_networks_of_single_frames_give_features_of_photographs(folder: Path) -> None:
    part = benchmark("higan")
    for run, reads_photographs in (("image_jan", True), ("i3d_pretrained", False)):
        inputs, options = jobs.features_inputs(part, run, 0, RESULTS), jobs.features_options(part, run, 0, RESULTS)
        assert texts(inputs["checkpoint"]) == [f"out/runs/mine/{run}/seed0/checkpoint.pt"]
        assert texts(inputs["shards"]) == [f"{VIDEOS}/frames/{shard:04d}.h5" for shard in range(2)]
        assert (f"{PHOTOS}/manifest.csv" in texts(inputs["manifests"])) == reads_photographs
        assert ("--source" in options) == reads_photographs


def test_crops_are_a_dataset_of_their_own_made_by_one_classifier_for_all_seeds(folder: Path) -> None:
    part = benchmark("st_i2v")
    found = load_datasets([part])
    assert {name: dataset.branch for name, dataset in found.items()} == {
        **{"my-photos": "source", "mine-crops": "crops", "my-videos": "target"}
    }
    assert texts(jobs.crop_classifier(found["mine-crops"], RESULTS)) == ["out/runs/mine/image/seed0/checkpoint.pt"]
    assert jobs.crop_classifier(found["my-photos"], RESULTS) == []
    inputs = jobs.train_inputs(part, "st_i2v", 4, RESULTS)
    assert texts(inputs["shards"])[:3] == [f"out/datasets/mine-crops/frames/{shard:04d}.h5" for shard in range(3)]
    assert jobs.train_options(part, "st_i2v", 4, RESULTS)[:2] == ["--source", "out/datasets/mine-crops"]
    assert re.fullmatch(jobs.datasets_with(stages.CROP, found), "mine-crops")
    assert not re.fullmatch(jobs.datasets_with(stages.SYNTHESIZE, found), "mine-crops")
    assert "mine-crops" in {dataset.spec.dataset for dataset in jobs.read_datasets([part], found)}
    assert "mine-crops" not in {dataset.spec.dataset for dataset in jobs.read_datasets([benchmark("cfb")], found)}
    ends = {name: {path.parent.name for path in jobs.last_shards(RESULTS, one)} for name, one in found.items()}
    assert ends == {"my-photos": {"flow"}, "mine-crops": {"frames"}, "my-videos": {"flow"}}
    outputs = texts(sorted(jobs.all_outputs([part], found.values(), [0], RESULTS)))
    assert "out/datasets/mine-crops/frames/0000.h5" in outputs
    assert "out/datasets/mine-crops/depth/0000.h5" not in outputs


def test_a_dataset_may_not_have_the_name_of_the_crops(folder: Path) -> None:
    text = (folder / "mine.yaml").read_text()
    (folder / "mine.yaml").write_text(text.replace("my-videos", "mine-crops"))
    with pytest.raises(UserError, match=r"dataset mine-crops: .* define it differently; rename one of them"):
        load_datasets([benchmark("st_i2v")])
