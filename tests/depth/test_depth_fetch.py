from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch

from i2vadapt.config.preprocessing import DepthModelName, DepthSettings
from i2vadapt.depth import DEPTH_MODELS, default_checkpoint, depth_model_spec, new_network
from i2vadapt.depth.fetch import downloaded_checkpoint, fetch_checkpoint
from i2vadapt.depth.stage import checkpoint_path
from i2vadapt.errors import UserError

_NAME = "dpt_small"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file served on loopback as the published checkpoint of the smallest network."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.chdir(tmp_path)
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}/small.pth"
        monkeypatch.setitem(DEPTH_MODELS, _NAME, replace(depth_model_spec(_NAME), url=url))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        torch.save(new_network(depth_model_spec(_NAME)).state_dict(), site / "small.pth")
        yield site / "small.pth"
        server.shutdown()
        thread.join()


def test_settings_name_every_network() -> None:
    assert sorted(get_args(DepthModelName)) == sorted(DEPTH_MODELS)


def test_every_network_has_weights_in_the_package_or_an_address() -> None:
    for name, spec in DEPTH_MODELS.items():
        assert (default_checkpoint(name) is None) == spec.url.startswith("https://")
    licences = {name: spec.licence for name, spec in DEPTH_MODELS.items() if "anything" in name}
    assert list(licences.values()) == ["Apache-2.0", "CC-BY-NC-4.0", "CC-BY-NC-4.0"]


def test_published_weights_are_fetched_to_where_they_are_looked_for(
    published: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        fetch_checkpoint(_NAME)
    assert "under the licence MIT" in caplog.text
    assert downloaded_checkpoint(_NAME).read_bytes() == published.read_bytes()
    downloaded_checkpoint(_NAME).rename(downloaded_checkpoint("dpt_large_384"))
    assert checkpoint_path(DepthSettings(model="dpt_large_384")) == Path("weights/dpt_large_384.pt")
    assert checkpoint_path(DepthSettings(model="dpt_large_384", checkpoint="mine.pt")) == Path("mine.pt")


def test_weights_of_another_network_are_thrown_away(published: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, published)
    with pytest.raises(UserError, match=r"not a checkpoint of dpt_small: \d+ keys missing"):
        fetch_checkpoint(_NAME)
    published.write_text("<html>")
    with pytest.raises(UserError, match="not a readable weights file"):
        fetch_checkpoint(_NAME)
    assert list(Path("weights").iterdir()) == []


def test_a_file_brought_by_hand_is_taken(published: Path) -> None:
    brought = published.rename(published.with_name("brought.pth"))
    with pytest.raises(
        UserError,
        match=r"small.pth: cannot be downloaded \(.*\)\. Without internet access, .* `i2vadapt download depth dpt_",
    ):
        fetch_checkpoint(_NAME)
    fetch_checkpoint(_NAME, Path("other") / "mine.pt", brought)
    assert (Path("other") / "mine.pt").read_bytes() == brought.read_bytes()


def test_a_network_of_the_package_is_not_fetched() -> None:
    with pytest.raises(UserError, match="dpt_small comes with the package; available for download: dpt_beit_large_512"):
        fetch_checkpoint(_NAME)
