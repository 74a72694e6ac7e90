"""The text of a benchmark file, with comments for the person who edits it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from i2vadapt.setup.advice import FULL_SIDE, Size, crop_of, is_dark, short_side, size_settings, training_settings
from i2vadapt.setup.draft import Draft, Items, dataset_name
from i2vadapt.setup.pairing import Pair

SCHEMA = Path("workflow/schemas/benchmark.schema.json")
_PLAIN = re.compile(r"[A-Za-z/][\w./-]*")
_GAP = "    "


def benchmark_text(draft: Draft, size: Size, out: Path) -> str:
    """Writes a benchmark as YAML.

    Args:
        draft: the benchmark.
        size: size of pictures and networks.
        out: file that will hold the text; the schema is named relative to it.
    """
    schema = os.path.relpath(SCHEMA, out.parent)
    lines = [
        f"# yaml-language-server: $schema={schema}",
        "# Written by `i2vadapt init`. Where a guess is wrong, delete its name, or the line of the class.",
        f"name: {scalar(draft.name)}",
        _side("source", draft.name, draft.source) + f"{_GAP}# {draft.source.number} photographs; about 256 a shard",
        _side("target", draft.name, draft.target) + f"{_GAP}# {_described(draft.target)}",
        "classes: # in the order of the labels; several names of one side are merged",
        *(_class_line(draft, number, pair) for number, pair in enumerate(draft.pairing.pairs)),
        *_left_out(draft),
        "settings: # what differs from the defaults; docs/settings.md has all of them",
        *(f"  {line}" for line in _settings(draft, size)),
    ]
    return "\n".join(lines) + "\n"


def scalar(text: str) -> str:
    """A text as YAML reads it back, in quotes where it needs some."""
    if _PLAIN.fullmatch(text) and text.isascii() and yaml.safe_load(text) == text:
        return text
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**6).strip()


def _side(side: Any, name: str, items: Items) -> str:
    root = scalar(str(items.root))
    return f"{side}: {{ dataset: {dataset_name(name, side)}, root: {root}, shards: {items.shards} }}"


def _described(videos: Items) -> str:
    labelled = videos.number - videos.unlabelled
    if not labelled:
        return f"{videos.number} videos without labels"
    return f"{videos.number} videos" + (f", {videos.unlabelled} of them without a label" if videos.unlabelled else "")


def _class_line(draft: Draft, number: int, pair: Pair) -> str:
    source, target = ("[" + ", ".join(map(scalar, names)) + "]" for names in (pair.source, pair.target))
    notes = [f"{draft.source.counts[number]} photographs"]
    if draft.target.counts[number]:
        notes.append(f"{draft.target.counts[number]} videos")
    for guess in pair.guesses:
        notes.append(f"a guess: {_plain(guess.source)} = {_plain(guess.target)} ({guess.reason})")
    return f"  {scalar(pair.name)}: {{ source: {source}, target: {target} }}{_GAP}# {'; '.join(notes)}"


def _left_out(draft: Draft) -> Iterator[str]:
    for noun, names in (("photographs", draft.pairing.source), ("videos", draft.pairing.target)):
        if names:
            yield f"  # {noun} of other classes, left out: {', '.join(map(_plain, names))}"


def _plain(name: str) -> str:
    """A name in a comment."""
    return name if name.isprintable() else ascii(name)


def _settings(draft: Draft, size: Size) -> Iterator[str]:
    side = short_side(draft, size)
    sections: dict[str, Any] = size_settings(side) if size == "small" else {}
    if is_dark(draft.target):
        sections["decode"] = {**sections.get("decode", {}), "gain": "auto"}
    crop = f"crop: {crop_of(side)}"
    if size == "small":
        yield "# Sizes as in the demo, for a machine without a GPU; `i2vadapt init --size full` writes the paper's."
    elif side != FULL_SIDE:
        yield f"# Many pictures are small and would be enlarged. To save that work, with short sides of {side} pixels:"
        yield from (f"#   {key}: {_flow(section)}" for key, section in size_settings(side).items())
        crop = f"# {crop}    # with these"
    yield f"depth: {{ model: {'dpt_small' if size == 'small' else 'dpt_beit_large_512'} }}"
    yield from (f"{key}: {_flow(section)}" for key, section in sections.items())
    yield "train:"
    if side != FULL_SIDE:
        yield f"  {crop}"
    yield from (f"  {key}: {_flow(value)}" for key, value in training_settings(draft, size).items())


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key}: {_flow(part)}" for key, part in value.items()) + " }"
    return str(value)
