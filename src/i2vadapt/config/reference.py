"""The page docs/settings.md: every setting, in tables; ``python -m i2vadapt.config.reference`` writes it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from i2vadapt.config.base import Section
from i2vadapt.config.documents import Benchmark, Config
from i2vadapt.config.estimator import EstimatorSettings
from i2vadapt.config.methods import takes_from_train
from i2vadapt.config.recipes import all_settings, video
from i2vadapt.config.run import RunSettings, TrainingSettings
from i2vadapt.config.settings import PRESETS, Settings
from i2vadapt.errors import UserError

PAGE = Path("docs/settings.md")
_RUN = "train."
_HEAD = "| key | default | allowed | what it does | paper |\n|--|--|--|--|--|"
_WORDS = {"string": "text", "boolean": "`true` or `false`", "object": "mapping"}
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
_INTRODUCTION = """\
# Settings

<!-- Generated from src/i2vadapt/config/ by `python -m i2vadapt.config.reference`; a test compares. -->

What can be set, where, and what the paper says of it. The page is generated from the code that checks the settings;
`python -m i2vadapt.config.reference` writes it again.

## Set something

| to change | write |
|--|--|
| a setting of one benchmark | `settings: {train: {batch_size: 8}}` in the benchmark's file |
| a setting of all benchmarks | the same in `config.yaml` |
| a setting of one run on one benchmark | `runs: {flow_bank: {epochs: 40}}` in the benchmark's file |
| a setting of one run on all benchmarks | the run in `workflow/methods.yaml` |
| a setting of a method, beside the method itself | `methods: [cfb, cfb@bank.capacity=20]` in `config.yaml` |
| all that the paper, or the released code, does otherwise | `preset: paper`, `preset: released` in `config.yaml` |

In a run, and in the name of a method, keys are those of section `train` without `train.`. A key that is left out keeps
its default.

**Precedence**, each overriding those before it: the preset; `settings:` of the benchmark file; its `released:`, with
that preset; `settings:` of `config.yaml` (of which `snakemake --config` may replace keys). Then, for a run: what
`workflow/methods.yaml` says of it; `runs:` of the benchmark file; the settings in its name. Sections are merged key by
key, lists replaced as a whole, and `null` in the place of a section removes it. `i2vadapt info` on
the folder of a run prints what came of it.

**Mistakes** are all reported at once, before anything starts, each with its document, key, value and what is allowed:

```
settings of demo (with config.yaml): train.epochs: input should be greater than or equal to 1, not 0
settings of demo (with config.yaml): train.learning_rat: no such key
```

**Completion and help in an editor** that knows YAML's language server come from the schemas in `workflow/schemas/`.
The first line of a document names its schema, as seen from the document's folder (`i2vadapt init` writes it):

```yaml
# yaml-language-server: $schema=workflow/schemas/config.schema.json
```

In the tables, *default* is the value in preset `default`, followed by those of presets that differ. *Paper* is the
place that gives a setting its value or its meaning; where it is empty, the paper gives neither.
"""


@dataclass(frozen=True)
class Group:
    """A section of a document, with the keys that it holds itself.

    Attributes:
        key: key of the section with those of the sections around it, or the name of the document.
        text: what the section is.
        leaves: JSON schema of each key that is no section, by its full key; those that must be given have no default
            and `required`.
    """

    key: str
    text: str
    leaves: dict[str, dict[str, Any]] = field(default_factory=dict)


def reference() -> str:
    """The page, in Markdown."""
    stages, runs = _parts(groups_of(Settings))
    recipes = [_recipe(settings) for settings in all_settings() if settings is not video.Settings]
    parts = [
        _INTRODUCTION,
        "## The stages\n",
        *map(_section, stages),
        "## Runs\n",
        *map(_section, runs),
        "## Runs of other recipes\n",
        "What other recipes than `video` have, to be written in `runs:` of a benchmark file or of methods.yaml.\n",
        *recipes,
        "## config.yaml\n",
        *map(_section, groups_of(Config)),
        "## A benchmark file\n",
        *map(_section, groups_of(Benchmark)),
    ]
    return "\n".join(parts)


def groups_of(model: type[Section]) -> list[Group]:
    """The sections of a document, each before those inside it; those without keys of their own are left out."""
    schema = model.model_json_schema()
    return list(_walk(schema, schema.get("$defs", {}), "", schema["description"], {}))


def _walk(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str, text: str, seen: dict[str, str]
) -> Iterator[Group]:
    """Sections of a schema, depth first; a section that occurs twice is described once."""
    own = Group(prefix.removesuffix("."), text)
    inner: list[tuple[str, str, str, dict[str, Any]]] = []
    for key, value in schema["properties"].items():
        name, path = _reference(value), prefix + key
        if name is None:
            own.leaves[path] = {**value, "required": key in schema.get("required", ())}
        else:
            inner.append((key, path + (".NAME" if "additionalProperties" in value else ""), name, value))
    yield own
    for key, path, name, value in inner:
        if name in seen:
            yield Group(path, f"{value['description'].capitalize()}; the same keys as `{seen[name]}`.")
            continue
        seen[name] = path
        definition = definitions[name]
        yield from _walk(
            definition, definitions, f"{path}.", f"{definition['description']} {_note(key, value)}".strip(), seen
        )


def _note(key: str, section: Mapping[str, Any]) -> str:
    """What the key of a section says beyond the section itself: what null means, or how many members there may be."""
    if "additionalProperties" in section:
        return f"At least {section['minProperties']}: {section['description']}."
    meaning = section.get("description", "").partition("null: ")[2]
    default = ", the default" if section.get("default", "") is None else ""
    return f"`{key}: null`{default}: {meaning}." if meaning else ""


def _reference(schema: Mapping[str, Any]) -> str | None:
    """Name of the section that a key holds, or of that of each member; None for a value."""
    nested = schema.get("additionalProperties")
    for part in (schema, nested if isinstance(nested, dict) else {}, *schema.get("anyOf", ())):
        if "$ref" in part:
            return str(part["$ref"].rpartition("/")[2])
    return None


def _parts(groups: Iterable[Group]) -> tuple[list[Group], list[Group]]:
    """The sections of stages, and those of runs."""
    stages, runs = list[Group](), list[Group]()
    for group in groups:
        (runs if f"{group.key}.".startswith(_RUN) else stages).append(group)
    return stages, runs


def _recipe(settings: type[RunSettings]) -> str:
    """What a recipe has that runs of recipe video have not, or have with another value."""
    usual = {key: leaf for group in groups_of(video.Settings) for key, leaf in group.leaves.items()}
    name = settings.model_fields["recipe"].default
    taken = {key: takes_from_train(settings, key) for key in video.Settings.model_fields}
    if issubclass(settings, TrainingSettings):
        shared = f"It takes all keys of `train` but {_codes(key for key in taken if not taken[key])}."
    else:
        shared = f"Of `train`, it takes {_codes(key for key in taken if taken[key])} alone."
    if issubclass(settings, EstimatorSettings):
        shared += f" Its roles in `features` are {_codes(settings.ROLES)}."
    own = [
        Group(
            group.key, group.text, {key: leaf for key, leaf in group.leaves.items() if _differs(leaf, usual.get(key))}
        )
        for group in groups_of(settings)
    ]
    first = replace(own[0], text=f"{own[0].text}\n\n{shared}")
    return "\n".join(
        [f"### Recipe `{name}`\n", _section(first), *(_section(group, "####") for group in own[1:] if group.leaves)]
    )


def _differs(leaf: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    return other is None or (_default(leaf), _allowed(leaf)) != (_default(other), _allowed(other))


def _section(group: Group, level: str = "###") -> str:
    title = [f"{level} `{group.key}`\n"] if group.key else []
    table = [_HEAD, *(_row(key, leaf) for key, leaf in group.leaves.items()), ""] if group.leaves else []
    return "\n".join([*title, f"{_prose(group.text)}\n", *table])


def _row(key: str, leaf: Mapping[str, Any]) -> str:
    default = "; ".join([_default(leaf), *_differences(key)])
    texts = (f"`{key}`", default, _allowed(leaf), _prose(leaf["description"]), _prose(leaf.get("paper", "")))
    cells = [text.replace("|", "\\|") for text in texts]
    return f"| {' | '.join(cells)} |"


def _default(leaf: Mapping[str, Any]) -> str:
    if leaf.get("required"):
        return "must be given"
    return f"`{_yaml(leaf['default'])}`" if "default" in leaf else "`{}`"


def _differences(key: str) -> list[str]:
    """The value in each preset that has one of its own; presets of one value together."""
    found: dict[str, list[str]] = {}
    for preset, settings in PRESETS.items():
        value: Any = settings
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            found.setdefault(_yaml(value), []).append(preset)
    return [f"{_codes(presets)}: `{value}`" for value, presets in found.items()]


def _allowed(schema: Mapping[str, Any]) -> str:
    """The values that a JSON schema accepts, in words."""
    if "anyOf" in schema:
        return ", or ".join(_allowed(part) for part in schema["anyOf"])
    if "const" in schema:
        return f"`{_yaml(schema['const'])}`"
    if "enum" in schema:
        return f"one of {_codes(schema['enum'])}"
    kind = schema["type"]
    if "prefixItems" in schema:
        return f"list of {len(schema['prefixItems'])}: {_allowed(schema['prefixItems'][0])}"
    if kind == "array":
        size = f" of at least {schema['minItems']}" if schema.get("minItems") else ""
        return f"list{size}: {_allowed(schema['items'])}"
    word = "path" if schema.get("format") == "path" else _WORDS.get(kind, kind)
    limits = [f"{bound} {_yaml(schema[name])}" for name, bound in _BOUNDS.items() if name in schema]
    pattern = f" matching `{schema['pattern']}`" if "pattern" in schema else ""
    return ", ".join([word + pattern, *limits])


def _codes(values: Iterable[Any]) -> str:
    return ", ".join(f"`{_yaml(value)}`" for value in values)


def _yaml(value: Any) -> str:
    """A value as one writes it in YAML."""
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return value if isinstance(value, str) else json.dumps(value)


def _prose(text: str) -> str:
    """A text that Markdown shows as it is."""
    return text.replace("<", "&lt;").replace("*", "\\*")


def write_reference(path: Path) -> None:
    """Writes the page.

    Raises:
        UserError: if the file cannot be written.
    """
    try:
        path.write_text(reference(), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m i2vadapt.config.reference", description="Writes the page.")
    parser.add_argument("page", nargs="?", type=Path, default=PAGE, help=f"file to write ({PAGE})")
    try:
        write_reference(parser.parse_args().page)
    except UserError as error:
        parser.exit(1, f"error: {error}\n")
