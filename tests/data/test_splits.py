from __future__ import annotations

from pathlib import Path

import pytest

from i2vadapt.config.run import SplitSettings
from i2vadapt.data.splits import split_parts
from i2vadapt.errors import UserError


def test_hmdb51_codes(tmp_path: Path) -> None:
    (tmp_path / "wave_test_split1.txt").write_text("a.avi 1 \nb.avi 2 \nc.avi 0 \n")
    (tmp_path / "wave_test_split2.txt").write_text("a.avi 2 \nb.avi 1 \n")
    ids = ["wave/a.avi", "wave/b.avi", "wave/c.avi", "wave/new.avi"]
    parts = split_parts(ids, SplitSettings(hmdb51=str(tmp_path)))
    assert parts == {"wave/a.avi": "train", "wave/b.avi": "test"}


def test_ucf101_lists_whatever_the_case_of_the_names(tmp_path: Path) -> None:
    (tmp_path / "trainlist01.txt").write_text("HandstandPushups/v_HandStandPushups_g08_c01.avi 37\n")
    (tmp_path / "testlist01.txt").write_text("HandstandPushups/v_HandStandPushups_g01_c01.avi\n")
    settings = SplitSettings(train=(str(tmp_path / "trainlist01.txt"),), test=(str(tmp_path / "testlist01.txt"),))
    ids = [f"HandStandPushups/v_HandstandPushups_g{group}_c01.avi" for group in ("08", "01", "02")]
    assert split_parts(ids, settings) == {ids[0]: "train", ids[1]: "test"}


def test_without_lists_seven_tenths_are_for_training_and_no_video_depends_on_others() -> None:
    ids = [f"class/{number}.mp4" for number in range(2000)]
    parts = split_parts(ids, SplitSettings())
    assert parts.keys() == set(ids)
    assert list(parts.values()).count("train") / 2000 == pytest.approx(0.7, abs=0.03)
    some = split_parts(ids[500:600], SplitSettings())
    assert all(parts[item_id] == part for item_id, part in some.items())


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file \*_test_split1.txt"):
        split_parts(["a/b.avi"], SplitSettings(hmdb51=str(tmp_path)))
    (tmp_path / "list.txt").write_text("Class/a.avi 1\n")
    lists = (str(tmp_path / "list.txt"),)
    with pytest.raises(UserError, match="no target video is in the train part"):
        split_parts(["Class/a.avi"], SplitSettings(train=lists, test=lists))
    with pytest.raises(ValueError, match="train and test lists are needed together"):
        SplitSettings(train=lists)
