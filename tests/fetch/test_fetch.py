"""The command as a whole, against a server on loopback."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml
from file_server import FileServer, serving
from paper_archives import HII_FOLDERS, HMDB_NAMES, Media
from rar_files import rar

from i2vadapt.cli import main
from i2vadapt.config.documents import load_benchmark
from i2vadapt.config.downloads import load_downloads
from i2vadapt.data.manifest import make_manifest
from i2vadapt.fetch import programs

WORKFLOW = Path(__file__).parents[2] / "workflow"
LISTED = "Stanford40_JPEGImages.zip", "hmdb51_org.rar", "test_train_splits.rar"


def fetch(server: FileServer, *options: str, benchmark: str = "EtoH") -> int:
    return main(["fetch", benchmark, "--mirror", server.folder, "--yes", *options])


def errors(capsys: pytest.CaptureFixture[str]) -> list[str]:
    mark = "i2vadapt: error: "
    return [line.removeprefix(mark) for line in capsys.readouterr().err.splitlines() if line.startswith(mark)]


def bring_hii(media: Media, folder: Path) -> None:
    for name in HII_FOLDERS.values():
        (folder / name).mkdir(parents=True)
        for number in (1, 2):
            (folder / name / f"{number:03}.jpg").write_bytes(media.picture())


def counts(benchmark: str, side: str) -> Counter[str]:
    manifest = make_manifest(load_benchmark(Path(f"workflow/benchmarks/{benchmark}.yaml")), side, 16)
    return Counter(item.class_name for item in manifest.items)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    paths = [path for path in folder.rglob("*") if not path.is_dir()]
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in paths}


def set_archive(project: Path, name: str, **values: object) -> None:
    path = project / "workflow" / "downloads.yaml"
    document = yaml.safe_load(path.read_text())
    document["archives"][name].update(values)
    path.write_text(yaml.safe_dump(document))


@pytest.mark.usefixtures("rar_program")
def test_after_fetch_the_manifests_have_every_item_of_every_class(
    project: Path, server: FileServer, media: Media, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(server) == 1
    assert errors(capsys) == [
        "HII: has no public address; ask for it at https://gtanisik.github.io/projects/hii (licence: none stated), put"
        " it in data/HII, and run the same command again",
        "4 of 13 classes lack photographs or videos: hug, kick, kiss, talk",
    ]
    bring_hii(media, Path("data/HII/HII"))
    assert fetch(server) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["class", "photographs", "expected", "videos", "expected"]
    assert lines[1].split() == ["clap", "2", "284", "2", "130"]
    assert lines[14].split() == ["total", "26", "3014", "26", "1690"]
    assert lines[15].startswith("next: name EtoH under `benchmarks` in config.yaml")
    classes = load_benchmark(Path("workflow/benchmarks/EtoH.yaml")).classes
    for side in ("source", "target"):
        assert counts("EtoH", side) == dict.fromkeys(classes, 2)
    names = {path.name for path in Path("data/hmdb51_org/clap").iterdir()}
    assert names == {pattern.format("clap") for pattern in HMDB_NAMES}
    assert Path("data/testTrainMulti_7030_splits/clap_test_split1.txt").read_text() == "a.avi 1\n"
    assert len(os.listdir("data/Stanford40_JPEGImages")) == 21  # nine classes, another one, and the record


@pytest.mark.usefixtures("rar_program")
@pytest.mark.parametrize("benchmark", ["BtoU", "StoU"])
def test_ucf101_is_complete_although_a_class_is_spelled_in_two_ways(
    project: Path, archives: dict[str, dict[str, bytes]], media: Media, benchmark: str
) -> None:
    classes = load_benchmark(Path(f"workflow/benchmarks/{benchmark}.yaml")).classes
    if benchmark == "BtoU":
        folder = Path("data/BU101_images/images")
        folder.mkdir(parents=True)
        for name in classes:
            for number in (1, 2):
                (folder / f"{name.replace('And', '_and_')}_{number}.jpg").write_bytes(media.picture())
    with serving(files=archives[benchmark]) as server:
        assert fetch(server, benchmark=benchmark) == 0
    for side in ("source", "target"):
        assert counts(benchmark, side) == dict.fromkeys(classes, 2)
    assert Path("data/ucfTrainTestlist/trainlist01.txt").is_file()
    assert sorted(path.name for path in Path("data/UCF-101").glob("*/v_HandStand*")) == (
        ["v_HandStandPushups_g01_c01.avi", "v_HandStandPushups_g25_c01.avi"] if benchmark == "BtoU" else []
    )


@pytest.mark.usefixtures("rar_program")
def test_a_second_call_does_nothing(project: Path, server: FileServer, archives: dict[str, dict[str, bytes]]) -> None:
    assert fetch(server) == 1
    assert tuple(server.paths) == LISTED
    before = snapshot(project / "data")
    shutil.rmtree("data/archives")  # they are not needed any more
    server.paths.clear()
    assert fetch(server) == 1
    assert server.paths == []
    assert snapshot(project / "data") == {name: was for name, was in before.items() if "/archives/" not in name}
    origin = yaml.safe_load(Path("data/hmdb51_org/.fetched.yaml").read_text())
    content = archives["EtoH"]["hmdb51_org.rar"]
    assert (origin["size"], origin["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (origin["files"], origin["licence"]) == (30, "CC BY 4.0")


@pytest.mark.usefixtures("rar_program")
def test_an_interrupted_download_is_resumed(
    project: Path, server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.cuts = [10**9, 5000, *[0] * 4]
    assert fetch(server) == 1
    (line,) = errors(capsys)
    assert line.startswith(f"{server.folder}hmdb51_org.rar: cannot be downloaded (connection closed after 5000 of")
    assert "--archives" in line
    server.asked.clear()
    fetch(server)
    assert server.asked == ["bytes=5000-", ""]
    assert Path("data/hmdb51_org/clap").is_dir()


@pytest.mark.usefixtures("rar_program")
def test_what_a_killed_process_had_unpacked_is_unpacked_again(
    project: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = Path("data/.hmdb51_org.unpacking/raw/clap")
    left.mkdir(parents=True)
    (left / "half.avi").write_bytes(b"half")
    with monkeypatch.context() as patch:
        patch.setattr("i2vadapt.fetch.unpack.unpack_rar", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert fetch(server) == 130
    assert not Path("data/hmdb51_org").exists()
    server.paths.clear()
    fetch(server)
    assert server.paths == ["test_train_splits.rar"]
    assert len(list(Path("data/hmdb51_org").rglob("*.avi"))) == 30
    assert [path.name for path in Path("data").glob(".*")] == []


@pytest.mark.usefixtures("rar_program")
def test_lost_files_and_folders_made_by_hand_are_named_and_left_alone(
    project: Path, server: FileServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    Path("data/hmdb51_org/clap").mkdir(parents=True)
    fetch(server)
    assert tuple(server.paths) == (LISTED[0], LISTED[2])
    Path("data/Stanford40_JPEGImages/applauding_001.jpg").unlink()
    capsys.readouterr()
    fetch(server)
    assert "data/hmdb51_org: is there, made by hand; left as it is" in caplog.text
    assert "data/Stanford40_JPEGImages: has 19 files of" in caplog.text
    assert "remove it to unpack it again" in caplog.text
    assert capsys.readouterr().out.splitlines()[1].split() == ["clap", "1", "284", "0", "130"]


def test_archives_brought_by_hand_are_used_where_they_lie(
    project: Path, archives: dict[str, dict[str, bytes]], rar_program: None, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("brought").mkdir()
    for name, content in archives["EtoH"].items():
        (Path("brought") / name).write_bytes(content)
    assert main(["fetch", "EtoH", "--archives", "brought", "--data", "elsewhere"]) == 1  # asks nothing
    assert "unpack brought/hmdb51_org.rar to elsewhere/hmdb51_org: about 0.001 GB, licence: CC BY 4.0" in (
        capsys.readouterr().out
    )
    assert sorted(os.listdir("elsewhere/archives")) == sorted(f"{name}.sha256" for name in LISTED)
    shutil.rmtree("elsewhere/hmdb51_org")
    (Path("brought") / "hmdb51_org.rar").write_bytes(rar({"clap.rar": rar({"other.avi": b"1"})}))
    assert main(["fetch", "EtoH", "--archives", "brought", "--data", "elsewhere"]) == 1
    assert "differs from the one recorded in elsewhere/archives/hmdb51_org.rar.sha256" in errors(capsys)[0]
    assert not Path("elsewhere/hmdb51_org").exists()


@pytest.mark.usefixtures("rar_program")
def test_a_question_comes_before_a_download(
    project: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["fetch", "EtoH", "--mirror", server.folder]) == 1
    out, log = capsys.readouterr()
    assert out.splitlines()[1] == (
        f"download hmdb51_org.rar from {server.folder}hmdb51_org.rar to data/hmdb51_org: about 0.001 GB, licence:"
        " CC BY 4.0"
    )
    assert "give --yes to agree" in log
    for answer, status in (("n\n", "fetch: nothing was downloaded"), ("y\n", "HII: has no public address")):
        terminal = io.StringIO(answer)
        terminal.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stdin", terminal)
        assert main(["fetch", "EtoH", "--mirror", server.folder]) == 1
        assert errors(capsys)[0].startswith(status)
    assert tuple(server.paths) == LISTED


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><p>Log in", "{url}: a web page, not an archive: the address has moved, or asks to log in"),
        (b"Rar", "{url}: 3 bytes that are not a zip archive, or part of one"),
        (
            b"",
            "{url}: cannot be downloaded (Not Found). If the address has moved, correct it in downloads.yaml or give",
        ),
    ],
)
def test_what_is_not_the_archive_is_refused_in_one_line(
    project: Path,
    server: FileServer,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    message: str,
    rar_program: None,
) -> None:
    server.files["Stanford40_JPEGImages.zip"] = content
    assert fetch(server) == 1
    (line,) = errors(capsys)
    assert line.startswith(message.format(url=f"{server.folder}Stanford40_JPEGImages.zip"))
    assert os.listdir("data") == ["archives"]
    assert os.listdir("data/archives") == []


@pytest.mark.usefixtures("rar_program")
def test_known_sizes_digests_and_free_space_are_checked(
    project: Path, server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    set_archive(project, "Stanford40_JPEGImages.zip", bytes=17)
    assert fetch(server) == 1
    assert "bytes, must have 17 by downloads.yaml; fetch it again" in errors(capsys)[0]
    set_archive(project, "Stanford40_JPEGImages.zip", bytes=None, sha256="0" * 64)
    assert fetch(server) == 1
    assert "its SHA-256 differs from the one in downloads.yaml" in errors(capsys)[0]
    server.paths.clear()
    set_archive(project, "Stanford40_JPEGImages.zip", gigabytes=1e9)
    assert fetch(server) == 1
    assert "data: needs about 2200000000.0 GB of free space, has" in errors(capsys)[0]
    assert server.paths == []


def test_without_a_program_for_rar_nothing_is_downloaded(
    project: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(programs, "installed_programs", lambda: [])
    assert fetch(server) == 1
    (line,) = errors(capsys)
    assert line.startswith(
        "hmdb51_org.rar: needs one of unrar, unar, 7zz, 7z, bsdtar, none of which is installed. Debian"
    )
    assert server.paths == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo"], "fetch: BENCHMARK: must be one of EtoH, BtoU, StoU, not 'demo'"),
        (["EtoH", "--mirror", "ftp://x"], "--mirror: must be an http or https address, not 'ftp://x'"),
        (["EtoH", "--archives", "none"], "--archives: none: no such folder"),
    ],
)
def test_wrong_arguments(project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(["fetch", *arguments]) == 1
    assert errors(capsys) == [message]


def test_downloads_yaml_agrees_with_the_benchmark_files() -> None:
    downloads = load_downloads(WORKFLOW / "downloads.yaml")
    for name, needs in downloads.benchmarks.items():
        benchmark = load_benchmark(WORKFLOW / "benchmarks" / f"{name}.yaml")
        assert benchmark.source.root == f"data/{needs.photographs.folder}"
        assert benchmark.target.root == f"data/{needs.videos}"
        totals = {"EtoH": (3014, 1690), "StoU": (2909, 1610), "BtoU": (23804, 13320)}[name]
        assert totals == (benchmark.source.expected, benchmark.target.expected)
        if needs.expected:
            assert list(needs.expected) == list(benchmark.classes)
            assert totals == tuple(map(sum, zip(*needs.expected.values(), strict=True)))
