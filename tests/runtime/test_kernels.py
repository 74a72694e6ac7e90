"""Numba on a small package of its own: a copy of the kernel compiler, a caller, a helper and a constant."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import i2vadapt
from i2vadapt.runtime.kernel_folder import kernel_folder
from i2vadapt.runtime.kernel_sources import read_kernel_sources

PACKAGE = Path(i2vadapt.__file__).parent
COPIED = (
    "__init__.py",
    *(f"files/{name}.py" for name in ("__init__", "atomic", "digests", "flushing", "temporary")),
    *(f"runtime/{name}.py" for name in ("__init__", "kernels", "kernel_folder", "kernel_sources")),
)
CALLER = """from i2vadapt.helper import shifted
from i2vadapt.runtime.kernels import kernel
from i2vadapt.scale import SCALE

@kernel()
def scaled(x):
    return SCALE * shifted(x)
"""
HELPER = """from i2vadapt.runtime.kernels import inlined

@inlined
def shifted(x):
    return x + 1
"""
CALL = """
from i2vadapt.caller import scaled
print(scaled(1), scaled(1.5), sum(scaled.stats.cache_hits.values()), sum(scaled.stats.cache_misses.values()))
"""
PULL = """
from pathlib import Path
import i2vadapt
helper = Path(i2vadapt.__file__).with_name("helper.py")
helper.write_text(helper.read_text().replace("x + 1", "x + 10"))
"""
NOWHERE = "/dev/null/home"  # not even root can write there
DAY = 24 * 3600


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """The folder of the small package."""
    package = tmp_path / "sources" / "i2vadapt"
    for name in COPIED:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACKAGE / name, package / name)
    (package / "caller.py").write_text(CALLER)
    (package / "helper.py").write_text(HELPER)
    (package / "scale.py").write_text("SCALE = 2\n")
    return package.parent


def start(sources: Path, code: str = CALL, **environment: str) -> subprocess.Popen[str]:
    # Without byte code, which Python considers current while modification time and size of a source are the same.
    settings = {"PATH": os.environ["PATH"], "PYTHONPATH": str(sources), "PYTHONDONTWRITEBYTECODE": "1"}
    settings |= {"HOME": str(sources.parent / "home"), **environment}
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def numbers(process: subprocess.Popen[str]) -> list[float]:
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, ""), "no error and no warning"
    return [float(word) for word in out.split()]


def call(sources: Path, code: str = CALL, **environment: str) -> list[float]:
    """Results of the caller for 1 and 1.5, and the numbers of cache hits and misses."""
    return numbers(start(sources, code, **environment))


def kept(root: Path) -> list[Path]:
    return sorted(root.rglob("*.kernel"))


def change(file: Path, old: str, new: str) -> None:
    """Changes a file without changing its size or modification time."""
    before = file.stat()
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size


def test_a_change_in_another_file_gives_the_new_result_at_once(sources: Path) -> None:
    assert call(sources) == [4, 5, 0, 2]
    change(sources / "i2vadapt/helper.py", "x + 1", "x + 3")
    assert call(sources) == [8, 9, 0, 2]
    change(sources / "i2vadapt/scale.py", "SCALE = 2", "SCALE = 5")
    assert call(sources) == [20, 22.5, 0, 2]
    change(sources / "i2vadapt/scale.py", "SCALE = 5", "SCALE = 2")
    change(sources / "i2vadapt/helper.py", "x + 3", "x + 1")
    assert call(sources) == [4, 5, 2, 0], "what was compiled before is still there"


def test_the_same_sources_are_compiled_once_wherever_they_are(sources: Path) -> None:
    together = [start(sources) for _ in range(4)]
    for process in together:
        assert numbers(process)[:2] == [4, 5]
    folder = sources.parent / "home/.cache/i2vadapt/kernels"
    assert len(kept(folder)) == 2, "one file for each type of argument, whichever process wrote it"
    assert [path for path in folder.rglob("*") if path.is_file()] == kept(folder), "and nothing else"
    copy = shutil.copytree(sources, sources.parent / "elsewhere")
    os.utime(copy / "i2vadapt/helper.py", (0, 0))
    assert call(copy, HOME=str(sources.parent / "home")) == [4, 5, 2, 0]


def test_damaged_machine_code_is_compiled_again(sources: Path) -> None:
    call(sources)
    files = kept(sources.parent)
    files[0].write_bytes(files[0].read_bytes()[:1000])
    files[1].write_bytes(b"")
    assert call(sources) == [4, 5, 0, 2]
    assert call(sources) == [4, 5, 2, 0]


def test_nothing_is_written_to_the_sources(sources: Path) -> None:
    temporary = sources.parent / "tmp"
    temporary.mkdir()
    before = sorted(sources.rglob("*"))
    for folder in [sources, *(path for path in before if path.is_dir())]:
        folder.chmod(0o500)  # has no effect for root
    for expected in ([4, 5, 0, 2], [4, 5, 2, 0]):
        assert call(sources, HOME=NOWHERE, TMPDIR=str(temporary)) == expected
    own = temporary / f"i2vadapt-kernels-{os.getuid()}"
    assert len(kept(own)) == 2
    assert own.stat().st_mode & 0o777 == 0o700
    assert sorted(sources.rglob("*")) == before


def test_where_nothing_can_be_written_kernels_still_run(sources: Path) -> None:
    code = f"import tempfile; tempfile.tempdir = {NOWHERE!r}" + CALL
    assert call(sources, code, HOME=NOWHERE) == [4, 5, 0, 2]
    full = "import errno, i2vadapt.runtime.kernels as kernels\n"
    full += "def no_space(*_): raise OSError(errno.ENOSPC, 'No space left on device')\n"
    full += "kernels.write_atomically = no_space" + CALL
    assert call(sources, full) == [4, 5, 0, 2]
    assert kept(sources.parent) == []


def test_the_users_numba_folder_comes_first(sources: Path) -> None:
    chosen = sources.parent / "chosen"
    assert call(sources, NUMBA_CACHE_DIR=str(chosen)) == [4, 5, 0, 2]
    assert len(kept(chosen)) == 2
    assert not (sources.parent / "home").exists()
    plain = "from i2vadapt.caller import scaled; print(scaled(1))"
    assert call(sources, plain, NUMBA_DISABLE_JIT="1") == [4]


def test_a_process_caches_nothing_after_its_sources_have_changed(sources: Path) -> None:
    assert call(sources, f"import i2vadapt.caller{PULL}{CALL}") == [4, 5, 0, 2], "it goes on with the functions it has"
    assert kept(sources.parent) == []
    assert call(sources) == [22, 23, 0, 2]


def test_a_process_uses_no_stale_code_after_its_sources_have_changed(sources: Path) -> None:
    call(sources)
    of_old_sources = kept(sources.parent)
    begin = "from i2vadapt.runtime.kernels import kernel; kernel()(lambda x: x)"
    assert call(sources, f"{begin}{PULL}{CALL}") == [22, 23, 0, 2], "it imported the caller later"
    assert kept(sources.parent) == of_old_sources


def test_sources_are_exactly_the_modules_that_kernels_are_compiled_from(tmp_path: Path) -> None:
    package = tmp_path / "small"
    texts = {
        "__init__.py": "",
        "compiler.py": "",
        "first.py": "if True:\n    from small.compiler import kernel\nfrom small.shapes import box\n",
        "shapes/__init__.py": "",
        "shapes/box.py": "from ..sizes import WIDTH\nfrom .round import RADIUS\n",
        "shapes/round.py": "import math\n",
        "sizes.py": "def later():\n    import small.unrelated\n",
        "unrelated.py": "# the compiler is only mentioned\n",
        "torn.py": "from small.compiler import (\n",
    }
    for name, text in texts.items():
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_text(text)
    found = read_kernel_sources(package, "small.compiler")
    names = ["compiler", "first", "shapes", "shapes.box", "shapes.round", "sizes"]
    assert list(found.files) == [f"small.{name}" for name in names]
    assert found.are_unchanged()
    (package / "unrelated.py").write_text("changed = True\n")
    assert read_kernel_sources(package, "small.compiler") == found
    (package / "sizes.py").rename(package / "moved.py")
    assert not found.are_unchanged()
    assert read_kernel_sources(package, "small.compiler").digest != found.digest


def test_all_kernels_of_the_package_are_compiled_by_one_module() -> None:
    sources = read_kernel_sources(PACKAGE, "i2vadapt.runtime.kernels")
    texts = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    with_numba = {path for path, text in texts.items() if re.search(r"^\s*(from|import) numba\b", text, re.M)}
    on_gpus = {PACKAGE / "flow/backends/cuda.py", *(PACKAGE / "flow/gpu").glob("*.py")}
    assert with_numba - on_gpus == {PACKAGE / "runtime/kernels.py"}
    with_kernels = {path for path, text in texts.items() if re.search(r"^@(kernel|inlined)\b", text, re.M)}
    assert with_kernels <= set(sources.files.values())
    assert "i2vadapt.demo.scene" in sources.files, "kernels read its constants"
    assert len(sources.files) < 30, "a change elsewhere compiles nothing again"


def test_kernels_do_not_import_pytorch(tmp_path: Path) -> None:
    code = "import sys, i2vadapt.flow.sweep, i2vadapt.synthesis.filling; print(int('torch' in sys.modules))"
    assert call(PACKAGE.parent, code, HOME=str(tmp_path)) == [0]


def test_code_of_other_sources_is_removed_a_month_after_its_last_use(tmp_path: Path) -> None:
    root = tmp_path / "i2vadapt/kernels"
    ages = {"a" * 16: 31, "b" * 16: 29, "c" * 16: 40, "somebody else's": 99}
    for name, age in ages.items():
        (root / name).mkdir(parents=True)
        (root / name / "some.kernel").touch()
        os.utime(root / name, (time.time() - age * DAY,) * 2)
    assert kernel_folder("c" * 16, str(tmp_path)) == root / ("c" * 16)
    assert sorted(path.name for path in root.iterdir()) == ["b" * 16, "c" * 16, "somebody else's"]
    assert time.time() - (root / ("c" * 16)).stat().st_mtime < DAY, "it was used today"


def test_a_temporary_folder_that_others_can_write_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("XDG_CACHE_HOME", NOWHERE)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = tmp_path / f"i2vadapt-kernels-{os.getuid()}"
    assert kernel_folder("a" * 16) == own / ("a" * 16)
    assert caplog.messages == [
        f"compiled kernels are cached in {own}/{'a' * 16}: {NOWHERE}/i2vadapt/kernels cannot be written"
    ]
    caplog.clear()
    own.chmod(0o770)
    assert kernel_folder("a" * 16) is None
    (message,) = caplog.messages
    assert message == "compiled kernels are not cached, so each process compiles them: no cache folder can be written"
    own.chmod(0o700)
    own.rename(tmp_path / "elsewhere")
    own.symlink_to(tmp_path / "elsewhere")
    assert kernel_folder("a" * 16) is None
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    (tmp_path / "i2vadapt-kernels-12345").mkdir(mode=0o700)
    assert kernel_folder("a" * 16) is None
