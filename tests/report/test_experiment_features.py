"""Figures of features: joining, measures against closed forms, projection, and missing files."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from tiny_results import CLASSES

from i2vadapt.config.documents import load_benchmark
from i2vadapt.config.experiments import Experiment
from i2vadapt.config.methods import load_methods
from i2vadapt.errors import UserError
from i2vadapt.inference.features import FeatureSet, ItemFeatures, write_features
from i2vadapt.layout import ReportFolder, Results
from i2vadapt.report.experiments.features import Projection, collect_projections, project, to_csv, to_markdown
from i2vadapt.report.experiments.features_figure import class_colours, features_figure
from i2vadapt.report.experiments.joint_features import JointFeatures, join_sides, read_joint_features, thin
from i2vadapt.report.experiments.measures import measure
from i2vadapt.report.make import make_report

METHODS = Path(__file__).parents[2] / "workflow" / "methods.yaml"
EXPERIMENT = Experiment(title="Features", features=("so_rgb", "full"))
CENTRES = 10 * np.eye(4)[:3]


def side(count: int, shift: float, seed: int, first: int = 0) -> ItemFeatures:
    """Items in three tight clusters, one for each class, moved along the fourth axis."""
    labels = np.arange(count) % 3
    noise = np.random.default_rng(seed).normal(0, 0.1, (count, 4))
    values = CENTRES[labels] + shift * np.eye(4)[3] + noise
    return ItemFeatures(tuple(str(first + number) for number in range(count)), labels, values.astype(np.float32))


def write(results: Results, run: str, source: ItemFeatures | None, target: ItemFeatures) -> Path:
    sides = {"target": target} if source is None else {"source": source, "target": target}
    path = results.video_features("tiny", run, 0)
    write_features(path, FeatureSet(CLASSES, sides, {"checkpoint": "x"}))
    return path


def write_both(results: Results) -> None:
    write(results, "rgb", side(30, 0, 0), side(24, 3, 1))
    write(results, "flow_bank", side(27, 0, 2), side(24, 3, 3))


def collect(results: Results) -> list[Projection]:
    benchmark = load_benchmark(results.path.parent / "tiny.yaml")
    return collect_projections(EXPERIMENT, load_methods(METHODS), [benchmark], 0, results)


def joint(source: ItemFeatures, target: ItemFeatures) -> JointFeatures:
    return join_sides([{"source": source, "target": target}])


def test_streams_are_joined_by_item_with_equal_weight() -> None:
    rgb = ItemFeatures(("a", "b", "c"), np.array([0, 1, 2]), np.array([[3, 4], [0, 2], [1, 0]], np.float32))
    flow = ItemFeatures(("c", "a"), np.array([2, 0]), np.array([[5], [-7]], np.float32))
    target = ItemFeatures(("t",), np.array([-1]), np.ones((1, 2), np.float32))
    one = ItemFeatures(("t",), np.array([-1]), np.ones((1, 1), np.float32))
    found = join_sides([{"source": rgb, "target": target}, {"source": flow, "target": one}])
    assert found.ids == ("a", "c", "t")
    assert found.labels.tolist() == [0, 2, -1]
    assert found.is_target.tolist() == [False, False, True]
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found.values, [[0.6, 0.8, -1], [1, 0, 1], [half, half, 1]], atol=1e-7)


def test_measures_of_domains_that_agree_and_of_domains_apart() -> None:
    same = measure(joint(side(60, 0, 0), side(60, 0, 1)), 0)
    apart = measure(joint(side(60, 0, 0), side(60, 10, 1)), 0)
    assert same.neighbours == apart.neighbours == 1
    assert 0.3 < same.domains < 0.7
    assert apart.domains == 1
    assert same.silhouette_target > 0.9
    assert same.silhouette_both > 0.9 > apart.silhouette_both
    assert same.class_gap < 0.05
    # Unit vectors e_i and (e_i + e_4) / sqrt 2: 0.7654 apart; classes of the target are 1 apart.
    assert apart.class_gap == pytest.approx(np.sqrt(2 - np.sqrt(2)), rel=0.02)


def test_a_target_without_labels_has_only_the_measure_of_the_domains() -> None:
    target = side(60, 10, 1)
    found = measure(joint(side(60, 0, 0), ItemFeatures(target.ids, np.full(60, -1), target.values)), 0)
    assert found.domains == 1
    assert np.isnan([found.neighbours, found.silhouette_target, found.class_gap]).all()


def test_large_sets_are_thinned_the_same_way_every_time() -> None:
    features = joint(side(60, 0, 0), side(20, 3, 1, first=100))
    few = thin(features, 30, 5)
    assert (few.is_target.sum(), len(few.ids)) == (20, 50)
    assert few.ids == thin(features, 30, 5).ids != thin(features, 30, 6).ids
    assert sorted(few.ids, key=int) == list(few.ids)


def test_the_projection_is_the_same_every_time_and_keeps_clusters_together() -> None:
    features = joint(side(30, 0, 0), side(30, 0, 1))
    places, perplexity = project(features.values, 3)
    again, _ = project(features.values, 3)
    np.testing.assert_array_equal(places, again)
    assert perplexity == 19
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e9 * np.eye(60)
    assert (features.labels[distances.argmin(axis=1)] == features.labels).mean() == 1


def test_the_figure_its_points_and_its_measures(results: Results) -> None:
    write_both(results)
    projections = collect(results)
    rows = list(csv.DictReader(io.StringIO(to_csv(projections))))
    assert len(rows) == 30 + 24 + 27 + 24  # items that both streams have
    assert [row["class"] for row in rows[:3]] == list(CLASSES)
    assert {(row["method"], row["domain"]) for row in rows} == {
        (method, domain) for method in ("so_rgb", "full") for domain in ("source", "target")
    }
    text = to_markdown(EXPERIMENT, projections)
    assert "| SO (RGB) | 100.0 | 100.0 | " in text
    assert "27 source + 24 target items" in text
    assert "perplexity 16, seed 0" in text
    assert features_figure(projections, 2, "Features") == features_figure(collect(results), 2, "Features")


def test_a_report_draws_the_features_that_are_asked_for(results: Results, tmp_path: Path) -> None:
    write_both(results)
    file, out = results.path.parent / "tiny.yaml", ReportFolder(tmp_path / "report")
    make_report(file, results, ["so_rgb", "full"], [0, 1], out, features=["full"])
    assert out.figure("features").read_bytes() == features_figure(collect(results)[1:], 2)
    assert "t-SNE, the true class as colour" in out.page.read_text().replace("\n", " ")


def test_each_class_has_a_colour_of_its_own() -> None:
    for count in (3, 8, 13, 20, 101):
        assert len(set(class_colours(count))) == count


def test_missing_features_name_the_target_that_makes_them(results: Results) -> None:
    path = write(results, "rgb", side(30, 0, 0), side(24, 3, 1))
    with pytest.raises(UserError) as caught:
        collect(results)
    (line,) = str(caught.value).splitlines()
    missing = results.video_features("tiny", "flow_bank", 0)
    assert line.startswith(f"{missing}: missing: the command features makes it with --source and --target, as ")
    assert line.endswith(f"`snakemake {missing}` does")
    write(results, "rgb", None, side(24, 3, 1))
    with pytest.raises(UserError, match="no features of the source: the command features"):
        read_joint_features(results, load_benchmark(results.path.parent / "tiny.yaml"), "so_rgb", 0)
    assert path.exists()


def test_features_of_another_checkpoint_are_refused(results: Results) -> None:
    write_both(results)
    results.run("tiny", "rgb", 0).checkpoint.write_bytes(b"trained again")
    with pytest.raises(UserError, match=r"features of another checkpoint than .*rgb/seed0/checkpoint\.pt"):
        collect(results)
