from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from i2vadapt import stages
from i2vadapt.config.datasets import load_datasets
from i2vadapt.config.documents import Config
from i2vadapt.config.parsing import parse
from i2vadapt.config.resolve import resolve
from i2vadapt.layout import DatasetFolder
from i2vadapt.pipeline.fingerprints import Fingerprints, is_recorded, take_fingerprints

WORKFLOW = Path(__file__).parents[2] / "workflow"


def fingerprints(**settings: object) -> dict[str, Fingerprints]:
    config = parse(Config, {"benchmarks": ["mine.yaml"], "settings": settings}, "config")
    return {name: take_fingerprints(dataset) for name, dataset in load_datasets(resolve(config, WORKFLOW)).items()}


def changes(before: Fingerprints, after: Fingerprints) -> tuple[bool, list[bool], list[bool]]:
    """Whether the definition, and which contents and records differ."""
    pairs = ((before.contents, after.contents), (before.records, after.records))
    contents, records = ([old != new for old, new in zip(*pair, strict=True)] for pair in pairs)
    return before.definition != after.definition, contents, records


# If this test fails, the workflow makes every finished shard of its users again: be sure that it should.
def test_fingerprints_are_those_of_earlier_versions(folder: Path) -> None:
    found = fingerprints()
    assert found["my-photos"] == Fingerprints(
        "a9c346d5cf0ea79a", ["fe4aa658", "c0159dae", "335be4c0"], ["56a31132", "b9046141", "03ea5bc5"]
    )
    assert found["my-videos"] == Fingerprints("6f36720f5cac02d6", ["b9def774", "f143a744"], ["8c64df6f", "8bf57875"])
    demo = load_datasets(resolve(parse(Config, {}, "config"), WORKFLOW))
    assert take_fingerprints(demo["demo-photographs"]) == Fingerprints("a875aa512f9539fd", ["e47f78d7"], ["c168c574"])
    assert take_fingerprints(demo["demo-videos"]) == Fingerprints("6cc10080fcc41ea4", ["ad0cfaa3"], ["4d93874f"])


@pytest.mark.parametrize("change", ["more", "fewer", "bigger"])
def test_a_file_changes_the_fingerprints_of_its_shard_alone(folder: Path, change: str) -> None:
    before = fingerprints()["my-photos"]
    photograph = folder / "my photos" / "walking" / "5.jpg"
    if change == "more":
        photograph.with_name("new.jpg").touch()
    elif change == "fewer":
        photograph.unlink()
    else:
        photograph.write_bytes(bytes(100))
    definition, contents, records = changes(before, fingerprints()["my-photos"])
    assert not definition
    assert sum(contents) == 1
    assert records == contents


def test_what_decides_which_items_there_are_changes_all_contents(folder: Path) -> None:
    before = fingerprints()
    for file, old, new in (
        ("videos.txt", "0.avi run", "0.avi walk"),
        ("mine.yaml", "target: [run]", "target: [running]"),
        ("mine.yaml", "min_frames: 5", "min_frames: 6"),
    ):
        text = (folder / file).read_text()
        (folder / file).write_text(text.replace(old, new))
        after = fingerprints()
        (folder / file).write_text(text)
        assert changes(before["my-videos"], after["my-videos"]) == (True, [True] * 2, [True] * 2), new
        assert changes(before["my-photos"], after["my-photos"])[1] == [False] * 3


@pytest.mark.parametrize(
    ("settings", "photographs", "videos"),
    [
        ({"depth": {"precision": "float32"}}, True, False),
        ({"synthesis": {"quality": 80}}, True, False),
        ({"decode": {"quality": 80}}, False, True),
        ({"flow": {"quality": 80}}, True, True),
        ({"train": {"epochs": 9}}, False, False),
        ({"max_failed_share": 0.5}, False, False),
    ],
)
def test_a_setting_changes_the_records_of_the_side_that_it_concerns_and_no_contents(
    folder: Path, settings: dict[str, object], photographs: bool, videos: bool
) -> None:
    before, after = fingerprints(), fingerprints(**settings)
    assert changes(before["my-photos"], after["my-photos"]) == (False, [False] * 3, [photographs] * 3)
    assert changes(before["my-videos"], after["my-videos"]) == (False, [False] * 2, [videos] * 2)


def test_a_raised_version_of_a_stage_changes_all_records(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprints()
    first, *others = stages.PREPROCESSING
    raised = replace(first, version=first.version + 1)
    monkeypatch.setattr(stages, "PREPROCESSING", (raised, *others))
    for name, after in fingerprints().items():
        _, contents, records = changes(before[name], after)
        assert not any(contents)
        assert all(records)


def test_a_folder_that_is_missing_has_fingerprints_too(folder: Path) -> None:
    (folder / "my photos").rename(folder / "elsewhere")
    assert len(fingerprints()["my-photos"].contents) == 3


def test_a_record_is_compared_with_that_of_its_shard(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path)
    assert not is_recorded(folder, 0, "aa")
    folder.contents.write_text("aa\nbb\n")
    assert is_recorded(folder, 1, "bb")
    assert not is_recorded(folder, 0, "bb")
    assert not is_recorded(folder, 2, "bb")  # the dataset has more shards than when the manifest was made
