"""Names of classes, datasets and methods: what they may be, and which of them are the same."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i2vadapt.config.documents import Benchmark, Config
from i2vadapt.config.names import canonical, class_key
from i2vadapt.config.parsing import parse
from i2vadapt.errors import UserError

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


def benchmark(classes: dict[str, Any]) -> Benchmark:
    sides = {side: {"dataset": side, "root": side} for side in ("source", "target")}
    return parse(Benchmark, {"name": "mine", **sides, "classes": classes}, "mine.yaml")


def mistakes(classes: dict[str, Any]) -> list[str]:
    with pytest.raises(UserError) as caught:
        benchmark(classes)
    return str(caught.value).splitlines()


@given(names, st.sampled_from(FORMS))
def test_a_class_has_one_key_in_all_normal_forms_and_cases(name: str, form: Any) -> None:
    assert class_key(unicodedata.normalize(form, name)) == class_key(name)
    assert class_key(class_key(name)) == class_key(name)
    assert canonical(unicodedata.normalize("NFD", name)) == canonical(name)


@given(names)
def test_every_name_becomes_a_class_in_normal_form_or_is_refused_in_one_line(name: str) -> None:
    own = {"source": ["one"], "target": ["one"]}
    lines, found = [], []
    try:
        found = list(benchmark({name: own, "other class": {"source": ["other"], "target": ["other"]}}).classes)
    except UserError as error:
        lines = str(error).splitlines()
    assert len(lines) + len(found[:1]) == 1
    assert all(line.startswith("mine.yaml: classes") and line.isprintable() for line in lines)
    for first in found[:1]:
        assert first == canonical(name) == first.strip()
        assert first.isprintable() or not name.isprintable()
        assert not first.startswith("-")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("-walk", "must not begin with a dash, by which commands know an option, not '-walk'"),
        ("", "must not be blank, not ''"),
        (" ", "must not be blank, not ' '"),
        (" walk", "must not begin or end with a space, not ' walk'"),
        ("wa\nlk", r"must not hold control characters, not 'wa\nlk'"),
        ("..", "must not be ., .. or /, not '..'"),
        ("_", "must hold more than underscores, not '_'"),
    ],
)
def test_names_that_no_class_can_have(name: str, message: str) -> None:
    classes = {name: {"source": ["walk"], "target": ["walk"]}, "run": {"source": ["run"], "target": ["run"]}}
    shown = name if name.isprintable() and name.strip() else repr(name)
    assert mistakes(classes) == [f"mine.yaml: classes.{shown}: {message}"]


@pytest.mark.parametrize(
    "name", ["my walk", "walk's", "{walk}", "$walk", "50%", "a:b", "'walk'", "walk-", "走る", "#1"]
)
def test_names_that_a_class_can_have(name: str) -> None:
    classes = {name: {"source": [f"-{name}"], "target": [name]}, "other": {"source": ["o"], "target": ["o"]}}
    assert list(benchmark(classes).classes) == [name, "other"]


def test_classes_that_only_look_different_are_refused_together() -> None:
    run = {"source": ["caf\u00e9"], "target": ["run"]}
    walk = {"source": ["CAFE\u0301"], "target": ["Run"]}
    assert mistakes({"walk": run, "Walk": walk}) == [
        "mine.yaml: the document: classes 'walk' and 'Walk' differ in nothing but case",
        "mine.yaml: the document: source class 'CAFÉ' is given to both 'walk' and 'Walk'",
        "mine.yaml: the document: target class 'Run' is given to both 'walk' and 'Walk'",
    ]
    twice = {"source": ["run", "run"], "target": ["run"]}
    assert mistakes({"run": twice, "sit": {"source": ["sit"], "target": ["sit"]}}) == [
        "mine.yaml: classes.run.source: 'run' must not be listed twice, not ['run', 'run']"
    ]


@pytest.mark.parametrize("key", ["benchmarks", "methods", "seeds"])
def test_nothing_is_run_twice(key: str) -> None:
    values = [0, 1, 0] if key == "seeds" else ["a", "b", "a"]
    with pytest.raises(UserError, match=f"config: {key}: .* must not be listed twice"):
        parse(Config, {key: values}, "config")


@pytest.mark.parametrize("name", ["-demo", "my demo", "dé", "", ".", "a/b", "a\n"])
def test_names_after_which_files_are_named(name: str) -> None:
    with pytest.raises(UserError, match="name: must consist of letters A-Z, a-z, digits, dots, dashes and underscores"):
        parse(Benchmark, {"name": name}, "mine.yaml")
