from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from i2vadapt.config.base import Section
from i2vadapt.config.documents import Benchmark, Config
from i2vadapt.config.recipes import all_settings
from i2vadapt.config.reference import PAGE, reference, write_reference
from i2vadapt.config.settings import PRESETS, Settings
from i2vadapt.errors import UserError

ROOT = Path(__file__).parents[2]
TEXT = reference()
ROWS = [re.split(r"(?<!\\)\|", line)[1:-1] for line in TEXT.splitlines() if line.startswith("| `")]
CELLS = {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in ROWS}


def sections_in(annotation: Any) -> list[type[Section]]:
    """The sections that a type is, or one of whose members is."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for part in get_args(annotation) for section in sections_in(part)]


def leaves(model: type[Section], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys that are no section, with their defaults; found in the classes, while the page is made from the schema."""
    for name, info in model.model_fields.items():
        inner = sections_in(info.annotation)
        if not inner:
            yield prefix + name, info.get_default(call_default_factory=True)
        for section in inner:
            yield from leaves(section, f"{prefix}{name}.")


def rounded(value: Any) -> Any:
    """A value as a YAML file holds it that shows six decimals."""
    if isinstance(value, tuple):
        return [rounded(member) for member in value]
    return round(value, 6) if isinstance(value, float) else value


def preset_leaves(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        yield from preset_leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]


def test_the_page_on_disk_is_the_generated_one() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == TEXT, "run: python -m i2vadapt.config.reference"


def test_the_page_is_written_by_the_module(tmp_path: Path) -> None:
    page = tmp_path / "settings.md"
    subprocess.run([sys.executable, "-m", "i2vadapt.config.reference", str(page)], check=True)
    assert page.read_text(encoding="utf-8") == TEXT
    with pytest.raises(UserError, match="cannot be written"):
        write_reference(tmp_path / "missing" / "settings.md")


def test_every_setting_has_one_row() -> None:
    keys = [cells[0].strip(" `") for cells in ROWS]
    for key, _ in leaves(Settings):
        assert keys.count(key) == 1, key
    for title, model in (("config.yaml", Config), ("A benchmark file", Benchmark)):
        part = TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]
        assert all(f"`{name}" in part for name in model.model_fields), title
    assert {"source.root", "classes.NAME.source", "classes.NAME.target"} <= set(keys)


def test_every_row_shows_the_default_and_what_it_does() -> None:
    for key, value in leaves(Settings):
        default, allowed, meaning, _ = CELLS[key]
        shown = yaml.safe_load(re.match("`(.*?)`", default)[1])  # type: ignore[index]
        assert shown == rounded(value), key
        assert "" not in (allowed, meaning), key


def test_every_value_of_a_preset_stands_beside_the_default() -> None:
    for preset, settings in PRESETS.items():
        for key, value in preset_leaves(settings):
            default = CELLS[key][0]
            others = dict(re.findall(r"((?:`\w+`,? ?)+): `(.*?)`(?:;|$)", default.partition("; ")[2]))
            shown = [yaml.safe_load(other) for presets, other in others.items() if f"`{preset}`" in presets]
            assert shown == [value], (preset, key)


def test_the_keys_that_a_recipe_adds_are_in_its_own_part() -> None:
    shared = {key.removeprefix("train.") for key, _ in leaves(Settings)}
    for settings in all_settings():
        name = settings.model_fields["recipe"].default
        if name == "video":
            continue
        part = TEXT.partition(f"### Recipe `{name}`\n")[2].partition("\n### ")[0]
        for key, _ in leaves(settings):
            assert key in shared or f"| `{key}` |" in part, (name, key)


def test_tables_are_valid_markdown() -> None:
    assert {len(cells) for cells in ROWS} == {5}
    lines = TEXT.splitlines()
    for before, line, after in zip(lines, lines[1:], [*lines[2:], ""], strict=False):
        if line.startswith("|--"):
            assert before[:2] == after[:2] == "| "
        if line.startswith("##"):
            assert before == after == ""
    assert "<" not in TEXT.replace("<!--", "").replace("`<", "")
