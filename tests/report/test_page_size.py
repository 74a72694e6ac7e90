"""The page stays small whatever a benchmark holds."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_results import write_results

from i2vadapt.cli import main
from i2vadapt.report import budget, make
from i2vadapt.report.page import Content, build_page


def noise(height: int, width: int) -> bytes:
    """A picture that nothing compresses, as PNG."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return bytes(cv2.imencode(".png", pixels)[1])


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """What the page of the tiny results is made of."""
    root, found = tmp_path_factory.mktemp("report"), list[Content]()

    def keep(content: Content) -> str:
        found.append(content)
        return build_page(content)

    results = write_results(root, labelled=True)
    options = ["--benchmark", str(root / "tiny.yaml"), "--results", str(results.path), "--out", str(root / "report")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "build_page", keep)
        assert main(["report", *options, "--methods", "full", "so_rgb", "--seeds", "0", "1"]) == 0
    return found[-1]


def test_large_sheets_and_many_methods_leave_room_for_clips(content: Content) -> None:
    large = noise(600, 400)
    many = {f"method_{number}": large for number in range(30)}
    sheets = dict.fromkeys(content.sheets, noise(3800, 1500))  # 24 classes
    first = content.methods[0]
    methods = [replace(first, name=name, title=name) for name in many]
    banks = {"flow_bank": noise(900, 600)}
    page = build_page(replace(content, methods=methods, confusions=many, banks=banks, sheets=sheets, clips=()))
    assert len(page.encode()) < budget.PAGE - budget.CLIPS
    assert page.count('class="id"') == 0
    assert 'alt="method_29"' in page  # of the last method
    assert "confusion_method_28.png" in page


def test_sheets_are_shrunk_until_they_fit_and_not_below(content: Content) -> None:
    page = build_page(replace(content, sheets=dict.fromkeys(content.sheets, noise(2000, 1500))))
    sheets = re.findall(r"data:image/jpeg;base64,([^\"]+)", page)
    assert len(sheets) == len(content.sheets)
    assert all(budget.SHEET / 3 < len(sheet) <= budget.SHEET for sheet in sheets)
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(sheets[0]), np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape[0] > 500


@pytest.mark.parametrize("over", [-20_000, 6_000, 10**6], ids=["nothing", "small ones", "all"])
def test_clips_take_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Content, over: int) -> None:
    """The page never exceeds its limit; the more room, the more clips."""
    bare = len(build_page(replace(content, clips=())).encode())
    monkeypatch.setattr(budget, "PAGE", bare + over)
    results = write_results(tmp_path, labelled=True)
    options = [
        "--benchmark",
        str(tmp_path / "tiny.yaml"),
        "--results",
        str(results.path),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(["report", *options, "--methods", "full", "so_rgb", "--seeds", "0", "1"]) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    shown, most = page.count('class="id"'), sum(len(group.clips) for group in content.clips)
    assert shown == (0 if over < 0 else most if over == 10**6 else shown)
    assert over < 0 or len(page.encode()) <= bare + over
