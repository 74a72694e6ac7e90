"""Files of features: content, order, formats, and mistakes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_data import CLASSES, make_run

from i2vadapt.cli import main
from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.evaluation import evaluation_clip
from i2vadapt.clips.photographs import Photographs
from i2vadapt.clips.placement import place
from i2vadapt.errors import UserError
from i2vadapt.inference.classifier import load_classifier
from i2vadapt.inference.features import FeatureSet, ItemFeatures, compute_features, read_features, write_features
from i2vadapt.runtime.precision import choose_arithmetic
from i2vadapt.training.loop import Trainer

WHOLE = FeatureSet(
    CLASSES,
    {
        "source": ItemFeatures(
            ("walk/a.jpg", "run/\udcff.jpg"), np.array([0, 1]), np.arange(6, dtype=np.float32).reshape(2, 3)
        ),
        "target": ItemFeatures(("x.mp4",), np.array([-1]), np.full((1, 3), 0.5, np.float32)),
    },
    {"package": "test"},
)


@pytest.fixture(scope="module")
def networks(data_with_photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of a network of single frames and of a flow network, which are not trained."""
    root = tmp_path_factory.mktemp("networks")
    common = {
        "recipe": "pretrained",
        "epochs": 1,
        "crop": 32,
        "clip_frames": 8,
        "test_frames": 8,
        "precision": "float32",
    }
    frame = make_run(data_with_photographs, root / "frame")
    runs = {
        "frame": replace(frame, settings=_settings({**common, "network": "resnet18"})),
        "flow": replace(
            frame, folder=root / "flow", settings=_settings({**common, "stream": "flow", "init": {"rgb": None}})
        ),
    }
    for run in runs.values():
        Trainer(run).train()
    return {name: run.folder for name, run in runs.items()}


def _settings(document: dict[str, object]):  # noqa: ANN202
    from i2vadapt.config.parsing import parse
    from i2vadapt.config.recipes import settings_class

    return parse(settings_class(document, "test"), document, "test").relevant()


def test_features_are_those_of_the_evaluation_clips_averaged_over_time(
    data_with_photographs: Path, networks: dict[str, Path]
) -> None:
    """A network of single frames sees photographs; any other sees generated videos."""
    data = data_with_photographs
    for name, stream in (("frame", "rgb"), ("flow", "flow")):
        checkpoint = networks[name] / "checkpoint.pt"
        found = compute_features(checkpoint, data / "source", data / "target", 3, 0)
        (member,) = load_classifier(checkpoint).members
        member.model.eval()
        arithmetic = choose_arithmetic("float32")
        videos = ClipDataset(data / "target", stream)  # type: ignore[arg-type]
        sources = {
            "frame": Photographs(data / "source", videos.frames_settings),
            "flow": ClipDataset(data / "source", "flow"),
        }
        for side, dataset, frames in (("source", sources[name], 1 if name == "frame" else 8), ("target", videos, 8)):
            part = found.sides[side]
            assert part.ids == tuple(item.id for item in dataset.items)
            assert part.labels.tolist() == [item.label for item in dataset.items]
            for item_id, row in zip(part.ids, part.values, strict=True):
                clip = evaluation_clip(dataset, item_id, frames, 32)[None]
                expected = member.model(place(clip, arithmetic)).features[0].detach().numpy()
                np.testing.assert_allclose(row, expected, atol=1e-4)
    assert compute_features(networks["flow"] / "checkpoint.pt", None, data / "target", 3, 0).sides.keys() == {"target"}


def test_a_file_holds_what_was_written_and_the_same_bytes_again(tmp_path: Path) -> None:
    write_features(tmp_path / "a.h5", WHOLE)
    found = read_features(tmp_path / "a.h5", CLASSES)
    assert found.sides.keys() == WHOLE.sides.keys()
    for side, part in WHOLE.sides.items():
        assert found.sides[side].ids == part.ids
        np.testing.assert_array_equal(found.sides[side].labels, part.labels)
        np.testing.assert_array_equal(found.sides[side].values, part.values)
    assert found.provenance == WHOLE.provenance
    write_features(tmp_path / "b.h5", found)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_notebooks_get_arrays_or_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_features(tmp_path / "a.npz", WHOLE)
    with np.load(tmp_path / "a.npz") as arrays:
        assert set(arrays) == {
            "classes",
            *(f"{side}_{part}" for side in WHOLE.sides for part in ("ids", "labels", "features")),
        }
        np.testing.assert_array_equal(arrays["source_features"], WHOLE.sides["source"].values)
        assert arrays["source_ids"].tolist() == ["walk/a.jpg", "run/?.jpg"]
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        UserError, match=r"\Aa \.parquet file needs the package pyarrow: pip install pyarrow, or write \.npz\Z"
    ):
        write_features(tmp_path / "a.parquet", WHOLE)
    with pytest.raises(UserError, match=r"a\.csv: features can be written as \.h5, \.npz, \.parquet, not \.csv"):
        write_features(tmp_path / "a.csv", WHOLE)


def test_mistakes_are_one_line_each(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with pytest.raises(UserError, match=r"a\.h5: no such features: compute them first"):
        read_features(path)
    path.write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"\A[^\n]*a\.h5: not a readable file of features \([^\n]*\)\Z"):
        read_features(path)
    write_features(path, WHOLE)
    with pytest.raises(UserError, match=r"a\.h5: features of the classes walk, run, not sit, run"):
        read_features(path, ("sit", "run"))


def test_the_command_writes_the_features_of_a_run(
    data_with_photographs: Path, networks: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = ["--source", str(data_with_photographs / "source"), "--target", str(data_with_photographs / "target")]
    command = ["features", "--run", str(networks["frame"]), *sides, "--workers", "0"]
    assert main([*command, "--out", str(tmp_path / "f.h5")]) == 0
    found = read_features(tmp_path / "f.h5", CLASSES)
    assert found.provenance["train"]["network"] == "resnet18"
    assert found.sides["source"].values.shape == (4, 512)
    assert main(["features", "--run", str(tmp_path), *sides, "--out", str(tmp_path / "g.h5")]) == 1
    assert "checkpoint.pt" in capsys.readouterr().err.strip().splitlines()[-1]
