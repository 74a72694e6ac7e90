from __future__ import annotations

import csv
import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch

from i2vadapt.errors import UserError
from i2vadapt.inference.metrics import accuracies
from i2vadapt.inference.predictions import write_predictions
from i2vadapt.inference.scores import Features, Scores, fuse, read_scores, write_scores

# Five videos, three classes. RGB is right on 0, 1 and 3, flow on 0 and 2, both together on 0, 1 and 2.
LABELS = np.array([0, 0, 1, 2, 0])
RGB = np.array([[0.8, 0.1, 0.1], [0.9, 0.1, 0.0], [0.5, 0.4, 0.1], [0.3, 0.2, 0.5], [0.1, 0.5, 0.4]], np.float32)
FLOW = np.array([[0.6, 0.2, 0.2], [0.3, 0.5, 0.2], [0.1, 0.8, 0.1], [0.9, 0.1, 0.0], [0.2, 0.2, 0.6]], np.float32)
IDS = ("a/0.mp4", "a/1.mp4", "b/0.mp4", "c/0.mp4", "a/2.mp4")
CLASSES = ("a", "b", "c")
NOT_UTF8 = os.fsdecode(b"caf\xe9/\xff 0.mp4")


def scores(probabilities: np.ndarray, labels: np.ndarray = LABELS, **changes: Any) -> Scores:
    return replace(Scores(IDS, CLASSES, labels, np.ones(5, bool), probabilities), **changes)


def some(whole: Scores, places: list[int]) -> Scores:
    """The same scores for some of the videos, in another order."""
    ids = tuple(whole.ids[place] for place in places)
    rows = (whole.labels[places], whole.tested[places], whole.probabilities[places])
    return Scores(ids, whole.classes, *rows, whole.features)


def test_fusion_adds_the_probabilities_of_the_runs() -> None:
    both = fuse([scores(RGB), scores(FLOW)])
    assert both.probabilities == pytest.approx(RGB + FLOW)
    assert both.predictions.tolist() == [0, 0, 1, 0, 2]
    assert both.confidence.tolist() == pytest.approx([1.4, 1.2, 1.2, 1.2, 1.0])
    assert (both.ids, both.classes, both.labels.tolist()) == (IDS, CLASSES, LABELS.tolist())
    alone = fuse([scores(RGB)])
    assert alone.confidence.tolist() == pytest.approx([0.8, 0.9, 0.5, 0.5, 0.5])


def test_videos_are_fused_by_their_ids_whatever_their_order() -> None:
    order = [3, 0, 4, 2, 1]
    tested = np.array([True, False, True, True, False])
    rgb, flow = scores(RGB, tested=tested), some(scores(FLOW, tested=tested), order)
    assert fuse([rgb, flow]).probabilities == pytest.approx(RGB + FLOW)
    reordered = fuse([flow, rgb])
    assert reordered.ids == flow.ids
    assert reordered.probabilities == pytest.approx((RGB + FLOW)[order])
    assert reordered.labels.tolist() == LABELS[order].tolist()
    assert reordered.tested.tolist() == tested[order].tolist()


def test_runs_that_were_given_other_labels_are_not_fused() -> None:
    """One of them was trained before the labels of the videos were corrected or added."""
    for label, name in ((1, "b"), (-1, "without a label")):
        labels = LABELS.copy()
        labels[1] = label
        with pytest.raises(UserError, match=f"scores of different labels: a/1.mp4 is a in one, {name} in another"):
            fuse([scores(RGB), some(scores(FLOW, labels=labels), [4, 1])])


def test_class_names_are_read_in_one_normal_form(tmp_path: Path) -> None:
    part = scores(RGB, classes=("a", "cafe\u0301", "c"))
    write_scores(tmp_path / "scores", part, 1)
    assert read_scores(tmp_path / "scores", ("a", "caf\u00e9", "c")).classes == ("a", "caf\u00e9", "c")


def test_videos_that_a_run_lacks_are_left_out_with_a_warning_that_names_them(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = fuse([some(scores(RGB), [0, 1, 2, 4]), some(scores(FLOW), [4, 3, 2, 0])])
    assert found.ids == ("a/0.mp4", "b/0.mp4", "a/2.mp4")
    assert found.probabilities == pytest.approx((RGB + FLOW)[[0, 2, 4]])
    assert found.labels.tolist() == [0, 1, 0]
    (message,) = caplog.messages
    assert message == "2 videos are not scored by every run and are left out: a/1.mp4, c/0.mp4"
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        fuse([scores(RGB), scores(FLOW)])
    assert caplog.messages == []


def test_many_missing_videos_are_one_short_warning(caplog: pytest.LogCaptureFixture) -> None:
    ids = tuple(f"{number:03d}.mp4" for number in range(100))
    many = Scores(ids, CLASSES, np.zeros(100, np.int64), np.ones(100, bool), np.full((100, 3), 1 / 3, np.float32))
    with caplog.at_level(logging.WARNING):
        assert fuse([many, some(many, [7])]).ids == ("007.mp4",)
        fuse([many, some(many, list(range(10, 100)))])
    first, second = caplog.messages
    assert first.startswith("99 videos ")
    assert first.endswith(
        ": 000.mp4, 001.mp4, 002.mp4, 003.mp4, 004.mp4, 005.mp4, 006.mp4, 008.mp4, 009.mp4, 010.mp4, …"
    )
    assert second.endswith(", 008.mp4, 009.mp4")


def test_scores_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(UserError, match=r"\Ascores of different classes: a, b, c, and a, c, b\Z"):
        fuse([scores(RGB), scores(FLOW, classes=("a", "c", "b"))])
    other = scores(FLOW, ids=tuple(f"other/{number}" for number in range(5)))
    with pytest.raises(UserError, match=r"\Ascores of different videos: a/0\.mp4, and other/0\Z"):
        fuse([scores(RGB), other])
    with pytest.raises(UserError, match="different videos"):  # any two have one in common, all three none
        fuse([some(scores(RGB), [0, 1]), some(scores(RGB), [1, 2]), some(scores(RGB), [2, 0])])


def test_accuracy_of_videos_and_of_classes() -> None:
    parts = {"rgb": scores(RGB), "flow": scores(FLOW)}
    found = {
        name: accuracies(part.predictions, LABELS) for name, part in {**parts, "fused": fuse([*parts.values()])}.items()
    }
    assert found == {
        "rgb": pytest.approx({"accuracy": 3 / 5, "class_accuracy": (2 / 3 + 0 + 1) / 3}),
        "flow": pytest.approx({"accuracy": 2 / 5, "class_accuracy": (1 / 3 + 1 + 0) / 3}),
        "fused": pytest.approx({"accuracy": 3 / 5, "class_accuracy": (2 / 3 + 1 + 0) / 3}),
    }


def test_videos_without_a_label_and_classes_without_a_video_do_not_count() -> None:
    predicted = scores(RGB).predictions
    found = accuracies(predicted, np.array([0, -1, 1, -1, 0]))
    assert found == pytest.approx({"accuracy": 1 / 3, "class_accuracy": (1 / 2 + 0) / 2})
    assert accuracies(predicted, np.full(5, -1)) == {}


def test_the_table_of_predictions_counts_the_tested_videos_of_each_stream_and_of_all(tmp_path: Path) -> None:
    tested = np.array([True, True, False, True, True])
    found = write_predictions(
        tmp_path / "predictions.csv", {"rgb": scores(RGB, tested=tested), "flow": scores(FLOW, tested=tested)}, [1, 1]
    )
    assert found == pytest.approx(
        {
            "accuracy_rgb": 3 / 4,
            "class_accuracy_rgb": (2 / 3 + 1) / 2,
            "accuracy_flow": 1 / 4,
            "class_accuracy_flow": (1 / 3 + 0) / 2,
            "accuracy_fused": 2 / 4,
            "class_accuracy_fused": (2 / 3 + 0) / 2,
        }
    )
    with (tmp_path / "predictions.csv").open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [IDS[place] for place in (0, 1, 3, 4)]
    assert write_predictions(tmp_path / "predictions.csv", {"rgb": scores(RGB, np.full(5, -1))}, [1]) == {}


def kept(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)


def odd_scores() -> Scores:
    """Scores with a name that is not UTF-8, an unlabelled video, an untested one, and features of both sides."""
    ids = (NOT_UTF8, 'comma, "quote"\n', "Ω.mp4", "", "e.mp4")
    features = {
        "target": Features(ids, kept(5, 0)),
        "source": Features((os.fsdecode(b"\xfe.jpg"), "1.jpg"), kept(2, 1)),
    }
    classes = (os.fsdecode(b"\xe9t\xe9"), "ß", "c")
    tested = np.array([True, False, True, True, True])
    return scores(RGB, np.array([0, -1, 1, 2, 0]), ids=ids, classes=classes, tested=tested, features=features)


def test_scores_are_read_as_they_were_written(tmp_path: Path) -> None:
    path, written = tmp_path / "scores" / "0003.safetensors", odd_scores()
    write_scores(path, written, 3)
    for found in (read_scores(path), read_scores(path, written.classes)):
        assert (found.ids, found.classes) == (written.ids, written.classes)
        assert os.fsencode(found.ids[0]) == b"caf\xe9/\xff 0.mp4"
        for name, dtype in (("labels", np.int64), ("tested", bool), ("probabilities", np.float32)):
            assert getattr(found, name).dtype == dtype
            np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
        assert found.features.keys() == {"target", "source"}
        for side, features in found.features.items():
            assert features.ids == written.features[side].ids
            np.testing.assert_array_equal(features.values, written.features[side].values.astype(np.float16))
    assert os.listdir(path.parent) == ["0003.safetensors"]


def test_scores_without_features_have_none(tmp_path: Path) -> None:
    write_scores(tmp_path / "a.safetensors", scores(RGB), 1)
    found = read_scores(tmp_path / "a.safetensors")
    assert found.features == {}
    assert found.features_of("target", IDS) is None


def test_features_are_found_by_id(tmp_path: Path) -> None:
    write_scores(tmp_path / "a.safetensors", odd_scores(), 1)
    found = read_scores(tmp_path / "a.safetensors")
    values = found.features_of("target", ["e.mp4", NOT_UTF8, "e.mp4"])
    np.testing.assert_array_equal(values, kept(5, 0)[[4, 0, 4]].astype(np.float16))
    assert found.features_of("source", ["1.jpg", "e.mp4"]) is None
    assert found.features_of("elsewhere", ["1.jpg"]) is None


def test_the_same_scores_give_the_same_bytes(tmp_path: Path) -> None:
    written = odd_scores()
    for name in ("a", "b"):
        write_scores(tmp_path / name, written, 3)
    # The same values as a slice of a larger array, in another memory order and type.
    strided = np.asfortranarray(np.repeat(RGB.astype(np.float64), 2, axis=0))[::2]
    write_scores(tmp_path / "c", replace(written, probabilities=strided), 3)
    write_scores(tmp_path / "d", read_scores(tmp_path / "a"), 3)
    contents = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(contents) == {"a", "b", "c", "d"}
    assert len(set(contents.values())) == 1
    write_scores(tmp_path / "e", written, 4)
    assert (tmp_path / "e").read_bytes() != contents["a"]


def test_a_failed_write_leaves_the_old_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.safetensors"
    write_scores(path, scores(RGB), 1)
    before = path.read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_scores(path, scores(FLOW), 1)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.safetensors"]


def line_about(path: Path, classes: tuple[str, ...] | None = None) -> str:
    """The error message about an unreadable file, without the path."""
    with pytest.raises(UserError) as caught:
        read_scores(path, classes)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def rewritten(change: Callable[[dict[str, Any], dict[str, np.ndarray]], object]) -> bytes:
    """The bytes of a file of scores with a changed header and changed tensors."""
    header = {"format": 1, "epoch": 1, "classes": CLASSES, "ids": IDS, "feature_ids": {}}
    tensors = {"labels": LABELS, "tested": np.ones(5, np.uint8), "probabilities": RGB}
    change(header, tensors)
    return safetensors.numpy.save(tensors, {"scores": json.dumps(header)})


def test_a_file_rewritten_without_a_change_is_read(tmp_path: Path) -> None:
    """The file that the next tests damage is valid otherwise."""
    (tmp_path / "a").write_bytes(rewritten(lambda header, tensors: None))
    np.testing.assert_array_equal(read_scores(tmp_path / "a", CLASSES).probabilities, RGB)


@pytest.mark.parametrize(
    "change",
    [
        lambda header, tensors: header.pop("ids"),
        lambda header, tensors: header.pop("format"),
        lambda header, tensors: header.pop("feature_ids"),
        lambda header, tensors: header.update(ids=None),
        lambda header, tensors: header.update(ids=IDS[:4]),
        lambda header, tensors: header.update(classes=CLASSES[:2]),
        lambda header, tensors: header.update(feature_ids=["target"]),
        lambda header, tensors: header.update(feature_ids={"target": IDS}),
        lambda header, tensors: tensors.pop("labels"),
        lambda header, tensors: tensors.update(labels=LABELS[:4]),
        lambda header, tensors: tensors.update(tested=np.ones(4, np.uint8)),
        lambda header, tensors: tensors.update(probabilities=RGB[0]),
        lambda header, tensors: (
            header.update(feature_ids={"target": IDS}),
            tensors.update(features_target=np.zeros((4, 2), np.float16)),
        ),
    ],
)
def test_incomplete_or_inconsistent_scores_are_reported_in_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any], dict[str, np.ndarray]], object]
) -> None:
    (tmp_path / "a").write_bytes(rewritten(change))
    assert line_about(tmp_path / "a").startswith("not a readable file of scores (")


def test_missing_damaged_and_foreign_files_are_reported_in_one_line(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    write_scores(whole, odd_scores(), 1)
    content = whole.read_bytes()
    path = tmp_path / "a.safetensors"
    assert line_about(path) == "no such scores: train the run first"
    for damaged in (b"", b"hello", content[:7], content[:100], content[:-1], content + b"x", b"\xff" * 200):
        path.write_bytes(damaged)
        assert line_about(path).startswith("not a readable file of scores (")
    safetensors.torch.save_file({"weight": torch.zeros(2, dtype=torch.bfloat16)}, path)
    assert line_about(path).startswith("not a readable file of scores (")
    path.write_bytes(safetensors.numpy.save({"a": RGB}, {"scores": "{"}))
    assert line_about(path).startswith("not a readable file of scores (")
    path.write_bytes(safetensors.numpy.save({"a": RGB}, {"scores": "[1]"}))
    assert line_about(path).startswith("not a readable file of scores (")
    path.unlink()
    path.mkdir()
    assert line_about(path).startswith("not a readable file of scores (")


def test_flipped_bytes_of_the_header_are_reported_in_one_line(tmp_path: Path) -> None:
    """A file with any damaged byte is either read or refused in one line."""
    write_scores(tmp_path / "whole", odd_scores(), 1)
    content = (tmp_path / "whole").read_bytes()
    path, messages = tmp_path / "a", []
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content)
        damaged[rng.integers(8 + int.from_bytes(content[:8], "little"))] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_scores(path)
        except UserError as error:
            messages.append(str(error))
    assert len(messages) > 100
    assert not [message for message in messages if "\n" in message]


def test_another_format_and_other_classes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(rewritten(lambda header, tensors: header.update(format=2)))
    assert line_about(path) == "scores of format 2, not 1: train the run again"
    write_scores(path, scores(RGB), 1)
    assert line_about(path, ("a", "c", "b")) == "scores of the classes a, b, c, not a, c, b"


def test_weighted_fusion_multiplies_before_it_adds() -> None:
    assert fuse([scores(RGB), scores(FLOW)], [1.5, 0.5]).probabilities == pytest.approx(1.5 * RGB + 0.5 * FLOW)


@pytest.mark.parametrize("known", [None, 0.625])
def test_what_was_known_of_the_source_is_stored(tmp_path: Path, known: float | None) -> None:
    write_scores(tmp_path / "0001.safetensors", scores(RGB, source_probability=known), 1)
    assert read_scores(tmp_path / "0001.safetensors").source_probability == known
