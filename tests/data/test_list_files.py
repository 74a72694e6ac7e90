"""Lists as people and programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i2vadapt.data.list_files import read_hmdb51_split, read_list, read_ucf101_list
from i2vadapt.errors import UserError

FILES = ("run/a.mp4", "run/b c.mp4", "sit/d.avi", "sit/e", "sit/f g", "#1/h.mp4", "caf\u00e9/i.mp4", "run/j,k.mp4")
WANTED = "must be 'path label' or 'path', where the label is the name of a class, its number from 0, or -1 for none"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lists") / "videos"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def read(root: Path, text: str | bytes, labelled: bool = False) -> list[tuple[str, str | None, bool]]:
    path = root.parent / "list.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [(entry.id, entry.class_name, entry.is_index) for entry in read_list(path, root, labelled)]


def mistakes(root: Path, text: str | bytes, labelled: bool = False) -> list[str]:
    with pytest.raises(UserError) as caught:
        read(root, text, labelled)
    return str(caught.value).replace(f"{root.parent}/", "").splitlines()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run/a.mp4 run", ("run/a.mp4", "run", False)),
        ("run/a.mp4 0", ("run/a.mp4", "0", True)),
        ("run/a.mp4\trun fast", ("run/a.mp4", "run fast", False)),
        ("run/b c.mp4 run", ("run/b c.mp4", "run", False)),
        ("run/b c.mp4   run  ", ("run/b c.mp4", "run", False)),
        ('"run/b c.mp4" run fast', ("run/b c.mp4", "run fast", False)),
        ("'run/b c.mp4'", ("run/b c.mp4", None, False)),
        ("./run//a.mp4 run", ("run/a.mp4", "run", False)),
        # without a label
        ("run/a.mp4 -1", ("run/a.mp4", None, False)),
        ("run/a.mp4\t-1", ("run/a.mp4", None, False)),
        ("run/a.mp4", ("run/a.mp4", None, False)),
        ("run/b c.mp4", ("run/b c.mp4", None, False)),
        ("run/not there.mp4", ("run/not there.mp4", None, False)),
        ("run/j,k.mp4", ("run/j,k.mp4", None, False)),
        ("sit/e", ("sit/e", None, False)),
        ("sit/f g", ("sit/f g", None, False)),
        ("sit/f g sit", ("sit/f g", "sit", False)),
        # names
        ("#1/h.mp4 run", ("#1/h.mp4", "run", False)),
        ("cafe\u0301/i.mp4 cafe\u0301", ("caf\u00e9/i.mp4", "cafe\u0301", False)),
        ("run/a.mp4 走る", ("run/a.mp4", "走る", False)),
        ("run/a.mp4 v1.0", ("run/a.mp4", "v1.0", False)),
    ],
)
def test_a_line(root: Path, line: str, expected: tuple[str, str | None, bool]) -> None:
    assert read(root, line) == [expected]


def test_an_absolute_path_below_the_root(root: Path) -> None:
    assert read(root, f"{root}/run/a.mp4 run") == [("run/a.mp4", "run", False)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_comments_blank_lines_and_ends_of_lines(root: Path, start: str, end: str) -> None:
    lines = ["# my list", "run/a.mp4 0", "", "#no 0", "  ", "sit/d.avi 1", ""]
    assert read(root, start + end.join(lines)) == [("run/a.mp4", "0", True), ("sit/d.avi", "1", True)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run/a.mp4,run", "a space or a tab must separate path and label, not ','"),
        ("run/a.mp4, run", "a space or a tab must separate path and label, not ','"),
        ('"run/a.mp4",run', "a space or a tab must separate path and label, not ','"),
        ("run/a.mp4;run", "a space or a tab must separate path and label, not ';'"),
        ("run\\a.mp4 run", "paths must have / in the place of \\"),
        ("run/a.mp4 -2", WANTED),
        ("run/a.mp4\t120\t0", WANTED),
    ],
)
def test_a_line_that_is_none_is_shown_with_its_number(root: Path, line: str, message: str) -> None:
    text = f"# comment\n\nrun/a.mp4 run\n{line}\n"
    assert mistakes(root, text) == [f"list.txt: line 4: {message}: {line!r}"]


def test_all_bad_lines_are_told_at_once_and_photographs_need_labels(root: Path) -> None:
    assert mistakes(root, "run/a.mp4 run\nrun/a.mp4\nsit/d.avi -1\n", labelled=True) == [
        "list.txt: line 2: photographs need a label: must be 'path label': 'run/a.mp4'",
        "list.txt: line 3: photographs need a label: must be 'path label': 'sit/d.avi -1'",
    ]


def test_a_list_that_is_not_utf_8(root: Path) -> None:
    assert "save it as UTF-8" in mistakes(root, "run/a.mp4 run\n".encode("utf-16"))[0]
    assert read(root, b"run/\xe9.mp4 run\n") == [("run/\udce9.mp4", "run", False)]


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_two_lines_are_read_or_refused_by_number(root: Path, first: str, second: str) -> None:
    try:
        entries = read(root, f"{first}\n{second}")
        problems = []
    except UserError as error:
        entries, problems = [], str(error).splitlines()
    assert all(entry[0] for entry in entries)
    assert all(": line " in problem or "UTF-8" in problem for problem in problems)


def test_official_lists_count_blank_lines_too(tmp_path: Path) -> None:
    (tmp_path / "trainlist01.txt").write_text("\nWalk/a.avi\t1\nb.avi\n")
    with pytest.raises(UserError, match=r"line 3: must be 'Class/video.avi', not 'b.avi'"):
        read_ucf101_list(tmp_path / "trainlist01.txt")
    (tmp_path / "run_test_split1.txt").write_text("\n#1 a.avi 1\r\nb.avi 3\n")
    with pytest.raises(UserError, match=r"line 3: must be '<video> <0, 1 or 2>', not 'b.avi 3'"):
        read_hmdb51_split(tmp_path, 1)
    (tmp_path / "run_test_split1.txt").write_text("\n#1 a.avi 1\r\nb.avi\t2\n")
    assert [(entry.id, code) for entry, code in read_hmdb51_split(tmp_path, 1)] == [
        ("run/#1 a.avi", "1"),
        ("run/b.avi", "2"),
    ]
