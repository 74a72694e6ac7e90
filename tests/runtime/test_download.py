from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from file_server import FileServer, serving

from i2vadapt.errors import UserError
from i2vadapt.runtime import download as module
from i2vadapt.runtime.download import adopt, download

_BYTES = 300_000
_HINT = "Bring the file by hand."


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(module, "_WAIT", 0.01)
    with serving(np.random.default_rng(0).bytes(_BYTES)) as running:
        yield running


def accept(_: Path) -> None:
    pass


def assert_arrived(out: Path, content: bytes) -> None:
    assert out.read_bytes() == content
    assert out.with_name("weights.pt.sha256").read_text() == f"{hashlib.sha256(content).hexdigest()}  weights.pt\n"
    assert {path.name for path in out.parent.iterdir()} == {"weights.pt", "weights.pt.sha256"}


def test_a_file_is_fetched_once(server: FileServer, tmp_path: Path) -> None:
    out = tmp_path / "new" / "weights.pt"
    for _ in range(2):
        download(server.url, out, accept, _HINT)
        assert_arrived(out, server.content)
    assert server.asked == [""]


@pytest.mark.parametrize("validators", [{"ETag": '"a"'}, {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}])
def test_a_broken_connection_goes_on_where_it_stopped(
    server: FileServer, tmp_path: Path, validators: dict[str, str]
) -> None:
    server.validators = validators
    server.cuts = [100_000, 50_000]
    download(server.url, tmp_path / "weights.pt", accept, _HINT)
    assert server.asked == ["", "bytes=100000-", "bytes=150000-"]
    assert_arrived(tmp_path / "weights.pt", server.content)


def test_another_process_goes_on_where_one_stopped(server: FileServer, tmp_path: Path) -> None:
    out = tmp_path / "weights.pt"
    server.cuts = [120_000, *[0] * 4]
    with pytest.raises(UserError, match=rf"weights.pt: cannot be downloaded \(.*120000 of 300000 bytes\). {_HINT}"):
        download(server.url, out, accept, _HINT)
    assert not out.exists()
    server.asked.clear()
    download(server.url, out, accept, _HINT)
    assert server.asked == ["bytes=120000-"]
    assert_arrived(out, server.content)


@pytest.mark.parametrize(
    "trouble",
    [
        {"takes_ranges": False},
        {"validators": {}},
        {"validators": {"ETag": 'W/"weak"'}},
    ],
)
def test_servers_that_cannot_resume_send_all_again(
    server: FileServer, tmp_path: Path, trouble: dict[str, object]
) -> None:
    for name, value in trouble.items():
        setattr(server, name, value)
    server.cuts = [100_000]
    download(server.url, tmp_path / "weights.pt", accept, _HINT)
    assert len(server.asked) == 2
    assert_arrived(tmp_path / "weights.pt", server.content)


@pytest.mark.parametrize("size", [_BYTES, _BYTES // 2, 50_000])
@pytest.mark.parametrize("heeds_if_range", [True, False])
def test_parts_of_two_versions_are_never_joined(
    server: FileServer, tmp_path: Path, size: int, heeds_if_range: bool
) -> None:
    server.cuts = [100_000, *[0] * 4]
    with pytest.raises(UserError):
        download(server.url, tmp_path / "weights.pt", accept, _HINT)
    server.content, server.validators = np.random.default_rng(1).bytes(size), {"ETag": '"two"'}
    server.heeds_if_range = heeds_if_range
    download(server.url, tmp_path / "weights.pt", accept, _HINT)
    assert_arrived(tmp_path / "weights.pt", server.content)


def test_a_finished_part_is_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    out = tmp_path / "weights.pt"

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(server.url, out, killed, _HINT)
    download(server.url, out, accept, _HINT)
    assert server.asked == [""]
    assert_arrived(out, server.content)


def test_a_file_that_changed_since_the_first_download_is_refused(server: FileServer, tmp_path: Path) -> None:
    out = tmp_path / "weights.pt"
    download(server.url, out, accept, _HINT)
    out.unlink()
    server.content = server.content[::-1]
    with pytest.raises(
        UserError, match=r"its SHA-256 is \w{64}, which differs from the one recorded in .*weights.pt.sha256; remove"
    ):
        download(server.url, out, accept, _HINT)
    assert {path.name for path in tmp_path.iterdir()} == {"weights.pt.sha256"}
    (tmp_path / "weights.pt.sha256").unlink()
    download(server.url, out, accept, _HINT)
    assert_arrived(out, server.content)


def test_a_damaged_file_is_fetched_again(server: FileServer, tmp_path: Path) -> None:
    out = tmp_path / "weights.pt"
    download(server.url, out, accept, _HINT)
    out.write_bytes(b"damaged")
    download(server.url, out, accept, _HINT)
    assert_arrived(out, server.content)


def test_what_is_not_wanted_is_thrown_away(server: FileServer, tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise UserError(f"{path.name}: a page that asks to log in")

    with pytest.raises(UserError, match=r"weights.part.pt: a page"):
        download(server.url, tmp_path / "weights.pt", refuse, _HINT)
    with pytest.raises(UserError, match="a page"):
        adopt(Path(__file__), tmp_path / "weights.pt", refuse)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (403, 1), (503, 4)])
def test_refusals_are_one_line_with_a_way_out(server: FileServer, tmp_path: Path, status: int, tries: int) -> None:
    server.status = status
    with pytest.raises(UserError, match=rf"\A{server.url}: cannot be downloaded \([^\n]+\). {_HINT}\Z"):
        download(server.url, tmp_path / "weights.pt", accept, _HINT)
    assert len(server.asked) == tries
    assert list(tmp_path.iterdir()) == []


def test_no_network_and_no_size(server: FileServer, tmp_path: Path) -> None:
    server.tells_size = False
    with pytest.raises(UserError, match="does not announce the size"):
        download(server.url, tmp_path / "weights.pt", accept, _HINT)
    with serving(b"") as closed:
        url = closed.url
    with pytest.raises(UserError, match=rf"\A{url}: cannot be downloaded \(.*refused.*\). {_HINT}\Z"):
        download(url, tmp_path / "weights.pt", accept, _HINT)
    assert list(tmp_path.iterdir()) == []


def test_two_at_once(server: FileServer, tmp_path: Path) -> None:
    def again(_: Path) -> None:
        with pytest.raises(UserError, match="another process is writing it"):
            download(server.url, tmp_path / "weights.pt", accept, _HINT)

    download(server.url, tmp_path / "weights.pt", again, _HINT)
    assert_arrived(tmp_path / "weights.pt", server.content)


def test_a_file_brought_by_hand_is_recorded(tmp_path: Path) -> None:
    brought = tmp_path / "usb" / "original name.pt"
    brought.parent.mkdir()
    brought.write_bytes(b"weights")
    out = tmp_path / "here" / "weights.pt"
    adopt(brought, out, accept)
    assert_arrived(out, b"weights")
    adopt(out, out, accept)
    assert_arrived(out, b"weights")
    brought.write_bytes(b"others")
    with pytest.raises(UserError, match="differs from the one recorded"):
        adopt(brought, out, accept)
    assert_arrived(out, b"weights")
    with pytest.raises(UserError, match=r"none\.pt: no such file"):
        adopt(tmp_path / "none.pt", out, accept)
