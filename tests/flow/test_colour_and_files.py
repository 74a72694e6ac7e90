from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from i2vadapt.errors import UserError
from i2vadapt.flow import flow_to_colour, read_flo, write_flo


def test_colours_of_directions() -> None:
    flow = np.array([[0, 0], [1, 0], [0.5, 0], [4, 0], [np.nan, 0]])
    colours = flow_to_colour(flow, largest=1.0)
    np.testing.assert_array_equal(colours, [[255, 255, 255], [255, 0, 0], [255, 128, 128], [191, 0, 0], [0, 0, 0]])
    around = flow_to_colour(np.array([[np.cos(a), np.sin(a)] for a in np.linspace(0, 2 * np.pi, 37)]), 1.0)
    assert (around[0] == around[-1]).all()
    assert np.abs(np.diff(around.astype(int), axis=0)).max() < 100
    assert len(np.unique(around[:-1], axis=0)) == 36


def test_still_field_is_white_without_a_scale() -> None:
    assert (flow_to_colour(np.zeros((4, 5, 2))) == 255).all()


def test_flo_round_trip_and_byte_order(tmp_path: Path) -> None:
    flow = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)
    write_flo(tmp_path / "x.flo", flow)
    np.testing.assert_array_equal(read_flo(tmp_path / "x.flo"), flow)
    data = (tmp_path / "x.flo").read_bytes()
    assert data[:4] == b"PIEH"
    assert struct.unpack("<ii", data[4:12]) == (5, 3)
    assert struct.unpack("<ff", data[12:20]) == pytest.approx(tuple(flow[0, 0]))
    assert [path.name for path in tmp_path.iterdir()] == ["x.flo"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a .flo"),
        (b"P6 12 13 255 hello", "not a .flo"),
        (b"PIEH" + struct.pack("<ii", -1, 4), "header"),
        (b"PIEH" + struct.pack("<ii", 2, 2) + b"0" * 31, "31|43 bytes"),
    ],
)
def test_damaged_flo_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad.flo"
    path.write_bytes(data)
    with pytest.raises(UserError, match=message) as caught:
        read_flo(path)
    assert str(path) in str(caught.value)


def test_flo_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_flo(tmp_path / "none.flo")
    (tmp_path / "plain").touch()
    with pytest.raises(UserError, match="cannot be written"):
        write_flo(tmp_path / "plain" / "x.flo", np.zeros((2, 2, 2)))
    with pytest.raises(UserError, match="shape"):
        write_flo(tmp_path / "x.flo", np.zeros((2, 2)))
