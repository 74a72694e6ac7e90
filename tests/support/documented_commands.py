"""Commands in the README and the pages of docs/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
_BLOCK = re.compile(
    r"(?:<!-- not run by the tests: (?P<why>[^>]+) -->\n)?^(?P<indent> *)```sh\n(?P<lines>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_INLINE = re.compile(r"(?<!`)`(i2vadapt [^`]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A block of shell commands.

    Attributes:
        page: the file.
        lines: commands, without comments and with continued lines joined.
        why_not: why the tests do not run it; empty if they do.
    """

    page: Path
    lines: tuple[str, ...]
    why_not: str

    def __str__(self) -> str:
        return f"{self.page.name}: {self.lines[0]}"


def blocks() -> list[Block]:
    """All blocks of all pages, in order."""
    return [
        Block(page, tuple(_commands(match["lines"])), match["why"] or "")
        for page in PAGES
        for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


def inline() -> Iterator[tuple[Path, str]]:
    """Page and text of every command of this package that is named within a sentence."""
    for page in PAGES:
        text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for match in _INLINE.finditer(text):
            yield page, " ".join(match[1].split())


def _commands(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        command = re.sub(r"(^|\s)#.*", "", line).strip()
        if command:
            yield command
