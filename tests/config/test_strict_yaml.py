"""What YAML hides: keys that occur twice, and names that it reads as something else than text."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from i2vadapt.config.datasets import check_folders, load_datasets
from i2vadapt.config.documents import load_benchmark
from i2vadapt.config.methods import load_methods
from i2vadapt.config.parsing import parse_object, read_yaml
from i2vadapt.config.resolve import read_config
from i2vadapt.errors import UserError

WORKFLOW = Path(__file__).parents[2] / "workflow"
HEAD = """\
name: mine
source: { dataset: photos, root: p }
target: { dataset: videos, root: v }
"""


def lines(error: pytest.ExceptionInfo[UserError], path: Path) -> list[str]:
    return [line.replace(str(path), path.name) for line in str(error.value).splitlines()]


def benchmark_mistakes(path: Path, text: str) -> list[str]:
    path.write_text(HEAD + text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_benchmark(path)
    return lines(caught, path)


def test_a_key_that_occurs_twice_is_refused_at_every_depth(tmp_path: Path) -> None:
    text = """\
classes:
  run: { source: [run], target: [run] }
  caf\u00e9: { source: [a], target: [a], source: [b] }
  run: { source: [jogging], target: [run] }
  cafe\u0301: { source: [c], target: [c] }
name: other
"""
    assert benchmark_mistakes(tmp_path / "b.yaml", text) == [
        "b.yaml: line 6: the key source occurs twice, first in line 6",
        "b.yaml: line 7: the key run occurs twice, first in line 5",
        "b.yaml: line 8: the key cafe\u0301 occurs twice, first in line 6",
        "b.yaml: line 9: the key name occurs twice, first in line 1",
    ]


def test_a_name_that_is_no_text_is_shown_as_written_with_quotes(tmp_path: Path) -> None:
    text = """\
classes:
  no: { source: [no], target: [No] }
  007: { source: [007, 1e3], target: [12:30] }
  yes: { source: [2020-01-01], target: [~] }
  y: { source: [null], target: [1.0] }
"""
    assert benchmark_mistakes(tmp_path / "b.yaml", text) == [
        "b.yaml: line 5: the key no is not text, but a YAML bool: put it in quotes: 'no'",
        "b.yaml: line 6: the key 007 is not text, but a YAML int: put it in quotes: '007'",
        "b.yaml: line 6: 007 is read as 7: write the number so, or put a name in quotes: '007'",
        "b.yaml: line 6: 12:30 is read as 750: write the number so, or put a name in quotes: '12:30'",
        "b.yaml: line 7: the key yes is not text, but a YAML bool: put it in quotes: 'yes'",
        "b.yaml: line 7: 2020-01-01 is not text, but a YAML date: put it in quotes: '2020-01-01'",
        "b.yaml: classes.no.source.0: must be text, but no is read as false: put no in quotes, 'no'",
        "b.yaml: classes.no.target.0: must be text, but No is read as false: put No in quotes, 'No'",
        "b.yaml: classes.yes.target.0: must be text, but ~ is read as null: put ~ in quotes, '~'",
        "b.yaml: classes.y.source.0: must be text, not null: put it in quotes, 'null'",
        "b.yaml: classes.y.target.0: must be text, not 1.0: put it in quotes, '1.0'",
    ]


def test_a_single_value_in_the_place_of_a_list(tmp_path: Path) -> None:
    text = "classes:\n  run: { source: run, target: no }\n  sit: run\n"
    assert benchmark_mistakes(tmp_path / "b.yaml", text) == [
        "b.yaml: classes.run.source: must be a list, [run], not run",
        "b.yaml: classes.run.target: must be a list, [no], not false",
        "b.yaml: classes.sit: must be a mapping of keys to values, not run",
    ]


def test_numbers_are_not_truths(tmp_path: Path) -> None:
    text = "classes: {a: {source: [a], target: [a]}, b: {source: [b], target: [b]}}\n"
    (tmp_path / "b.yaml").write_text(HEAD.replace("root: p", "root: p, shards: yes, expected: 010") + text)
    with pytest.raises(UserError) as caught:
        load_benchmark(tmp_path / "b.yaml")
    assert lines(caught, tmp_path / "b.yaml") == [
        "b.yaml: line 2: 010 is read as 8: write the number so, or put a name in quotes: '010'",
        "b.yaml: source.shards: must be a number, not True",
    ]


def test_methods_and_settings_of_a_command_are_read_as_strictly(tmp_path: Path) -> None:
    (tmp_path / "methods.yaml").write_text(
        "runs:\n  rgb: {stream: rgb}\n  rgb: {stream: flow}\n"
        "methods:\n  on: {title: -x, fuse: [rgb, rgb]}\n  full: {title: Full, fuse: rgb}\n"
    )
    with pytest.raises(UserError) as caught:
        load_methods(tmp_path / "methods.yaml")
    assert lines(caught, tmp_path / "methods.yaml") == [
        "methods.yaml: line 3: the key rgb occurs twice, first in line 2",
        "methods.yaml: line 5: the key on is not text, but a YAML bool: put it in quotes: 'on'",
        "methods.yaml: methods.on.title: must not begin with a dash, by which commands know an option, not '-x'",
        "methods.yaml: methods.on.fuse: 'rgb' must not be listed twice, not ['rgb', 'rgb']",
        "methods.yaml: methods.full.fuse: must be a list, [rgb], not rgb",
    ]
    with pytest.raises(UserError, match="--settings: the key epochs occurs twice"):
        parse_object('{"epochs": 1, "epochs": 2}', "--settings")


def test_a_file_that_a_command_wrote_may_have_numbers_as_keys(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("parents: {rgb: {2: ab}}\n")
    assert read_yaml(tmp_path / "settings.yaml") == {"parents": {"rgb": {2: "ab"}}}


def config_mistakes(path: Path, text: str, **given: object) -> list[str]:
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_config({**read_yaml_last_wins(text), **given}, WORKFLOW, [path])
    return lines(caught, path)


def read_yaml_last_wins(text: str) -> dict[str, object]:
    """As Snakemake reads it."""
    data = yaml.safe_load(text)
    assert isinstance(data, dict)
    return data


def test_the_configuration_is_read_again_as_snakemake_keeps_the_last_of_two_keys(tmp_path: Path) -> None:
    assert config_mistakes(tmp_path / "config.yaml", "benchmarks: [demo]\nseeds: [0]\nseeds: [1]\n") == [
        "config.yaml: line 3: the key seeds occurs twice, first in line 2"
    ]
    assert config_mistakes(tmp_path / "config.yaml", "benchmarks: demo\nseeds: 0\nmethods: full\nresults: no\n") == [
        "config.yaml: benchmarks: must be a list, [demo], not demo",
        "config.yaml: methods: must be a list, [full], not full",
        "config.yaml: seeds: must be a list, [0], not 0",
        "config.yaml: results: must be text, but no is read as false: put no in quotes, 'no'",
    ]


def test_what_the_command_line_gives_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    found = config_mistakes(tmp_path / "config.yaml", "benchmarks: [demo]\nseeds: 3\n", benchmarks="x", nosuch=1)
    assert found == [
        "--config: benchmarks: must be a list, [x], not x",
        "config.yaml: seeds: must be a list, [3], not 3",
        "--config: nosuch: no such key",
    ]


def test_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    classes = "classes: {a: {source: [a], target: [a]}, b: {source: [b], target: [b]}}\n"
    for name, head in (("one", HEAD), ("two", HEAD), ("three", HEAD.replace("name: mine", "name: no"))):
        (tmp_path / f"{name}.yaml").write_text(head + classes)
    one, two, three = files = [f"{tmp_path}/{name}.yaml" for name in ("one", "two", "three")]
    assert config_mistakes(tmp_path / "config.yaml", f"benchmarks: [{', '.join(files)}]\nmethods: [nosuch]\n")[1:] == [
        f"{three}: name: must be text, but no is read as false: put no in quotes, 'no'",
        f"config: benchmarks: {one} and {two} have the same name 'mine'; rename one of them",
    ]


@pytest.mark.parametrize(("written", "read"), [("results/", "results"), ("./results", "results"), ("a//b/", "a/b")])
def test_the_results_folder_is_written_in_one_way(written: str, read: str) -> None:
    assert read_config({"results": written}, WORKFLOW)[0].results == read


@pytest.mark.parametrize("written", ["out{x}", "-out", "$HOME/out", "~nobody-of-this-name/x"])
def test_results_folders_that_something_would_take_for_something_else(written: str) -> None:
    with pytest.raises(UserError, match="results: "):
        read_config({"results": written}, WORKFLOW)


def test_home_folders_in_all_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    text = HEAD.replace("root: p", "root: ~/p").replace("root: v", "root: ~/v, layout: list, lists: [~/l.txt]")
    classes = "classes: {a: {source: [a], target: [a]}, b: {source: [b], target: [b]}}\n"
    (tmp_path / "mine.yaml").write_text(text + classes)
    settings = {"depth": {"checkpoint": "~/d.pt"}, "train": {"init": {"rgb": "~/rgb.pt"}, "split1": {"hmdb51": "~/s"}}}
    data = {"benchmarks": ["~/mine.yaml"], "results": "~/out", "settings": settings}
    config, (part,) = read_config(data, WORKFLOW)
    assert config.results == f"{tmp_path}/out"
    assert (part.benchmark.source.root, part.benchmark.target.lists) == (f"{tmp_path}/p", (f"{tmp_path}/l.txt",))
    assert part.settings.depth.checkpoint == f"{tmp_path}/d.pt"
    assert part.runs["rgb_pace"].initial_weights == (f"{tmp_path}/rgb.pt",)
    assert part.runs["rgb_pace"].split1.hmdb51 == f"{tmp_path}/s"
    with pytest.raises(UserError) as caught:
        check_folders(load_datasets([part]).values())
    assert str(caught.value).splitlines() == [
        f"{tmp_path}/mine.yaml: source.root: no folder {tmp_path}/p: is its drive mounted?",
        f"{tmp_path}/mine.yaml: target.root: no folder {tmp_path}/v: is its drive mounted?",
        f"{tmp_path}/mine.yaml: target.lists: no file or folder {tmp_path}/l.txt",
    ]


def test_a_dataset_that_a_rule_makes_needs_no_folder_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, parts = read_config({"benchmarks": ["demo"]}, WORKFLOW)
    check_folders(load_datasets(parts).values())


def test_a_project_in_a_folder_with_braces_is_refused(tmp_path: Path) -> None:
    (tmp_path / "{x}").mkdir()
    (tmp_path / "{x}" / "workflow").symlink_to(WORKFLOW)
    with pytest.raises(UserError, match=r"\{x\}: the name of the project's folder must not hold braces"):
        read_config({}, tmp_path / "{x}" / "workflow")


def test_a_benchmark_file_that_begins_with_a_dash_is_no_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    classes = "classes: {a: {source: [a], target: [a]}, b: {source: [b], target: [b]}}\n"
    (tmp_path / "-mine.yaml").write_text(HEAD + classes)
    _, (part,) = read_config({"benchmarks": ["-mine.yaml"]}, WORKFLOW)
    assert part.file == tmp_path / "-mine.yaml"
