"""Captions name settings that exist."""

from __future__ import annotations

import re
from pathlib import Path

from i2vadapt.config.reference import groups_of
from i2vadapt.config.settings import Settings
from i2vadapt.report import captions

TEXT = (Path(captions.__file__).parent / "templates" / "captions.yaml").read_text()
SETTING = re.compile(r"\b(?:depth|synthesis|crops|decode|flow|train|bank|pace)\.[a-z]\w*")


def test_the_settings_that_captions_name_exist() -> None:
    groups = groups_of(Settings)
    known = {group.key for group in groups} | {key for group in groups for key in group.leaves}
    named = set(SETTING.findall(TEXT))
    assert len(named) > 8
    assert {name for name in named if not {name, f"train.{name}"} & known} == set()
