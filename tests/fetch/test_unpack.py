"""Archives that are damaged or mean harm, and the headers of RAR archives."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest
from paper_archives import zip_of
from rar_files import rar, rar5

from i2vadapt.config.downloads import Archive
from i2vadapt.errors import UserError
from i2vadapt.fetch.programs import PROGRAMS, installed_programs
from i2vadapt.fetch.rar_headers import read_rar_entries
from i2vadapt.fetch.unpack import Origin, unpack

SPEC = Archive(url="http://localhost", gigabytes=1, folder="set", parts=2)


def unpack_bytes(root: Path, name: str, content: bytes, spec: Archive = SPEC) -> Path:
    archive = root / "from" / name
    archive.parent.mkdir(exist_ok=True)
    archive.write_bytes(content)
    unpack(archive, spec, root / "data" / "set", Origin(name, "", "", len(content), ""))
    return root / "data" / "set"


def zip_with_link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        info = zipfile.ZipInfo("class/link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        bundle.writestr(info, "/etc/passwd")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.zip", zip_of({"fine/1.avi": b"1", "../evil": b"1"}), "'../evil' in it leads outside its folder"),
        ("a.zip", zip_of({"/etc/evil": b"1"}), "'/etc/evil' in it leads outside its folder"),
        ("a.zip", zip_with_link(), "'class/link' in it is a link or a device"),
        ("a.rar", rar({"fine/1.avi": b"1", "a/../../evil": b"1"}), "'a/../../evil' in it leads outside its folder"),
        ("a.rar", rar({"..\\evil": b"1"}), r"'../evil' in it leads outside its folder"),
        ("a.rar", rar({"/etc/evil": b"1"}), "'/etc/evil' in it leads outside its folder"),
        ("a.rar", rar({}, links={"class/link": "/etc/passwd"}), "'class/link' in it is a link or a device"),
        ("a.rar", rar5({"../evil": b"1"}), "'../evil' in it leads outside its folder"),
        ("a.rar", rar5({}, links={"class/link": "/etc/passwd"}), "'class/link' in it is a link or a device"),
    ],
    ids=[
        "zip up",
        "zip absolute",
        "zip link",
        "rar up",
        "rar back",
        "rar absolute",
        "rar link",
        "rar5 up",
        "rar5 link",
    ],
)
def test_members_that_lead_outside_are_refused_before_anything_is_written(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    with pytest.raises(UserError) as error:
        unpack_bytes(tmp_path, name, content)
    assert str(error.value) == f"{tmp_path}/from/{name}: {reason}; refused, nothing was unpacked"
    assert os.listdir(tmp_path / "data") == []


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.zip", zip_of({"a/1.avi": bytes(1000)})[:-100], "is damaged"),
        ("a.rar", rar({"a/1.avi": bytes(1000)})[:500], "is cut short"),
        ("a.rar", rar5({"a/1.avi": bytes(1000)})[:500], "is cut short"),
        ("a.rar", rar({"a/1.avi": bytes(1000)})[:40], "is damaged"),
        ("a.rar", b"Rar!", "not a RAR archive"),
    ],
    ids=["zip", "rar", "rar5", "header", "signature"],
)
def test_damaged_archives_leave_nothing(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        unpack_bytes(tmp_path, name, content)
    assert os.listdir(tmp_path / "data") == []


@pytest.mark.usefixtures("rar_program")
@pytest.mark.parametrize("writer", [rar, rar5])
def test_a_changed_byte_is_noticed_whatever_the_program_says(tmp_path: Path, writer: object) -> None:
    content = bytearray(writer({"a/1.avi": bytes(1000), "a/2.avi": b""}))  # type: ignore[operator]
    content[500] ^= 1
    with pytest.raises(UserError, match=r"cannot be unpacked \(.*otherwise the archive is damaged: remove it"):
        unpack_bytes(tmp_path, "a.rar", bytes(content))
    assert os.listdir(tmp_path / "data") == []


@pytest.mark.usefixtures("rar_program")
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("writer", [rar, rar5])
def test_each_program_that_can_writes_what_the_headers_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, writer: object
) -> None:
    if program not in installed_programs():
        pytest.skip(f"{program} is not installed")
    monkeypatch.setattr("i2vadapt.fetch.programs.installed_programs", lambda: [program])
    names = ["top/a!#&();@[]~+-.avi", "top/-x $(b) `c`.avi", "top/é 日.avi", "1.avi"]
    try:
        folder = unpack_bytes(tmp_path, "-o a$b.rar", writer({name: name.encode() for name in names}))  # type: ignore[operator]
    except UserError as error:
        if program in ("7z", "7zz"):
            pytest.skip(f"built without RAR: {error}")
        raise
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.avi")}
    assert files == {name: name.encode() for name in names}


@pytest.mark.usefixtures("rar_program")
def test_another_program_is_tried_when_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "bin" / "unrar"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 0\n")  # says that all is well
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:{os.environ['PATH']}")
    assert installed_programs()[0] == "unrar"
    assert (unpack_bytes(tmp_path, "a.rar", rar({"a/1.avi": b"1"})) / "a" / "1.avi").read_bytes() == b"1"


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    content = zip_of({"x/a/1.avi": b"1", "y/a/1.avi": b"2"})
    with pytest.raises(UserError, match=r"two files of the archive would be 1.avi in a"):
        unpack_bytes(tmp_path, "a.zip", content)
    assert os.listdir(tmp_path / "data") == []


def test_headers_of_both_versions(tmp_path: Path) -> None:
    files = {"a/1.avi": b"one", "a/empty": b"", "é.txt": b"x" * 300}
    for number, writer in enumerate((rar, rar5)):
        path = tmp_path / f"{number}.rar"
        path.write_bytes(writer(files, links={"l": "a/1.avi"}, folders=("a",)))
        entries = {entry.name: entry for entry in read_rar_entries(path)}
        assert {name: entry.size for name, entry in entries.items() if not entry.special} == {
            name: len(content) for name, content in files.items()
        }
        assert [name for name, entry in entries.items() if entry.special] == ["l"]
