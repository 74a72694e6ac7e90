from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from i2vadapt.errors import UserError
from i2vadapt.weights import clip as clip_weights
from i2vadapt.weights.clip import fetch_clip


def test_openai_names_its_file_by_its_digest() -> None:
    assert clip_weights.URL.split("/")[-2:] == [clip_weights.SHA256, "ViT-B-32.pt"]
    assert len(bytes.fromhex(clip_weights.SHA256)) == 32


def test_a_file_brought_by_hand_is_taken_if_it_is_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, out = tmp_path / "mine.pt", tmp_path / "weights" / "clip-vit-b32.pt"
    mine.write_bytes(b"weights")
    with pytest.raises(UserError, match=r"not OpenAI's ViT-B-32\.pt: its SHA-256 is .*, not 40d36571"):
        fetch_clip(out, mine)
    assert not out.exists()
    monkeypatch.setattr(clip_weights, "SHA256", hashlib.sha256(b"weights").hexdigest())
    fetch_clip(out, mine)
    assert out.read_bytes() == b"weights"
