from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from pathlib import Path

import pytest
from torchvision.models import get_model_weights

from i2vadapt.cli import main
from i2vadapt.config.networks import TORCHVISION_NETWORKS
from i2vadapt.errors import UserError
from i2vadapt.weights import torchvision_video as module
from i2vadapt.weights.torchvision_video import FILES, FOLDER, fetch_torchvision


def test_the_files_are_those_that_torchvision_names() -> None:
    urls = {name: get_model_weights(name)["KINETICS400_V1"].url for name in TORCHVISION_NETWORKS}
    assert {name: FOLDER + file for name, file in FILES.items()} == urls


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of weights that stands in for torchvision's of s3d, named like them by its SHA-256."""
    content = b"weights" * 1000
    file = tmp_path / "server" / f"s3d-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    file.parent.mkdir()
    file.write_bytes(content)
    monkeypatch.setitem(FILES, "s3d", file.name)
    return file


def test_weights_are_downloaded_to_where_the_settings_look_for_them(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(published.parent))
    monkeypatch.chdir(tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setattr(module, "FOLDER", f"http://127.0.0.1:{server.server_address[1]}/")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            assert main(["download", "s3d"]) == 0
            published.write_bytes(b"other weights")
            with pytest.raises(
                UserError, match=r"not torchvision's s3d-\w{8}\.pth: its SHA-256 begins with \w{8}, not"
            ):
                fetch_torchvision("s3d", tmp_path / "other.pth")
        finally:
            server.shutdown()
            thread.join()
    assert Path("weights/s3d-kinetics400.pth").read_bytes() == b"weights" * 1000
    assert not Path("other.pth").exists()


def test_a_file_brought_by_hand_is_taken_if_it_is_the_right_one(published: Path, tmp_path: Path) -> None:
    fetch_torchvision("s3d", tmp_path / "s3d.pth", published)
    assert (tmp_path / "s3d.pth").read_bytes() == published.read_bytes()
    with pytest.raises(UserError, match=r"not torchvision's mvit_v2_s-ae3be167\.pth"):
        fetch_torchvision("mvit_v2_s", tmp_path / "mvit.pth", published)
    assert not (tmp_path / "mvit.pth").exists()
