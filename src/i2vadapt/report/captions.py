"""The words under the figures of the page, from templates/captions.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml


@dataclass(frozen=True)
class Caption:
    """The words under a figure, in whole sentences.

    Attributes:
        shows: what is drawn.
        good: what one sees when the stages behind it work.
        bad: what one sees when something is wrong, and the stage or setting to look at.
    """

    shows: str
    good: str
    bad: str


def sheet_captions() -> dict[str, Caption]:
    """Captions of the contact sheets by name, in the order of the page."""
    return _captions()["sheets"]


def figure_captions(labelled: bool) -> dict[str, Caption]:
    """Captions of all other figures by name, for a target with or without labels."""
    groups = _captions()
    return {**groups["figures"], **groups["labelled" if labelled else "unlabelled"]}


@cache
def _captions() -> dict[str, dict[str, Caption]]:
    text = resources.files("i2vadapt.report").joinpath("templates", "captions.yaml").read_text(encoding="utf-8")
    return {
        group: {name: Caption(**words) for name, words in captions.items()}
        for group, captions in yaml.safe_load(text).items()
    }
