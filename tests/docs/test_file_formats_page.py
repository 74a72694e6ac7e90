"""The Python on docs/file-formats.md runs on a tiny results folder, and reads what i2vadapt itself reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_method import content
from tiny_data import CLASSES, make_items, write_flow, write_frames
from tiny_results import make_scores

from i2vadapt.data.flow_codec import encode_flow
from i2vadapt.data.items import ITEM_COLUMNS
from i2vadapt.data.manifest import EXCLUDED_COLUMNS
from i2vadapt.data.shards import format as shard_format
from i2vadapt.data.shards.build import make_provenance
from i2vadapt.data.shards.codec import encode_depth, encode_frame
from i2vadapt.data.shards.format import Encoded, Failed, write_shard_file
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.inference.scores import write_scores
from i2vadapt.layout import Results
from i2vadapt.report.comparison import HEADER
from i2vadapt.training.target_scores import INDEX_COLUMNS
from i2vadapt.weights import checkpoint

PAGE = (Path(__file__).parents[2] / "docs" / "file-formats.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
HEIGHT, WIDTH = 21, 30  # no multiples of 8, to which flow is padded


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the code of the page has defined, after it ran in a folder with tiny results."""
    root = tmp_path_factory.mktemp("page")
    results = Results(root / "results")
    videos = results.dataset("demo-videos").path
    items = make_items(".mp4")
    write_frames(videos, items, 0)
    write_flow(videos, -4.0)
    run = results.run("demo", "rgb", 0)
    checkpoint.save(run.checkpoint, content("rgb"))
    write_scores(run.scores(4), make_scores(items, ["run"] * len(items), 0.9, CLASSES), 4)
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for block in BLOCKS:
            exec(compile(block, "docs/file-formats.md", "exec"), found)
    return found


def test_the_code_reads_clips_scores_and_networks(names: dict[str, Any]) -> None:
    assert names["item"] in {item.id for item in make_items(".mp4")}
    assert names["frames"].shape[0] == names["flow"].shape[0] + 1
    np.testing.assert_allclose(names["flow"][..., 1], -4.0, atol=0.2)
    np.testing.assert_allclose(names["flow"], names["same_flow"], atol=1e-6)
    assert names["predicted"] == {item.id: "run" for item in make_items(".mp4")}
    assert names["classes"] == list(CLASSES)
    assert names["weights"]["logits.conv3d.bias"].shape == (len(CLASSES),)


@pytest.mark.parametrize("kind", ["frames", "flow", "depth"])
@pytest.mark.parametrize("codec", ["jpeg", "raw"])
def test_every_kind_and_codec_of_a_shard_is_read_as_described(
    names: dict[str, Any], tmp_path: Path, kind: str, codec: str
) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    data = {
        "frames": [encode_frame(image, codec, 90), encode_frame(255 - image, codec, 90)],
        "flow": [encode_flow(rng.normal(0, 3, (HEIGHT, WIDTH, 2)), 5, 90, codec)],
        "depth": [encode_depth(rng.integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16))],
    }[kind]
    settings = {"bound": 5.0} | ({} if kind == "depth" else {"codec": codec})
    info = {"height": HEIGHT, "width": WIDTH}
    rows = [Encoded("a", 1, data, info), Failed("b", "why"), Encoded("c/é", 0, data[::-1], info)]
    path = tmp_path / "0000.h5"
    write_shard_file(path, kind, rows, make_provenance("test", 1, settings, {}))
    reader = ShardReader(path)
    for number in range(2):
        item, label, clip = names["read_clip"](path, number)
        assert (item, label) == (reader.ids[number], reader.labels[number])
        np.testing.assert_allclose(clip, reader.frames(number), atol=1e-6)


def test_the_page_names_the_formats_and_columns_of_the_code() -> None:
    assert f"`format` ({shard_format.FORMAT})" in PAGE
    for name in (*shard_format.TABLES, *shard_format.FAILURES, "bytes"):
        assert f"`{name}`" in PAGE
    for column in (*ITEM_COLUMNS, *EXCLUDED_COLUMNS, *INDEX_COLUMNS, *HEADER):
        assert f"`{column}`" in PAGE
    assert set(content("rgb")) <= set(re.findall(r"`(\w+)`", PAGE))
