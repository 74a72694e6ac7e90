from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from i2vadapt.data.items import Item, digest_items, item_seed, read_items, shard_of, write_items
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically

# Any name a file system allows: bytes that are not UTF-8 arrive as surrogates.
NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name).map(os.fsdecode)


@given(st.lists(st.builds(Item, NAMES, NAMES, st.sampled_from(["", "a,b", 'x"y']), st.integers(-1, 9), st.just("d"))))
def test_a_table_of_items_survives_any_names(tmp_path_factory: pytest.TempPathFactory, items: list[Item]) -> None:
    path = tmp_path_factory.mktemp("items") / "manifest.csv"
    write_items(path, items)
    assert read_items(path) == items


@given(NAMES, st.integers(1, 500))
def test_shard_is_stable_and_in_range(name: str, shards: int) -> None:
    assert 0 <= shard_of(name, shards) < shards
    assert shard_of(name, shards) == shard_of(name, shards)


def test_shards_are_filled_evenly() -> None:
    counts = np.bincount([shard_of(f"class/image_{number}.jpg", 10) for number in range(5000)], minlength=10)
    assert counts.min() > 400
    assert counts.max() < 600


def test_shard_of_is_pinned() -> None:
    # Shards of finished runs must stay where they are.
    assert [shard_of(name, 100) for name in ("a.jpg", "walk/x.mp4", "é.png")] == [26, 93, 3]


def test_seed_depends_on_item_stage_and_seed_only() -> None:
    first = item_seed(0, "synthesize", "a.jpg")
    assert first == item_seed(0, "synthesize", "a.jpg")
    assert len({tuple(item_seed(*key)) for key in [(0, "s", "a"), (1, "s", "a"), (0, "t", "a"), (0, "s", "b")]}) == 4


def test_digest_changes_with_content_but_not_with_place() -> None:
    item = Item("a", "/x/a", "walk", 0, "1")
    assert digest_items([item]) == digest_items([Item("a", "/y/a", "walk", 0, "1")])
    assert digest_items([item]) != digest_items([Item("a", "/x/a", "walk", 0, "2")])
    assert digest_items([item]) != digest_items([Item("a", "/x/a", "run", 1, "1")])


def test_malformed_table_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("id,path\na,b\n")
    with pytest.raises(UserError, match="no column class, label, digest; its columns are id, path"):
        read_items(path)
    path.write_text("id,path,class,label,digest\na,b,c,x,d\n")
    with pytest.raises(UserError, match="line 2: label must be a whole number, not 'x'"):
        read_items(path)


def test_atomic_write_leaves_no_temporary_and_keeps_the_old_file_on_failure(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]
