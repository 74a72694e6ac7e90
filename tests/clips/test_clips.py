from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_data import FRAMES, HEIGHT, WIDTH, make_run, write_datasets

from i2vadapt.clips.dataset import DomainClips, SourceClips, Window
from i2vadapt.clips.sampling import uniform_indices
from i2vadapt.data.flow_codec import quantise
from i2vadapt.errors import UserError
from i2vadapt.runtime.precision import choose_arithmetic, scaled


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clips")
    write_datasets(root)
    return root


@pytest.fixture(scope="module")
def source(root: Path) -> DomainClips:
    return DomainClips(root / "source", ("rgb", "flow"))


@pytest.fixture(scope="module")
def target(root: Path) -> DomainClips:
    return DomainClips(root / "target", ("rgb", "flow"))


def test_windows_reach_the_corners() -> None:
    assert Window(0, 0).area(5, 6, 3, "x") == (slice(0, 3), slice(0, 3))
    assert Window(1, 1).area(5, 6, 3, "x") == (slice(2, 5), slice(3, 6))
    assert Window().area(5, 7, 5, "x") == (slice(0, 5), slice(1, 6))
    with pytest.raises(UserError, match=r"crop: 6 is larger than the frames of x \(6x5\)"):
        Window().area(5, 6, 6, "x")


def test_rgb_and_flow_are_scaled_to_minus_one_and_one() -> None:
    rgb = torch.tensor([0, 255], dtype=torch.uint8)[:, None].expand(2, 3)
    assert scaled(rgb)[:, 0].tolist() == [-1, 1]
    codes, _ = quantise(np.array([[-99.0, 0.0], [20.0, 10.0]]), 20)
    values = scaled(torch.from_numpy(codes))
    assert values.flatten().tolist() == pytest.approx([-1, 0, 1, 0.5], abs=0.5 / 127)
    assert values[0, 1] == 0
    assert scaled(torch.zeros(1, 2, dtype=torch.uint8)).eq(-1).all()  # JPEG may turn a code of 1 into 0
    aggregate = torch.full((1, 2), 0.3)
    assert scaled(aggregate) is aggregate


@pytest.mark.parametrize("flip", [False, True])
def test_a_clip_is_the_crop_of_the_stored_frames(target: DomainClips, flip: bool) -> None:
    item, window = target.items[0].id, Window(0.3, 0.8, flip)
    indices = np.array([7, 0, 7, FRAMES - 1])
    everything = (slice(0, HEIGHT), slice(0, WIDTH))
    rows, columns = window.area(HEIGHT, WIDTH, 32, item)
    rgb = target.frames.stored(item, indices, lambda height, width: everything)[:, rows, columns]
    clip = target.rgb_clip(item, indices, window, 32)
    assert clip.dtype == torch.uint8
    np.testing.assert_array_equal(clip, rgb[:, :, ::-1] if flip else rgb)
    # There is no flow behind the last frame: that of the last pair is taken.
    codes = target.flow.stored(item, np.minimum(indices, FRAMES - 2), lambda height, width: everything)
    codes = codes[:, rows, columns]
    flow, plain = scaled(target.flow_clip(item, indices, window, 32)), scaled(torch.from_numpy(codes))
    mirrored = plain.flip(2) * torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(flow, mirrored if flip else plain)


def test_networks_get_channels_first_values_whatever_the_layout_in_memory() -> None:
    clips = torch.arange(2 * 3 * 4 * 5 * 3, dtype=torch.uint8).reshape(2, 3, 4, 5, 3)
    for precision in ("float32", "bfloat16"):
        arithmetic = choose_arithmetic(precision)
        placed = arithmetic.place(clips)
        assert placed.shape == (2, 3, 3, 4, 5)
        assert placed.is_contiguous(memory_format=arithmetic.memory_format)
        torch.testing.assert_close(placed.cpu().permute(0, 2, 3, 4, 1), (clips * (2 / 255) - 1).to(arithmetic.dtype))
        blended = torch.rand(2, 3, 4, 5, 2)
        placed = arithmetic.place(blended)
        assert placed.cpu().permute(0, 2, 3, 4, 1).equal(blended.to(arithmetic.dtype))


def in_range(codes: torch.Tensor) -> torch.Tensor:
    """Flow of a clip (T,S,S,2) as the network gets it, in float64."""
    return scaled(codes).double()


@pytest.mark.parametrize("window", ["random", "centre"])
def test_blended_flow_is_the_weighted_sum_of_decoded_fields(
    source: DomainClips, target: DomainClips, window: str
) -> None:
    ids = [item.id for item in target.items]
    clips = {}
    for name, strategy, loan in [
        ("blend", "simw_sum", [(ids[0], 0.5), (ids[1], 0.3), (ids[3], 0.2)]),
        *((item_id, "random", [(item_id, 1.0)]) for item_id in ids),
    ]:
        bank = {"window": window, "strategy": strategy}
        settings = make_run(Path(), Path(), bank=bank).settings
        clips[name] = SourceClips(source, target, settings, (3, 1), lambda rng, index, loan=loan: loan)[2]["flow"]
    assert clips["blend"].dtype == torch.float32
    assert clips[ids[0]].dtype == torch.uint8
    expected = 0.5 * in_range(clips[ids[0]]) + 0.3 * in_range(clips[ids[1]]) + 0.2 * in_range(clips[ids[3]])
    torch.testing.assert_close(clips["blend"].double(), expected, atol=1e-6, rtol=0)
    codes = 127 * clips["blend"]
    assert (codes - codes.round()).abs().max() > 0.1  # not rounded back to codes
    plain = target.flow_clip(ids[0], uniform_indices(FRAMES, 8), Window(), 32)
    assert torch.equal(clips[ids[0]], plain) == (window == "centre")


def test_without_a_loan_the_flow_is_the_sources_own(source: DomainClips, target: DomainClips) -> None:
    flows = {}
    for strategy in ("random", "mean"):
        settings = make_run(Path(), Path(), bank={"strategy": strategy}).settings
        own = SourceClips(source, target, settings, (3, 1), None)[0]["flow"]
        flows[strategy] = SourceClips(source, target, settings, (3, 1), lambda rng, index: [])[0]["flow"]
        torch.testing.assert_close(in_range(flows[strategy]), in_range(own), atol=1e-6, rtol=0)
        assert in_range(own)[..., 1].mean() > 0.3
    assert {name: flow.dtype for name, flow in flows.items()} == {"random": torch.uint8, "mean": torch.float32}
