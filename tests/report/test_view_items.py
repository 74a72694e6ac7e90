"""`view` of single items, of shards and of datasets: sheets, films and the histogram of the flow."""

from __future__ import annotations

import shlex
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from tiny_results import BOUND, COLOURS, HEIGHT, MOTION, WIDTH, picture, write_dataset

from i2vadapt.cli import main
from i2vadapt.data.flow_codec import LEVELS, encode_flow
from i2vadapt.data.items import Item, read_items, write_items
from i2vadapt.data.shards.codec import encode_jpeg
from i2vadapt.data.shards.format import Encoded, write_shard_file
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.layout import DatasetFolder, Results
from i2vadapt.report.view.histogram import measure_motion
from i2vadapt.report.view.items import nearest, spread_over_classes
from i2vadapt.report.view.show import show

STRANGE = [
    "clap/#20_Rhythm & (clap); [u]~!_0.avi",
    "clap/#20_Rhythm & (clap); [u]~!_1.avi",
    "run/$HOME `ls` 'a' \"b\" \\n.avi",
    "run/caf\udce9.avi",
    "run/--id.avi",
]


def shares(image: np.ndarray) -> list[float]:
    """Share of the picture that has the colour of each class, and of flow to the right."""
    wanted = (*COLOURS, (255, 0, 0))
    return [float((np.abs(image.astype(int) - one).max(axis=-1) <= 12).mean()) for one in wanted]


def read_png(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def film(path: Path) -> tuple[list[np.ndarray], float]:
    with av.open(path) as container:
        rate = container.streams.video[0].average_rate
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)], float(rate or 0)


def with_digests(folder: DatasetFolder) -> None:
    """Gives the photographs the digests that the stage *manifest* writes."""
    items = read_items(folder.manifest)
    write_items(
        folder.manifest,
        [Item(one.id, one.path, one.class_name, one.label, file_digest(Path(one.path))) for one in items],
    )


def error_of(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The only line on standard error."""
    assert main(["view", *map(str, arguments)]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    return line.removeprefix("i2vadapt: error: ")


@pytest.fixture
def strange(tmp_path: Path) -> DatasetFolder:
    """Videos with the names that HMDB51 has, and worse."""
    folder = DatasetFolder(tmp_path / "results" / "datasets" / "strange")
    names = ("clap", "run")
    items = [Item(one, f"/none/{one}", one.split("/")[0], names.index(one.split("/")[0]), "") for one in STRANGE]
    write_dataset(folder, sorted(items, key=lambda item: item.label), ("frames", "flow"), [STRANGE[1]])
    return folder


@pytest.mark.parametrize("item_id", [STRANGE[0], *STRANGE[2:]])
def test_items_of_any_name_are_shown_and_are_words_of_a_shell_in_quotes(strange: DatasetFolder, item_id: str) -> None:
    out = strange.path / "out.png"
    command = shlex.split(f"view {shlex.quote(str(strange.path))} --id={shlex.quote(item_id)} --out out.png")
    assert main([*command[:-1], str(out)]) == 0
    assert read_png(out).shape[0] > 200


def test_an_item_is_named_by_its_shard_too(results: Results, tmp_path: Path) -> None:
    folder = results.dataset("photographs")
    shard = next(path for path in folder.shards("flow", 2) if "2/0.png" in ShardReader(path))
    show(shard, tmp_path / "one.png", ["2/0.png"])
    show(shard, tmp_path / "twice.png", ["2/0.png", "2/0.png"])
    assert read_png(tmp_path / "one.png").shape[1] < read_png(tmp_path / "twice.png").shape[1] * 2
    # the left half of every field moves to the right
    assert shares(read_png(tmp_path / "one.png"))[3] > 0.25


def test_photograph_depth_frames_and_flow_stand_side_by_side(results: Results, tmp_path: Path) -> None:
    folder = results.dataset("photographs")
    with_digests(folder)
    assert show(folder.path, tmp_path / "item.png", ["1/2.png"]) == []
    blue, green, red_class, flow = (shares(read_png(tmp_path / "item.png"))[place] for place in (2, 1, 0, 3))
    assert red_class == 0
    # the photograph and two frames of its colour, one of another; half of each of three fields
    assert green / flow == pytest.approx(3 / 1.5, rel=0.05)
    assert blue / flow == pytest.approx(1 / 1.5, rel=0.05)


def test_a_photograph_that_is_gone_or_has_changed_is_said_so(
    results: Results, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = results.dataset("photographs")
    with_digests(folder)
    photograph = tmp_path / "photographs" / "1" / "2.png"
    photograph.write_bytes(bytes(cv2.imencode(".png", picture(0))[1]))
    command = ["view", str(folder.path), "--id", "1/2.png", "--out", str(tmp_path / "item.png")]
    assert main(command) == 0
    assert capfd.readouterr().out == "1/2.png: the photograph has changed since the manifest was made\n"
    photograph.unlink()
    assert main(command) == 0
    assert capfd.readouterr().out == f"1/2.png: the photograph {photograph} is not there any more\n"


def test_a_relative_path_counts_from_the_project(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = results.dataset("photographs")
    with_digests(folder)
    items = [
        Item(one.id, str(Path(one.path).relative_to(tmp_path)), one.class_name, one.label, one.digest)
        for one in read_items(folder.manifest)
    ]
    write_items(folder.manifest, items)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert show(folder.path, tmp_path / "item.png", ["1/2.png"]) == []


def test_a_stage_that_failed_or_is_yet_to_run_is_said_so(results: Results, tmp_path: Path) -> None:
    folder = results.dataset("photographs")
    with_digests(folder)
    failed = [f"0/1.png: {kind} failed: does not decode" for kind in ("depth", "frames", "flow")]
    assert show(folder.path, tmp_path / "item.png", ["0/1.png"]) == failed
    for path in folder.shards("flow", 2)[1:]:
        path.unlink()
    lines = show(folder.path, tmp_path / "item.png", [item.id for item in read_items(folder.manifest)])
    missing = [line for line in lines if "no flow" in line]
    assert len(missing) == len(read_items(folder.items("0001")))
    assert all("is missing, run snakemake datasets" in line for line in missing)


def test_an_item_that_failed_in_a_shard_is_one_line_with_its_reason(
    results: Results, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shards = results.dataset("photographs").shards("flow", 2)
    shard = next(path for path in shards if ShardReader(path).failures)
    line = error_of(capfd, shard, "--id", "0/1.png", "--out", tmp_path / "item.png")
    assert line == f"{shard}: '0/1.png' failed in this shard: does not decode"


def test_an_unknown_item_is_one_line_with_the_nearest(
    strange: DatasetFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for wrong in (STRANGE[0].removeprefix("clap/"), STRANGE[0].replace("Rhythm", "Rythm"), f"/data/{STRANGE[0]}"):
        line = error_of(capfd, strange.path, "--id", wrong, "--out", tmp_path / "item.png")
        assert f"holds no item {wrong!r} (5 items); the nearest: {STRANGE[0]!r}" in line
    assert "; its first: " in error_of(capfd, strange.path, "--id", "zzzzzz", "--out", tmp_path / "item.png")
    line = error_of(capfd, strange.path, "--id", "two\nlines", "--out", tmp_path / "item.png")
    assert r"'two\nlines'" in line


def test_an_item_that_is_not_used_is_one_line_with_its_reason(
    results: Results, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = error_of(capfd, results.dataset("videos").path, "--id", "b.jpg", "--out", tmp_path / "item.png")
    assert line.endswith("excluded.csv: 'b.jpg' is not used: duplicate of c.jpg")


def test_the_nearest_of_many_items_are_found_in_seconds() -> None:
    ids = [f"class {number % 51}/video number {number} of_a_long_name_u_nm_np1_fr_goo.avi" for number in range(10_000)]
    assert nearest("class 3/video nmber 3 of_a_long_name_u_nm_np1_fr_goo.avi", ids)[0] == ids[3]


def test_a_sheet_of_a_dataset_is_spread_over_the_classes() -> None:
    items = [Item(f"{label}/{number}", "", "", label, "") for label in range(3) for number in range(5)]
    assert spread_over_classes(items, 4) == ["0/0", "0/4", "1/0", "2/0"]
    assert spread_over_classes(items, 2) == ["0/0", "2/0"]
    assert len(spread_over_classes(items, 99)) == 15


def test_the_sheet_of_a_dataset_lists_what_failed(results: Results, tmp_path: Path) -> None:
    lines = show(results.dataset("photographs").path, tmp_path / "sheet.png", items=3)
    assert lines == [f"failed: {kind}: 0/1.png: does not decode" for kind in ("depth", "frames", "flow")]
    assert all(share > 0.02 for share in shares(read_png(tmp_path / "sheet.png")))


@pytest.mark.parametrize("name", ["clip.mp4", "clip.MKV"])
def test_a_film_has_all_frames_with_the_still_pictures_beside_them(results: Results, tmp_path: Path, name: str) -> None:
    folder = results.dataset("photographs")
    with_digests(folder)
    (line,) = show(folder.path, tmp_path / name, ["1/2.png"])
    assert line.startswith(f"{tmp_path / name}: photograph | depth | frames | flow of 1/2.png")
    frames, rate = film(tmp_path / name)
    assert (len(frames), rate) == (16, 25.0)
    assert frames[0].shape == (240, 4 * 320 + 3 * 4, 3)
    assert [round(share, 1) for share in shares(frames[0])] == [0.0, 0.5, 0.0, 0.1]
    assert [round(share, 1) for share in shares(frames[-1])] == [0.0, 0.2, 0.2, 0.1]  # the photograph stays


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_a_film_may_be_an_animation(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (5, 24, 32, 3), np.uint8)
    info = {"height": 24, "width": 32, "fps": 10.0}
    frames = [encode_jpeg(frame, 95) for frame in noise]
    provenance = {"stage": "decode", "settings": {}, "package": "0", "inputs": {}}
    write_shard_file(tmp_path / "0000.h5", "frames", [Encoded("a", 0, frames, info)], provenance)
    out = tmp_path / f"clip{suffix}"
    show(tmp_path / "0000.h5", out)
    with Image.open(out) as animation:
        assert animation.size == (320, 240)
        durations = []
        for number in range(getattr(animation, "n_frames", 1)):
            animation.seek(number)
            animation.load()
            durations.append(animation.info["duration"])
    assert durations == [100] * 5


def test_a_film_without_a_name_is_of_the_first_item_that_can_be_shown(results: Results, tmp_path: Path) -> None:
    folder = results.dataset("photographs")
    items = read_items(folder.manifest)
    write_items(folder.manifest, [next(one for one in items if one.id == "0/1.png"), *items[3:]])
    lines = show(folder.path, tmp_path / "clip.mp4", fps=5)
    assert "of 1/0.png" in lines[0]
    assert film(tmp_path / "clip.mp4")[1] == 5


def test_options_that_do_not_fit(results: Results, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    dataset, out = results.dataset("photographs"), tmp_path / "out"
    depth = dataset.shard("depth", "0000")
    cases: list[tuple[list[str | Path], str]] = [
        ([], "view: give --out FILE (.png for a sheet, .mp4 or .gif for a film) or --histogram FILE.png"),
        (["--out", "a.jpg"], "--out: a.jpg: must end in .png for a sheet, or in one of .mp4, .mov, .mkv, .avi, .gif,"),
        (["--out", out], f"--out: {out}: must end in .png"),
        (["--histogram", "a.pdf"], "--histogram: a.pdf: must end in .png"),
        (["--out", "a.png", "--fps", "3"], "--fps: only films have a rate: --out must end in one of .mp4"),
        (["--out", "a.mp4", "--items", "3"], "--items: a film shows one item"),
        (["--out", "a.png", "--items", "0"], "--items: must be 1 or more, not 0"),
        (["--out", "a.png", "--items", "3", "--id", "1/0.png"], "--items: --id names the items"),
        (["--out", "a.mp4", "--id", "1/0.png", "--id", "1/1.png"], "--out: a.mp4: a film shows one item, 2 are named"),
        (["--out", "a.mp4", "--fps", "-1"], "--fps: must be greater than 0, not -1"),
        (["--out", "a.gif", "--fps", "nan"], "--fps: must be greater than 0, not nan"),
        (["--out", "a.gif", "--fps", "500"], "--fps: 500: a .gif shows at most 100 frames per second"),
    ]
    for arguments, message in cases:
        assert error_of(capfd, dataset.path, *arguments).startswith(message)
    assert "no frames or flow to make a film of" in error_of(capfd, depth, "--out", tmp_path / "a.mp4")
    assert "there is no flow" in error_of(capfd, depth, "--histogram", tmp_path / "a.png")
    assert not list(Path().glob("a.*"))


def test_a_damaged_shard_of_the_dataset_is_named(
    results: Results, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = results.dataset("videos")
    for path in folder.shards("flow", 2):
        path.write_bytes(path.read_bytes()[:-300])
    for arguments in (
        ["--out", tmp_path / "a.png"],
        ["--out", tmp_path / "a.mp4"],
        ["--histogram", tmp_path / "a.png"],
    ):
        line = error_of(capfd, folder.path, *arguments)
        assert str(folder.path / "flow") in line
        assert line.endswith("damaged or cut short; delete it and run its stage again")


def test_folders_without_a_dataset_name_those_nearby(
    results: Results, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    datasets = results.path / "datasets"
    for place in (datasets, results.path, datasets / "vids", results.path / "vids"):
        line = error_of(capfd, place, "--out", tmp_path / "a.png")
        assert line.endswith(f"{datasets} has photographs, videos")


def test_a_dataset_of_which_nothing_is_made_says_what_to_run(
    results: Results, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = results.dataset("videos")
    for kind in ("frames", "flow"):
        for path in folder.shards(kind, 2):
            path.unlink()
    assert show(folder.path, tmp_path / "a.png", ["0/0.mp4"])[0].endswith("run snakemake datasets")
    assert "run snakemake datasets" in error_of(capfd, folder.path, "--out", tmp_path / "a.mp4")


def test_the_measured_motion_is_that_of_the_flow(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    fields = rng.normal(0, 6, (3, 40, 56, 2)).astype(np.float32)
    info = {"height": 40, "width": 56, "fps": 25.0, "clipped": float((np.abs(fields) > BOUND).mean())}
    provenance = {"stage": "flow", "settings": {"bound": BOUND, "codec": "raw"}, "package": "0", "inputs": {}}
    frames = [encode_flow(field, BOUND, codec="raw") for field in fields]
    write_shard_file(tmp_path / "0000.h5", "flow", [Encoded("a", 0, frames, info)], provenance)
    motion = measure_motion([ShardReader(tmp_path / "0000.h5")])
    steps = np.abs(np.clip(fields, -BOUND, BOUND)) * LEVELS / BOUND
    magnitudes = np.hypot(*np.moveaxis(np.clip(fields, -BOUND, BOUND), -1, 0))
    assert motion.clipped == pytest.approx((np.abs(fields) > BOUND).mean())
    assert motion.squares.sum() == motion.components[0].sum() == magnitudes.size
    assert motion.components.argmax() == np.bincount(steps[..., 0].round().astype(int).ravel()).argmax()
    step = BOUND / LEVELS
    assert motion.quantile(0.5) == pytest.approx(np.quantile(magnitudes, 0.5), abs=step)
    assert motion.quantile(0.99) == pytest.approx(np.quantile(magnitudes, 0.99), abs=step)
    moving = 100 * (magnitudes > 0.5).mean()
    assert f"mean {magnitudes.mean():.1f}" in "\n".join(motion.describe())
    assert float(motion.describe()[3].split(": ")[1].split(" %")[0]) == pytest.approx(moving, abs=0.5)


def test_the_histogram_is_drawn_and_its_numbers_are_printed(
    results: Results, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "flow.png"
    assert main(["view", str(results.dataset("videos").path), "--histogram", str(out)]) == 0
    lines = capfd.readouterr().out.splitlines()
    speed = round(MOTION * LEVELS / BOUND) * BOUND / LEVELS
    assert lines == [
        "6 items, 90 fields; bound 20 pixels",
        f"magnitude in pixels a frame: mean {speed / 2:.2f}, median 0.00, 99 % {speed:.2f}, largest {speed:.2f}",
        "clipped at the bound: 10.000 % of the components",
        "moving by more than 0.5 pixels: 50.0 % of the pixels",
    ]
    assert read_png(out).shape[1] == 996


def test_of_long_videos_some_fields_are_measured(tmp_path: Path) -> None:
    field = encode_flow(np.ones((2, 2, 2), np.float32), BOUND, codec="raw")
    info = {"height": 2, "width": 2, "fps": 25.0, "clipped": 0.0}
    provenance = {"stage": "flow", "settings": {"bound": BOUND, "codec": "raw"}, "package": "0", "inputs": {}}
    items = [Encoded(name, 0, [field] * count, info) for name, count in (("a", 9000), ("b", 1000))]
    write_shard_file(tmp_path / "0000.h5", "flow", items, provenance)
    reader = ShardReader(tmp_path / "0000.h5")
    motion = measure_motion([reader])
    assert (motion.fields, motion.counted, motion.squares.sum()) == (10_000, 2000, 4 * 2000)
    assert "10000 fields, of which 2000 spread over all are measured" in motion.describe()[0]
    assert measure_motion([reader], {"b"}).counted == 1000


def test_shards_with_different_bounds_are_not_mixed(results: Results, tmp_path: Path) -> None:
    path = results.dataset("videos").shard("flow", "0001")
    field = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    info = {"height": HEIGHT, "width": WIDTH, "fps": 25.0, "clipped": 0.0}
    provenance = {"stage": "flow", "settings": {"bound": 5.0}, "package": "0", "inputs": {}}
    write_shard_file(path, "flow", [Encoded("a", 0, [encode_flow(field, 5.0)], info)], provenance)
    with pytest.raises(UserError, match=r"different bounds .*0000\.h5: 20.*0001\.h5: 5"):
        show(results.dataset("videos").path, histogram=tmp_path / "a.png")
