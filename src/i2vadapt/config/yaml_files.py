"""Strict reading of YAML files: no key twice, and no value that YAML 1.1 reads otherwise than people do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from i2vadapt.config.names import canonical
from i2vadapt.errors import UserError
from i2vadapt.files.absent import advice

_TAG = "tag:yaml.org,2002:"
_SURPRISING = re.compile(r"[-+]?0[0-9_]+|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
"""Octal numbers without an o, and numbers to the base 60."""


@dataclass(frozen=True)
class YamlFile:
    """A mapping read from a YAML file.

    Attributes:
        path: the file.
        data: its content; keys that YAML reads as something else than text are text here.
        problems: mistakes in the YAML itself, a line each.
        node: the content as written.
        reported: identities of the nodes that `problems` are about.
    """

    path: Path
    data: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    node: yaml.Node | None = None
    reported: frozenset[int] = frozenset()

    def written(self, key: Sequence[int | str]) -> yaml.ScalarNode | None:
        """The value of a nested key as written; None if there is no single value.

        Args:
            key: keys of mappings and numbers in lists, from the outside inwards.
        """
        node = self.node
        for part in key:
            if isinstance(node, yaml.MappingNode):
                node = next((value for name, value in node.value if name.value == part), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
            else:
                return None
        return node if isinstance(node, yaml.ScalarNode) else None

    def has_reported(self, key: Sequence[int | str]) -> bool:
        """Whether `problems` already are about the value of a nested key."""
        return id(self.written(key)) in self.reported


def read_yaml_file(path: Path, by_hand: bool = True) -> YamlFile:
    """Reads a mapping; an empty file is an empty mapping.

    Args:
        path: the file.
        by_hand: whether a user wrote the file; the keys of one that a command wrote may be numbers.

    Raises:
        UserError: if the file is missing, is not YAML, or is not a mapping.
    """
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8-sig"))
        node = loader.get_single_node()
        if node is None:
            return YamlFile(path, {})
        found = list(_find_problems(node, by_hand, set()))
        data = loader.construct_document(node)
    except OSError as error:
        hint = advice(path) if isinstance(error, FileNotFoundError) else ""
        raise UserError(f"{path}: cannot be read: {error.strerror}{hint}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if data is None:
        return YamlFile(path, {})
    if not isinstance(data, dict):
        raise UserError(f"{path}: must be a mapping of keys to values, not a {type(data).__name__}")
    problems = [f"{path}: line {part.start_mark.line + 1}: {text}" for part, text in found]
    return YamlFile(path, data, problems, node, frozenset(id(part) for part, _ in found))


def _find_problems(node: yaml.Node, by_hand: bool, seen: set[int]) -> Iterator[tuple[yaml.Node, str]]:
    """Yields what is wrong and where; gives keys that are not text the text that was written."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode) and by_hand:
        yield from _scalar_problems(node)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _find_problems(value, by_hand, seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            yield from _key_problems(key, by_hand, lines)
            yield from _find_problems(value, by_hand, seen)


def _key_problems(key: yaml.Node, by_hand: bool, lines: dict[str, int]) -> Iterator[tuple[yaml.Node, str]]:
    if not isinstance(key, yaml.ScalarNode):
        yield key, "a key must be text, not a list or a mapping"
        return
    name = canonical(key.value)
    if name in lines:
        yield key, f"the key {key.value} occurs twice, first in line {lines[name]}"
    lines.setdefault(name, key.start_mark.line + 1)
    kind = key.tag.removeprefix(_TAG)
    if by_hand and kind not in ("str", "merge"):
        yield key, f"the key {key.value} is not text, but a YAML {kind}: put it in quotes: '{key.value}'"
        key.tag = f"{_TAG}str"


def _scalar_problems(node: yaml.ScalarNode) -> Iterator[tuple[yaml.Node, str]]:
    kind = node.tag.removeprefix(_TAG)
    if kind == "timestamp":
        yield node, f"{node.value} is not text, but a YAML date: put it in quotes: '{node.value}'"
    elif kind in ("int", "float") and node.style is None and _SURPRISING.fullmatch(node.value):
        value = yaml.safe_load(node.value)
        yield node, f"{node.value} is read as {value}: write the number so, or put a name in quotes: '{node.value}'"
