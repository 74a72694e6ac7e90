from __future__ import annotations

import json
import logging
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from tiny_data import BANK, CLASSES, TRAIN, make_run

from i2vadapt import __version__
from i2vadapt.cli import build_parser, main
from i2vadapt.commands.examples import EXAMPLES
from i2vadapt.data.video import write_video
from i2vadapt.files import superseded
from i2vadapt.flow.flo import read_flo

COMMANDS = [
    *("manifest", "depth", "decode", "synthesize", "crop", "flow"),
    *("train", "features", "fuse", "evaluate", "predict", "export"),
    *("report", "experiment", "view", "download", "fetch"),
    *("init", "plan", "status", "info", "verify", "clear", "demo", "train-depth"),
]


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> Iterator[None]:
    """Each call sets up logging to the standard error of its moment."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    root.handlers = []
    yield
    root.handlers, root.level = before[0], before[1]


def picture(seed: int, height: int = 48, width: int = 64) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def write_picture(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(cv2.imencode(path.suffix, picture(seed))[1]))
    return path


def errors_of(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[str]:
    """Lines that a failing command prints on standard error, apart from the log."""
    assert main([str(part) for part in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    mark = "i2vadapt: error: "
    return [line.removeprefix(mark) for line in captured.err.splitlines() if line.startswith(mark)]


def write_benchmark(root: Path, **changes: Any) -> Path:
    for number in range(2):
        write_picture(root / "photos" / "walking" / f"{number}.png", number)
        write_picture(root / "photos" / "running" / f"{number}.png", 10 + number)
        for kind, name in enumerate(("walk", "run")):
            path = root / "videos" / name / f"{number}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_video(path, np.stack([picture(100 * kind + 20 * number + k) for k in range(4)]), 25)
    document: dict[str, Any] = {
        "name": "mine",
        "source": {"dataset": "photos", "root": str(root / "photos")},
        "target": {"dataset": "videos", "root": str(root / "videos")},
        "classes": {
            "walk": {"source": ["walking"], "target": ["walk"]},
            "run": {"source": ["running"], "target": ["run"]},
        },
    }
    path = root / "mine.yaml"
    path.write_text(yaml.safe_dump({**document, **changes}))
    return path


def test_every_sub_command_is_there() -> None:
    listed = build_parser().format_help().split("COMMAND\n")[1].split("\n\n")[0]
    assert sorted(re.findall(r"^    (\S+)", listed, re.MULTILINE)) == sorted(COMMANDS)


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: {' '.join(['i2vadapt', *arguments])}")
    if arguments:
        listed = build_parser().format_help()
        assert text.split("\n\n")[1].split()[:3] == listed.split(f"\n    {arguments[0]}")[1].split()[:3]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_in_the_help_is_a_valid_command_line(name: str) -> None:
    options = build_parser().parse_args([name, *shlex.split(EXAMPLES[name])])
    assert callable(options.run)


def test_version_and_unknown_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"i2vadapt {__version__}\n"
    for arguments in (["no-such"], [], ["flow", "--workers", "-1", "--out", "x"], ["manifest"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert "Traceback" not in capsys.readouterr().err


def test_help_does_not_load_the_networks() -> None:
    code = "import sys; from i2vadapt.cli import build_parser; build_parser(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0


def test_missing_and_empty_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark = write_benchmark(tmp_path)
    command = ["manifest", "--benchmark", benchmark, "--out", tmp_path / "out", "--side"]
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    (line,) = errors_of(capsys, *command, "source")
    assert line.startswith(
        f"photos: root: {tmp_path / 'photos'}: no such folder; is its drive mounted? `i2vadapt fetch`"
    )
    (tmp_path / "photos").mkdir()
    assert errors_of(capsys, *command, "source") == [f"photos: {tmp_path / 'photos'}: contains no items"]
    assert main([str(part) for part in (*command, "target")]) == 0
    assert not (tmp_path / "out" / "items" / "0001.csv").exists()
    assert (tmp_path / "out" / "manifest.csv").read_text().count("\n") == 5


def test_unknown_classes_and_classes_with_no_item_on_one_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classes = {
        "walk": {"source": ["walkng"], "target": ["walk"]},
        "run": {"source": ["running"], "target": ["run"]},
    }
    benchmark = write_benchmark(tmp_path, classes=classes)
    command = ["manifest", "--benchmark", benchmark, "--out", tmp_path / "out", "--side"]
    assert errors_of(capsys, *command, "source") == [
        f"mine: classes: source: 'walkng' not found in {tmp_path / 'photos'}; its classes are running, walking"
    ]
    benchmark = write_benchmark(tmp_path)
    for number in range(2):
        (tmp_path / "videos" / "walk" / f"{number}.mp4").write_text("x")
    reason = "unreadable: not a readable video (Invalid data found when processing input)"
    assert errors_of(capsys, *command, "target") == [
        f"mine: target: no usable item of class walk (excluded: walk/0.mp4: {reason}; walk/1.mp4: {reason})"
    ]
    assert not (tmp_path / "out").exists()


def test_mistakes_of_a_benchmark_file_are_reported_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = {"dataset": "photos", "root": "x", "shards": 0, "layuot": "folder"}
    benchmark = write_benchmark(tmp_path, source=source, name="a b")
    lines = errors_of(capsys, "manifest", "--benchmark", benchmark, "--side", "source", "--out", tmp_path / "out")
    assert len(lines) == 3
    assert all(line.startswith(f"{benchmark}: ") for line in lines)
    text = "\n".join(lines)
    assert "name: must consist of letters A-Z, a-z, digits, dots, dashes and underscores" in text
    assert "'a b'" in text
    assert "source.shards: input should be greater than or equal to 1, not 0" in text
    assert "source.layuot: no such key" in text
    benchmark.write_text("name: [")
    (line,) = errors_of(capsys, "manifest", "--benchmark", benchmark, "--side", "source", "--out", tmp_path / "out")
    assert line.startswith(f"{benchmark}: not valid YAML: ")
    (line,) = errors_of(capsys, "manifest", "--benchmark", tmp_path, "--side", "source", "--out", tmp_path / "out")
    assert line == f"{tmp_path}: cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{", "--settings: not a JSON object"),
        ("[1]", "--settings: not a JSON object: [1]"),
        ('{"bound": -1}', "--settings: bound: input should be greater than 0, not -1"),
        ('{"bond": 3}', "--settings: bond: no such key"),
        ('{"bound": 1e999}', "--settings: bound: input should be a finite number"),
    ],
)
def test_settings_that_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: str, message: str
) -> None:
    out = tmp_path / "flow.h5"
    (line,) = errors_of(capsys, "flow", "--frames", tmp_path / "x.h5", "--out", out, "--settings", settings)
    assert line.startswith(message)
    assert not out.exists()


def test_a_depth_network_without_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = write_picture(tmp_path / "a.png")
    (line,) = errors_of(capsys, "depth", image, "--out", tmp_path / "maps")
    assert line.startswith("depth: checkpoint: the weights of dpt_beit_large_512 are missing (weights/dpt_beit")
    assert "`i2vadapt download depth dpt_beit_large_512`" in line
    (line,) = errors_of(capsys, "depth", image, "--out", tmp_path / "maps", "--settings", '{"model": "midas"}')
    assert line.startswith("--settings: model: input should be 'dpt_beit_large_512', ")


def save_checkpoint(path: Path, **settings: Any) -> None:
    """A checkpoint whose weights are those of an RGB network for two classes, whatever it says of itself."""
    from i2vadapt.models.registry import build_network
    from i2vadapt.weights import checkpoint

    run = make_run(Path(), Path())
    torch.manual_seed(0)
    model = build_network(run.settings, len(CLASSES))
    said = make_run(Path(), Path(), **settings).settings.model_dump(mode="json")
    content = {"model": model.state_dict(), "classes": list(CLASSES), "settings": said, "seed": 0}
    checkpoint.save(path, {**content, "decode": {"short_side": 40, "min_frames": 2}, "flow": {}})


def test_predict_and_checkpoints_that_are_no_classifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_checkpoint(tmp_path / "good.pt")
    save_checkpoint(tmp_path / "other.pt", stream="flow")
    torch.save({"format": 1, "model": {}, "classes": list(CLASSES)}, tmp_path / "old.pt")
    video = tmp_path / "a b é.mp4"
    write_video(video, np.stack([picture(k) for k in range(9)]), 25)
    (line,) = errors_of(capsys, "predict", tmp_path / "other.pt", video)
    assert line.startswith(f"{tmp_path / 'other.pt'}: weights of another architecture: ")
    (line,) = errors_of(capsys, "predict", tmp_path / "old.pt", video)
    assert line.startswith(f"{tmp_path / 'old.pt'}: a checkpoint of i2vadapt 0.1")
    assert "train again" in line
    (line,) = errors_of(capsys, "evaluate", tmp_path / "no.pt", "--target", tmp_path, "--out", tmp_path)
    assert line.startswith(f"{tmp_path / 'no.pt'}: no such checkpoint")
    (line,) = errors_of(capsys, "evaluate", tmp_path, "--target", tmp_path, "--out", tmp_path)
    assert line.startswith(f"{tmp_path}: not the folder of a method: method.yaml is missing; a method has it once")
    assert main(["predict", str(tmp_path / "good.pt"), str(video), "--top", "2"]) == 0
    _, line = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{video}  rgb  ")
    cells = line.removeprefix(str(video)).split()[1:]
    scores = {name: float(score) for name, score in zip(cells[::2], cells[1::2], strict=True)}
    assert scores.keys() == {"walk", "run"}
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert sum(scores.values()) == pytest.approx(1, abs=0.002)
    # A bad video does not keep the others from being reported, and still fails.
    assert main(["predict", str(tmp_path / "good.pt"), str(tmp_path / "none.mp4"), str(video)]) == 1
    captured = capsys.readouterr()
    assert str(video) in captured.out
    assert f"i2vadapt: error: {tmp_path / 'none.mp4'}: cannot be read: No such file or directory\n" in captured.err


def train_command(data: Path, out: Path, *more: str, **changes: object) -> list[str]:
    command = ["train", "--source", str(data / "source"), "--target", str(data / "target"), "--classes", *CLASSES]
    return [*command, "--workers", "0", "--out", str(out), "--settings", json.dumps({**TRAIN, **changes}), *more]


def test_a_method_is_trained_fused_and_evaluated_by_hand(
    data: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rgb, flow, method = (folder / name / "seed0" for name in ("rgb", "flow", "both"))
    assert main(train_command(data, rgb, epochs=2)) == 0
    bank = {**BANK, "partner": "rgb"}
    assert main(train_command(data, flow, "--parents", f"rgb={rgb}", epochs=2, stream="flow", bank=bank)) == 0
    assert capsys.readouterr().out == ""
    assert main(["fuse", "--runs", str(rgb), str(flow), "--title", "Both streams", "--out", str(method)]) == 0
    found = capsys.readouterr().out
    names = [f"{kind}_{name}" for name in ("rgb", "flow", "fused") for kind in ("accuracy", "class_accuracy")]
    assert re.findall(r"^(\w+) [01]\.\d{4}$", found, re.MULTILINE) == names
    predictions = (method / "predictions.csv").read_text()
    # A pass over the videos gives what the scores of the last epochs gave.
    again = str(folder / "again.csv")
    assert main(["evaluate", str(method), "--target", str(data / "target"), "--workers", "0", "--out", again]) == 0
    assert capsys.readouterr().out == found
    assert Path(again).read_text() == predictions
    for runs, problem in (
        ([rgb, rgb], f"{rgb}: a second run of stream rgb"),
        ([rgb, folder / "none"], f"{folder / 'none' / 'settings.yaml'}: cannot be read: No such file or directory"),
        ([method, flow], f"{method / 'settings.yaml'}: cannot be read: No such file or directory"),
    ):
        (line,) = errors_of(capsys, "fuse", "--runs", *runs, "--title", "x", "--out", folder / "no")
        assert line.startswith(problem)
    assert not (folder / "no").exists()


def test_runs_whose_scores_are_not_there(
    data: Path, folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    changes: dict[str, Any] = {"stream": "flow", "bank": {**BANK, "partner": "rgb"}}
    assert errors_of(capsys, *train_command(data, folder, **changes)) == [
        "--parents: none given, but the settings need rgb"
    ]
    assert errors_of(capsys, *train_command(data, folder, "--parents", f"other={folder}", **changes)) == [
        "--parents: other given, but the settings need rgb"
    ]
    assert errors_of(capsys, *train_command(data, folder, "--parents", f"rgb={data}")) == [
        "--parents: rgb given, but the settings need none"
    ]
    caplog.clear()
    (line,) = errors_of(capsys, *train_command(data, folder, "--parents", f"rgb={folder / 'none'}", **changes))
    assert line.startswith(f"{folder / 'none' / 'scores' / '0001.safetensors'}: no such scores: train the run")
    assert not [message for message in caplog.messages if "training" in message]  # it has not begun
    for malformed in ("rgb", "rgb=", "=x"):
        with pytest.raises(SystemExit) as caught:
            main(train_command(data, folder, "--parents", malformed, **changes))
        assert caught.value.code == 2
        assert f"{malformed}: must be NAME=PATH" in capsys.readouterr().err


def test_an_unfinished_training_of_both_streams_is_set_aside(
    data: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir()
    torch.save({"format": 1, "epoch": 1}, folder / "state.pt")
    assert main(train_command(data, folder)) == 0
    assert f"{folder}: the training there has other settings or inputs and is set aside" in caplog.text
    assert "a checkpoint of i2vadapt 0.1" in caplog.text
    (version,) = superseded.earlier(folder)
    assert (version / "state.pt").exists()
    assert (folder / "checkpoint.pt").exists()


def test_weights_of_another_network_for_a_stream(
    data: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.pt")
    missing = tmp_path / "none.safetensors"
    for stream in ("rgb", "flow"):
        changes = {"stream": stream, "init": {"rgb": str(tmp_path / "other.pt")}}
        (line,) = errors_of(capsys, *train_command(data, folder, **changes))
        assert line.startswith(f"{tmp_path / 'other.pt'}: ")
        assert "Conv3d_1a_7x7.conv3d.weight" in line
        changes["init"] = {"rgb": str(missing)}
        assert errors_of(capsys, *train_command(data, folder, **changes)) == [f"{missing}: no such weights file"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stream": "flow", "network": "resnet18"}, "--settings: the document: network resnet18 looks at RGB frames"),
        ({"recipe": "sound"}, "--settings: recipe: must be one of frames, higan, meda, pretrained, pseudo_labels,"),
        ({"recipe": "frames", "network": "i3d"}, "--settings: bank: no such key"),
        ({"streams": ["rgb"]}, "--settings: streams: no such key"),
        ({"epochs": 0}, "--settings: epochs: input should be greater than or equal to 1, not 0"),
    ],
)
def test_settings_of_a_run_that_are_wrong(
    data: Path, folder: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], message: str
) -> None:
    lines = errors_of(capsys, *train_command(data, folder, **changes))
    assert any(line.startswith(message) for line in lines), lines
    assert all(line.startswith("--settings: ") for line in lines)
    assert not folder.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["flow", "--out", "x"],
        ["depth", "--out", "x"],
        ["depth", "a.png", "--items", "a.csv", "--out", "x"],
        ["synthesize", "--out", "x"],
        ["synthesize", "--items", "a.csv", "--out", "x"],
        ["crop", "--items", "none.csv", "--out", "x"],
        ["flow", "a.png", "b.png", "c.png", "--out", "x.flo"],
        ["flow", "--frames", "none.h5", "--out", "x.h5"],
        ["decode", "--items", "none.csv", "--out", "x.h5"],
        ["view", "none.h5", "--out", "x.png"],
        ["download", "i3d-kinetics600", "--out", "x"],
        ["download", "i3d-kinetics400-rgb", "dpt_small", "--out", "x"],
        ["download", "depth", "--out", "x"],
        ["download", "depth", "midas"],
        ["download", "depth", "dpt_small"],
        ["download", "depth", "dpt_large_384", "--archive", "none.pt"],
        ["download", "clip-vit-b32", "--archive", "none.pt"],
        ["download", "s3d", "--archive", "none.pth"],
        ["download", "i3d-kinetics400-rgb", "--archive", "none.tar.gz", "--out", "x.safetensors"],
        ["report", "--benchmark", "none.yaml", "--results", "x", "--methods", "full", "--out", "y"],
        ["train", "--source", "none", "--target", "none", "--classes", "a", "b", "--out", "x"],
        ["fuse", "--runs", "none", "--title", "x", "--out", "y"],
        ["evaluate", "none.pt", "--target", "none", "--out", "x.csv"],
        ["predict", "none.pt", "none.mp4"],
        ["export", "none.pt", "--out", "x"],
        ["verify", "none"],
        ["clear", "none"],
        ["plan", "--config", "none.yaml"],
        ["init", "none", "none"],
        ["status", "--config", "none.yaml"],
        ["info", "none"],
    ],
)
def test_wrong_use_is_one_line(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = errors_of(capsys, *arguments)
    assert len(lines) == 1
    assert len(lines[0]) > 15
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark = write_benchmark(tmp_path)
    out = benchmark / "x"  # below a file
    commands: list[list[str | Path]] = [
        ["manifest", "--benchmark", benchmark, "--side", "source"],
        ["demo", "--photographs", "0", "--videos", "0"],
        ["depth", tmp_path / "photos" / "walking" / "0.png", "--settings", '{"model": "dpt_small"}'],
    ]
    for command in commands:
        (line,) = errors_of(capsys, *command, "--out", out)
        assert str(benchmark) in line
        assert line.endswith("Not a directory")


def test_plain_files_work_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = write_picture(tmp_path / "a.png")
    second = tmp_path / "b.png"
    second.write_bytes(bytes(cv2.imencode(".png", np.roll(picture(0), 1, axis=1))[1]))
    flow = tmp_path / "ab.flo"
    assert main(["flow", str(first), str(second), "--out", str(flow)]) == 0
    assert np.median(read_flo(flow)[10:-10, 10:-10, 0]) == pytest.approx(1, abs=0.15)
    small = '{"model": "dpt_small"}'
    assert main(["depth", str(first), str(second), "--out", str(tmp_path / "maps"), "--settings", small]) == 0
    assert cv2.imread(str(tmp_path / "maps" / "b.png"), cv2.IMREAD_UNCHANGED).shape == (48, 64)
    arguments = ["--depth-settings", small, "--settings", '{"frames": 3, "short_side": 32}']
    assert main(["synthesize", str(first), "--out", str(tmp_path / "clip.mp4"), *arguments]) == 0
    assert main(["flow", str(tmp_path / "clip.mp4"), "--out", str(tmp_path / "colours.mp4")]) == 0
    assert (tmp_path / "colours.mp4").stat().st_size > 500
    assert "error" not in capsys.readouterr().err


def test_ctrl_c_has_its_own_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("i2vadapt.config.documents.load_benchmark", interrupted)
    command = ["manifest", "--benchmark", "x.yaml", "--side", "source", "--out", str(tmp_path)]
    assert main(command) == 130
    assert capsys.readouterr().err == "i2vadapt: error: interrupted; run the same command again to resume\n"


def test_every_path_of_every_command_knows_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shells replace ~ at the beginning of a word, but not in --out=~/results."""
    monkeypatch.setenv("HOME", "/home/me")
    (commands,) = [action for action in build_parser()._actions if isinstance(action.choices, dict)]
    for name, parser in dict(commands.choices or {}).items():
        assert [action.dest for action in parser._actions if action.type is Path] == [], name
    options = build_parser().parse_args(["predict", "~/seed0", "~/a.mp4", "./~/b.mp4"])
    assert (str(options.classifier), [str(video) for video in options.videos]) == (
        "/home/me/seed0",
        ["/home/me/a.mp4", "~/b.mp4"],
    )
    with pytest.raises(SystemExit):
        build_parser().parse_args(["verify", "~nobody-of-this-name/results"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--classes", "walk", "Walk"], "--classes: walk must not be listed twice"),
        (["--classes", "walk", "run", "--parents", "rgb=a", "rgb=b"], "--parents: rgb must not be listed twice"),
    ],
)
def test_nothing_is_given_twice(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert errors_of(capsys, "train", "--source", "s", "--target", "t", "--out", "o", *arguments) == [message]


@pytest.mark.parametrize("name", ["", "..", "a\nb", " walk"])
def test_names_that_no_class_can_have(capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["train", "--source", "s", "--target", "t", "--out", "o", "--classes", "walk", name])
    assert caught.value.code == 2
    assert "argument --classes: must not" in capsys.readouterr().err
