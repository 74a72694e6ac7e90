"""Exported classifiers: the same numbers from the folder, as a program of PyTorch and as ONNX, and the model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from saved_method import DECODE, STREAMS, content, write_description
from tiny_data import CLASSES

from i2vadapt.cli import main
from i2vadapt.clips.batches import Sample
from i2vadapt.clips.placement import scaled
from i2vadapt.data.video_files import FoundVideo
from i2vadapt.errors import UserError
from i2vadapt.inference import graphs
from i2vadapt.inference.classifier import load_classifier, score_in_batches
from i2vadapt.inference.export import export
from i2vadapt.inference.predict import predict_videos
from i2vadapt.weights import checkpoint

IDENTITY = {
    "weights": {"/home/me/weights/i3d-kinetics400-rgb.safetensors": "ab" * 32},
    "source": {"frames": ["cd" * 32], "flow": []},
    "target": {"frames": [f"{number:064d}" for number in range(6)], "flow": []},
}


@pytest.fixture(scope="module")
def made(saved: Path) -> Path:
    """A method below results/methods, with predictions, and its export."""
    for stream in STREAMS:
        document = {**content(stream, init={"rgb": "/home/me/rgb.pt"}), "identity": IDENTITY}
        checkpoint.save(saved / "methods" / "tiny" / stream / "checkpoint.pt", document)
    method = saved / "methods" / "tiny" / "both"
    (method / "seed0").mkdir(parents=True)
    write_description(method / "seed0", [f"../{stream}" for stream in STREAMS], [1.5, 0.5])
    text = (method / "seed0" / "method.yaml").read_text().replace("'stream': '../", "'stream': '")
    (method / "seed0" / "method.yaml").write_text(text)
    rows = ["walk,walk,walk,run", "run,walk,run,run", "run,run,run,walk", ",run,run,run"]
    table = "\n".join(
        ["id,class,predicted,predicted_rgb,predicted_flow", *(f"{k},{row}" for k, row in enumerate(rows))]
    )
    (method / "seed0" / "predictions.csv").write_text(table + "\n")
    assert main(["export", str(method / "seed0"), "--out", str(saved / "export"), "--data-licence", "CC0"]) == 0
    return saved / "export"


def clips(stream: str, count: int) -> torch.Tensor:
    rng = np.random.default_rng(count)
    return torch.from_numpy(rng.integers(1, 256, (count, 8, 32, 32, 3 if stream == "rgb" else 2)).astype(np.uint8))


def test_predict_reads_an_export_and_gives_the_same_bits(saved: Path, made: Path) -> None:
    video = FoundVideo(saved / "0.mp4")
    found = []
    for path in (saved / "methods" / "tiny" / "both" / "seed0", made):
        (one,) = predict_videos(load_classifier(path), [video], None, 8, 1)
        found.append({name: row.tolist() for name, row in one.probabilities.items()})
    assert found[0] == found[1]
    assert [member.weight for member in load_classifier(made).members] == [1.5, 0.5]


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("suffix", graphs.SUFFIXES)
def test_a_graph_computes_what_the_network_computes(made: Path, stream: str, suffix: str) -> None:
    for package in graphs._NEEDED[suffix]:
        pytest.importorskip(package)
    (member,) = [one for one in load_classifier(made).members if one.settings.stream == stream]
    run = {"pt2": graphs._run_program, "onnx": graphs._run_onnx}[suffix](made / f"{stream}.{suffix}")
    for count in (1, 2, 5):
        stored = clips(stream, count)
        batch: Sample = {"clip": stored}
        expected = score_in_batches(member, [batch])
        found = run(scaled(stored).permute(0, 4, 1, 2, 3).contiguous())
        assert found.shape == (count, 2)
        assert np.abs(found - expected).max() <= 1e-4


def test_what_an_export_contains(made: Path) -> None:
    names = {path.name for path in made.iterdir()}
    wanted = {f"{stream}.{suffix}" for stream in STREAMS for suffix in ("safetensors", "pt2")}
    assert names - {f"{stream}.onnx" for stream in STREAMS} == wanted | {"README.md", "config.json"}
    config = json.loads((made / "config.json").read_text())
    assert config["classes"] == list(CLASSES)
    assert [network["settings"]["init"]["rgb"] for network in config["networks"]] == ["rgb.pt"] * 2
    for path in made.iterdir():
        # Nor are there the folders of the package, which exporters note with each node.
        for folder in ("/home/me", str(Path(graphs.__file__).parents[1])):
            assert folder.encode() not in path.read_bytes(), path


def test_the_model_card(made: Path) -> None:
    card = (made / "README.md").read_text()
    for line in (
        "# Both",
        "0. walk\n1. run",
        "On 3 labelled videos of the target, which the adaptation, if any, has seen without their labels:",
        "| rgb | 100.0 | 100.0 |",
        "| flow | 33.3 | 25.0 |",
        "| fused | 66.7 | 75.0 |",
        "trained without labels of videos on the benchmark tiny by i2vadapt",
        f"- rgb, target, frames: `{0:016d}`, `{0:016d}`, `{0:016d}`, … (6 in all)",
        "- Training data: CC0.",
        "- Initial weights `i3d-kinetics400-rgb.safetensors` (SHA-256 `abababababababab`): MIT (Python package",
        "| rgb: i3d | 1.5 | 8 frames of 32x32 | red, green, blue | value / 127.5 - 1 |",
        f"{DECODE.short_side} pixels, brightened (gain 0.6), compressed as JPEG of quality 100, and cropped in the",
    ):
        assert line in card
    assert "\n\n\n" not in card


def test_a_single_network_is_exported_too(saved: Path, tmp_path: Path) -> None:
    history = {"history": [{"epoch": 1, "accuracy": 0.5, "class_accuracy": 0.25}]}
    file = tmp_path / "runs" / "tiny" / "rgb@capacity=2" / "seed0" / "checkpoint.pt"
    checkpoint.save(file, {**content("rgb"), **history})
    printed = list(export(file, tmp_path / "out"))
    assert str(tmp_path / "out" / "rgb.pt2") in printed
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.split("\n")[5] == "# rgb@capacity=2"
    assert "| rgb | 50.0 | 25.0 |" in card
    assert "Training data: not known to i2vadapt: look it up before you publish" in card
    with pytest.raises(UserError, match="is an export already"):
        list(export(tmp_path / "out", tmp_path / "again"))


def test_a_graph_that_cannot_be_made_is_one_line(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such\noperator")

    def off(path: Path) -> Callable[[torch.Tensor], Any]:
        return lambda clips: np.full((len(clips), 2), 0.25, np.float32)

    (member,) = load_classifier(saved / "rgb" / "checkpoint.pt").members
    file = tmp_path / "rgb.pt2"
    monkeypatch.setattr(graphs, "_run_program", off)
    assert graphs.write_graph(member, file, "pt2").startswith("its probabilities differ by ")
    monkeypatch.setattr(graphs, "_write_program", fail)
    assert graphs.write_graph(member, file, "pt2") == "no such operator"
    monkeypatch.setattr(graphs, "_NEEDED", {"onnx": ("no_such_package",)})
    assert graphs.write_graph(member, file, "onnx") == "needs no_such_package: pip install 'i2vadapt[export]'"
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_was_changed_is_refused(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "copy")
    weights = load_file(tmp_path / "copy" / "rgb.safetensors")
    save_file({**weights, "more": torch.zeros(1)}, tmp_path / "copy" / "rgb.safetensors")
    with pytest.raises(UserError, match=r"rgb\.safetensors: not the file that .*config\.json describes"):
        load_classifier(tmp_path / "copy")
    (tmp_path / "copy" / "config.json").write_text('{"format": 2}')
    with pytest.raises(UserError, match=r"config\.json: format: "):
        load_classifier(tmp_path / "copy")
