"""Hooks of MkDocs: pages from the repository's root, and links that hold both in the repository and on the site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).resolve().parents[1]
_FROM_ROOT = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Page of the site by the file in the repository's root that it shows."""
_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)#:]+)(?P<anchor>#[^)]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that lie in the repository's root."""
    for source, page in _FROM_ROOT.items():
        files.append(File.generated(config, page, content=(_ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Makes links relative to the site; a file that the site does not have is named without a link.

    A link to a file that does not exist is left as it is, so that a strict build fails.
    """
    at_root = page.file.src_uri in _FROM_ROOT.values()
    folder = _ROOT if at_root else _ROOT / "docs"

    def rewrite(match: re.Match[str]) -> str:
        path = (folder / match["target"]).resolve()
        if not path.is_file():
            return match[0]
        name = path.relative_to(_ROOT).as_posix()
        if name in _FROM_ROOT:
            target = _FROM_ROOT[name]
        elif name.startswith("docs/"):
            target = name.removeprefix("docs/")
        else:
            return match["text"]
        return f"[{match['text']}]({target}{match['anchor'] or ''})"

    return _LINK.sub(rewrite, markdown)
