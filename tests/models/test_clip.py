from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import safetensors.torch
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.transform import image_transform
from PIL import Image
from tiny_clip import TINY, tiny_config
from tiny_data import make_run
from torch import Tensor, nn

from i2vadapt.errors import UserError
from i2vadapt.models.clip import ClipFrames, build, build_clip, initialise, spoken

CLASSES = ("climb", "RockClimbingIndoor", "stand_up")
PROMPT = "a video of a person {}."
RENAMED = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_clip, "get_model_config", tiny_config)


def start(network: ClipFrames, weights: Path | None, classes: Sequence[str] = CLASSES, prompt: str = PROMPT) -> None:
    """Initialises a network like a run whose settings name the weights."""
    clip = {"weights": None if weights is None else str(weights), "prompt": prompt}
    initialise(network, make_run(Path(), Path(), network="clip_vit_b32", clip=clip).settings, classes)


def hugging_face_layers(state: dict[str, Tensor], own: str, other: str, count: int) -> dict[str, Tensor]:
    found = {}
    for index in range(count):
        mine, theirs = f"{own}.resblocks.{index}", f"{other}.encoder.layers.{index}"
        for kind in ("weight", "bias"):
            parts = state[f"{mine}.attn.in_proj_{kind}"].chunk(3)
            found |= {f"{theirs}.self_attn.{name}_proj.{kind}": part for name, part in zip("qkv", parts, strict=True)}
            found[f"{theirs}.self_attn.out_proj.{kind}"] = state[f"{mine}.attn.out_proj.{kind}"]
            for a, b in (
                ("ln_1", "layer_norm1"),
                ("ln_2", "layer_norm2"),
                ("mlp.c_fc", "mlp.fc1"),
                ("mlp.c_proj", "mlp.fc2"),
            ):
                found[f"{theirs}.{b}.{kind}"] = state[f"{mine}.{a}.{kind}"]
    return found


def hugging_face_clip(clip: nn.Module, activation: str) -> Any:
    """The CLIP of the transformers library with the same weights."""
    from transformers import CLIPConfig, CLIPModel

    def tower(width: int, **rest: int) -> dict[str, Any]:
        shape = {"hidden_act": activation, "num_hidden_layers": 2, "num_attention_heads": 2, "projection_dim": 48}
        return {**shape, "hidden_size": width, "intermediate_size": 4 * width, **rest}

    vision = tower(TINY["vision_cfg"]["width"], image_size=64, patch_size=32)
    text = tower(TINY["text_cfg"]["width"], eos_token_id=49407)
    config = CLIPConfig(vision_config=vision, text_config=text, projection_dim=48)
    state = {name: value.detach() for name, value in clip.state_dict().items()}
    layers = hugging_face_layers(state, "visual.transformer", "vision_model", 2)
    layers |= hugging_face_layers(state, "transformer", "text_model", 2)
    pairs = {
        "vision_model.embeddings.class_embedding": state["visual.class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": state["visual.conv1.weight"],
        "vision_model.embeddings.position_embedding.weight": state["visual.positional_embedding"],
        "visual_projection.weight": state["visual.proj"].T,
        "text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "text_projection.weight": state["text_projection"].T,
        "logit_scale": state["logit_scale"],
    }
    norms = {"visual.ln_pre": "vision_model.pre_layrnorm", "visual.ln_post": "vision_model.post_layernorm"}
    norms["ln_final"] = "text_model.final_layer_norm"
    pairs |= {f"{b}.{kind}": state[f"{a}.{kind}"] for a, b in norms.items() for kind in ("weight", "bias")}
    other = CLIPModel(config).eval()
    missing, unexpected = other.load_state_dict({**layers, **pairs}, strict=False)
    assert not unexpected
    assert not [key for key in missing if "position_ids" not in key]
    return other


@pytest.mark.parametrize(("quick_gelu", "activation"), [(True, "quick_gelu"), (False, "gelu")])
@pytest.mark.usefixtures("tiny")
def test_logits_are_those_of_open_clip_and_of_transformers(quick_gelu: bool, activation: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    clip = build_clip(quick_gelu)
    for weight in clip.parameters():
        if weight.ndim < 2:
            nn.init.normal_(weight, std=0.5)  # the biases and norms of a new network have no effect
    with torch.no_grad():
        clip.logit_scale.fill_(4.0)
    path = tmp_path / "clip.safetensors"
    safetensors.torch.save_file(clip.state_dict(), path)
    network = ClipFrames(len(CLASSES), quick_gelu).eval()
    start(network, path)
    frames = torch.rand(2, 3, 4, 64, 64) * 2 - 1
    prompts = [PROMPT.format(text) for text in ("climb", "rock climbing indoor", "stand up")]
    pixels = ((frames + 1) / 2).transpose(1, 2).flatten(0, 1)
    pixels = (pixels - torch.tensor(OPENAI_DATASET_MEAN)[:, None, None]) / torch.tensor(OPENAI_DATASET_STD)[
        :, None, None
    ]
    with torch.no_grad():
        other = hugging_face_clip(clip, activation)
        tokens = open_clip.tokenize(prompts)
        theirs = other(input_ids=tokens, pixel_values=pixels).logits_per_image
        of_open_clip, _ = clip.eval().get_logits(pixels, tokens)
        ours = network.classify(network.features(frames)).transpose(1, 2).flatten(0, 1)
    assert ours.std() > 0.1
    torch.testing.assert_close(ours, of_open_clip, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


def test_it_is_vit_b_32() -> None:
    with torch.device("meta"):
        clip = build_clip(True)
    assert sum(weight.numel() for weight in clip.parameters()) == 151_277_313  # as OpenAI's model
    network = ClipFrames(2)
    assert (network.side, network.feature_size) == (224, 512)
    assert {type(block.mlp.gelu).__name__ for block in network.visual.transformer.resblocks} == {"QuickGELU"}


@pytest.mark.parametrize(("side", "tolerance"), [(64, 1e-6), (80, 0.02)])
@pytest.mark.usefixtures("tiny")
def test_frames_are_prepared_as_clip_was_trained(side: int, tolerance: float) -> None:
    rng = np.random.default_rng([3, side])
    image = np.kron(rng.integers(0, 256, (8, 8, 3), np.uint8), np.ones((side // 8, side // 8, 1), np.uint8))
    theirs = image_transform(64, is_train=False, mean=OPENAI_DATASET_MEAN, std=OPENAI_DATASET_STD)(
        Image.fromarray(image)
    )
    frame = torch.from_numpy(image).permute(2, 0, 1)[None] * (2 / 255) - 1
    ours = ClipFrames(2).preprocess(frame)[0]
    assert (ours - theirs).abs().max() <= tolerance


@pytest.mark.usefixtures("tiny")
def test_a_clip_is_the_mean_of_its_frames_and_the_pace_head_sees_their_changes() -> None:
    torch.manual_seed(1)
    network = ClipFrames(3)
    start(network, None)
    still = (torch.rand(1, 3, 1, 64, 64) * 2 - 1).expand(-1, -1, 8, -1, -1)
    moving = torch.rand(1, 3, 8, 64, 64) * 2 - 1
    with torch.no_grad():
        features = network.features(torch.cat([still, moving]))
        logits = network.classify(features)
        paces = network.pace_features(features)
    assert features.shape == (2, 48, 8)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(2, 8))
    expected = network.logit_scale * features.mean(dim=2) @ network.class_features.T
    torch.testing.assert_close(logits.mean(dim=2), expected)
    torch.testing.assert_close(paces, (features[:, :, 1:] - features[:, :, :-1]).abs() * 48**0.5)
    assert paces.shape == (2, 48, 7)
    assert paces[0].abs().max() < 1e-4 < paces[1].mean()


@pytest.mark.usefixtures("tiny")
def test_only_the_image_tower_is_trained() -> None:
    network = ClipFrames(3)
    assert all(name.startswith("visual.") for name, _ in network.named_parameters())
    start(network, None)
    network.classify(network.features(torch.rand(1, 3, 2, 64, 64)))[0, 0].sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def write_torchscript(clip: nn.Module, path: Path) -> None:
    """A TorchScript archive with half-precision weights under the names of CLIP."""
    root = nn.Module()
    for name, value in clip.state_dict().items():
        *parents, leaf = name.split(".")
        module = root
        for parent in parents:
            if not hasattr(module, parent):
                module.add_module(parent, nn.Module())
            module = module.get_submodule(parent)
        module.register_buffer(leaf, value.half())
    for name, number in (("input_resolution", 64), ("context_length", 77), ("vocab_size", 49408)):
        root.register_buffer(name, torch.tensor(number))
    torch.jit.script(root).save(path)


@pytest.mark.parametrize("kind", ["torchscript", "state dict", "safetensors"])
@pytest.mark.usefixtures("tiny")
def test_every_kind_of_file_loads(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(2)
    clip = build_clip(True)
    path = tmp_path / {"torchscript": "a.pt", "state dict": "a.bin", "safetensors": "a.safetensors"}[kind]
    if kind == "torchscript":
        write_torchscript(clip, path)
    elif kind == "state dict":
        torch.save(clip.state_dict(), path)
    else:
        safetensors.torch.save_file(clip.state_dict(), path)
    network = ClipFrames(2)
    start(network, path, CLASSES[:2])
    assert network.visual.conv1.weight.dtype is torch.float32
    torch.testing.assert_close(network.visual.conv1.weight, clip.visual.conv1.weight, atol=1e-3, rtol=1e-3)
    assert network.logit_scale.item() == pytest.approx(1 / 0.07, rel=1e-3)


@pytest.mark.usefixtures("tiny")
def test_files_without_clip_weights_are_refused(tmp_path: Path) -> None:
    network = ClipFrames(2)
    path = tmp_path / "clip.pt"
    with pytest.raises(UserError, match=r"clip\.pt: no such weights file"):
        start(network, path, CLASSES[:2])
    torch.save({"conv.weight": torch.zeros(2)}, path)
    with pytest.raises(UserError, match=r"clip\.pt: not a checkpoint of CLIP ViT-B/32: .*conv\.weight"):
        start(network, path, CLASSES[:2])
    write_torchscript(build_clip(True), path)
    damaged = bytearray(path.read_bytes())
    at = damaged.index(b"data.pkl")
    damaged[at : at + 200] = b"\0" * 200
    path.write_bytes(damaged)
    with pytest.raises(UserError, match=r"clip\.pt: not a readable"):
        start(network, path, CLASSES[:2])


@pytest.mark.usefixtures("tiny")
def test_the_prompt_and_the_activation_are_those_of_the_settings() -> None:
    """In any prompt, {} is replaced by the class name, and other braces are left unchanged."""
    exact = {"weights": None, "quick_gelu": False}
    network = build(make_run(Path(), Path(), network="clip_vit_b32", clip=exact).settings, 2)
    assert {type(block.mlp.gelu).__name__ for block in network.visual.transformer.resblocks} == {"GELU"}
    found = {}
    for prompt in (PROMPT, "{}", "{x} {}"):
        torch.manual_seed(4)
        start(network, None, CLASSES[:2], prompt)
        torch.manual_seed(4)
        clip = build_clip(False)
        tokens = open_clip.tokenize([prompt.replace("{}", name) for name in ("climb", "rock climbing indoor")])
        with torch.no_grad():
            torch.testing.assert_close(network.class_features, clip.encode_text(tokens, normalize=True))
        found[prompt] = network.class_features.clone()
    assert not torch.allclose(found[PROMPT], found["{}"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("climb", "climb"),
        ("RockClimbingIndoor", "rock climbing indoor"),
        ("walking_the_dog", "walking the dog"),
        ("TaiChi", "tai chi"),
        ("HDTest", "hd test"),
        ("stand-up 2", "stand up 2"),
        ("Plié", "plié"),
    ],
)
def test_class_names_become_words(name: str, words: str) -> None:
    assert spoken(name) == words
