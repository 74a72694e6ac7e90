"""The page in a headless Chromium, where there is one (Debian: apt install chromium)."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import PROGRAM, Tab, chromium
from tiny_results import write_results

from i2vadapt.cli import main

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine")

CLIP = "document.querySelector('.clip button')"
IS_PLAYING = f"getComputedStyle({CLIP}.querySelector('.moving')).display == 'block'"
CONTRASTS = """(() => {
  const light = (colour) => {
    const parts = colour.match(/[0-9.]+/g).slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  return ["body", "figcaption", "b.good", "b.bad", "nav a"].map((name) => {
    const ink = light(getComputedStyle(document.querySelector(name)).color);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  });
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the tiny results, whose last method makes mistakes."""
    root = tmp_path_factory.mktemp("report")
    results = write_results(root, labelled=True)
    options = ["--benchmark", str(root / "tiny.yaml"), "--results", str(results.path), "--out", str(root / "report")]
    assert main(["report", *options, "--methods", "full", "so_rgb", "--seeds", "0", "1"]) == 0
    return root / "report" / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab, page: Path) -> Tab:
    """The page, freshly opened in a wide window without any preference."""
    browser.prefer()
    browser.resize(1100, 900)
    browser.mouse("mouseMoved", 1, 1)
    browser.open(page)
    return browser


def point_at_the_clip(tab: Tab) -> dict[str, float]:
    """Moves the mouse over the first clip and returns its place."""
    tab.evaluate(f"{CLIP}.scrollIntoView({{block: 'center'}})")
    box: dict[str, float] = tab.evaluate(f"{CLIP}.getBoundingClientRect().toJSON()")
    tab.mouse("mouseMoved", box["x"] + 10, box["y"] + 10)
    return box


def click(tab: Tab, box: dict[str, float]) -> None:
    for kind in ("mousePressed", "mouseReleased"):
        tab.mouse(kind, box["x"] + 10, box["y"] + 10, button="left", clickCount=1)


def looks(tab: Tab, box: dict[str, float], count: int) -> set[bytes]:
    """Different looks of a part of the window within about a second."""
    clip = {**{name: box[name] for name in ("x", "y", "width", "height")}, "scale": 1}
    clip["y"] += tab.evaluate("scrollY")
    found = set()
    for _ in range(count):
        found.add(base64.b64decode(tab.send("Page.captureScreenshot", clip=clip)["data"]))
        time.sleep(0.1)
    return found


def test_the_page_loads_without_errors_and_asks_nothing_of_the_network(tab: Tab) -> None:
    def of(method: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in tab.events if name == method]

    assert of("Runtime.exceptionThrown") == []
    assert [call for call in of("Runtime.consoleAPICalled") if call["type"] in ("error", "warning")] == []
    assert [entry for entry in of("Log.entryAdded") if entry["entry"]["level"] in ("error", "warning")] == []
    addresses = [request["request"]["url"] for request in of("Network.requestWillBeSent")]
    assert addresses
    assert {address.partition(":")[0] for address in addresses} <= {"file", "data"}
    assert len([address for address in addresses if address.startswith("file:")]) == 1


def test_every_picture_is_there(tab: Tab) -> None:
    pictures = tab.evaluate("[...document.images].map((image) => [image.alt, image.complete, image.naturalWidth])")
    assert len(pictures) > 12
    assert [name for name, complete, width in pictures if not complete or width == 0] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_paper(tab: Tab, scheme: str) -> None:
    tab.prefer(color_scheme=scheme)
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    assert min(tab.evaluate(CONTRASTS)) > 4.5  # as WCAG asks for


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_needs_no_scrolling_sideways(tab: Tab, scheme: str) -> None:
    tab.prefer(color_scheme=scheme)
    tab.resize(390, 844)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.evaluate("document.querySelectorAll('details').forEach((part) => part.open = true)")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_clip_stands_still_until_the_pointer_is_on_it(tab: Tab) -> None:
    assert not tab.evaluate(IS_PLAYING)
    tab.evaluate(f"{CLIP}.scrollIntoView({{block: 'center'}})")
    box = tab.evaluate(f"{CLIP}.getBoundingClientRect().toJSON()")
    assert len(looks(tab, box, 4)) == 1
    assert point_at_the_clip(tab) == box
    assert tab.evaluate(IS_PLAYING)
    assert len(looks(tab, box, 8)) > 1
    tab.mouse("mouseMoved", 1, 1)
    assert not tab.evaluate(IS_PLAYING)


def test_a_clip_plays_while_it_has_the_focus_of_the_keyboard(tab: Tab) -> None:
    for _ in range(100):
        for kind in ("rawKeyDown", "keyUp"):
            tab.send("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        if tab.evaluate(f"document.activeElement == {CLIP}"):
            break
    assert tab.evaluate(IS_PLAYING)
    tab.evaluate(f"{CLIP}.blur()")
    assert not tab.evaluate(IS_PLAYING)


def test_a_click_plays_and_stops_even_where_motion_is_to_be_reduced(tab: Tab) -> None:
    tab.prefer(reduced_motion="reduce")
    box = point_at_the_clip(tab)
    assert not tab.evaluate(IS_PLAYING)
    click(tab, box)
    assert tab.evaluate(IS_PLAYING)
    click(tab, box)
    assert not tab.evaluate(IS_PLAYING)
    click(tab, box)
    tab.evaluate("document.activeElement.blur()")
    assert not tab.evaluate(IS_PLAYING)
