"""Damaged videos: each one decodes or is left out with one line, and nothing else happens.

`--fuzz N` sets the number of damaged files.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from damaged_videos import write_damaged

LONGEST = 20.0  # seconds for one damaged file of 50 kB; ordinary ones take less than a tenth of one
# One process decodes the files of a list, as the commands do, and says after each that it is still alive.
JUDGE = """
import sys
from pathlib import Path
from i2vadapt.config.preprocessing import DecodeSettings
from i2vadapt.data.container import count_packets
from i2vadapt.data.decode import Video, decode
from i2vadapt.data.items import Item
from i2vadapt.data.shards.format import Failed
from i2vadapt.data.video import VideoStream
from i2vadapt.errors import UserError
settings = DecodeSettings(short_side=32)
for name in sys.argv[1:]:
    said = []
    for look in (count_packets, lambda path: VideoStream(path).count()):
        try:
            said.append(str(look(name)))
        except UserError as error:
            assert str(error).startswith(f"{name}: "), error
            said.append("failed: " + str(error))
    result = decode(Video(Item("x", name, "", -1, ""), settings, Path(name).parent))
    said.append("failed: " + result.reason if isinstance(result, Failed) else str(len(result.frames)))
    assert all(len(text.splitlines()) == 1 for text in said), said
    print(name, *said, sep="\\t", flush=True)
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> list[list[str]]:
    """For each damaged file its name, and what the manifest, a first pass and decode say about it."""
    folder = tmp_path_factory.mktemp("damaged")
    names = [str(path) for path in write_damaged(folder, request.config.getoption("--fuzz"))]
    result = subprocess.run(
        [sys.executable, "-c", JUDGE, *names], capture_output=True, text=True, timeout=60 + LONGEST * len(names)
    )
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert result.returncode == 0, f"after {rows[-1:]}: {result.returncode} {result.stderr[-2000:]}"
    assert result.stderr.count("\n") == result.stderr.count("decode"), result.stderr[:2000]
    assert [row[0] for row in rows] == names
    return rows


def test_damaged_videos_decode_or_fail_by_name(judged: list[list[str]]) -> None:
    decoded = [row for row in judged if not row[3].startswith("failed: ")]
    assert 0.2 * len(judged) < len(decoded) < 0.95 * len(judged)
    for name, _, count, frames in judged:
        if not frames.startswith("failed: "):
            assert count == frames, name
        else:
            assert name in frames or frames.startswith("failed: too short: "), frames
