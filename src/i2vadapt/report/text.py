"""Names and numbers as people read them."""

from __future__ import annotations

import os

TITLES = {
    "so_img": "SO (Img)",
    "so_rgb": "SO (RGB)",
    "so_rgb_flow": "SO (RGB+flow)",
    "cfb": "SO (RGB+flow) + CFB",
    "full": "Full model",
    "supervised": "Supervised target",
    "pace": "SO (RGB+flow) + pace",
    "cfb_mean": "CFB, Mean",
    "cfb_simw_sum": "CFB, SimW Sum",
    "cfb_simw_mean_top5": "CFB, SimW Mean top5",
    "cfb_simw_sum_top5": "CFB, SimW Sum top5",
    "cfb_simw_top1": "CFB, SimW top1",
    "cfb_simw_random_top5": "CFB, SimW Random 1/top5",
    "cfb_dan": "SO (RGB+flow) + CFB + DAN",
    "cfb_mcc": "SO (RGB+flow) + CFB + MCC",
    "cfb_bnm": "SO (RGB+flow) + CFB + BNM",
    "cfb_dann": "SO (RGB+flow) + CFB + DANN",
    "clip_so_rgb": "CLIP, SO (RGB)",
    "clip_full": "CLIP, full model",
}
"""Titles of the methods as in the paper's tables (SO: source only, CFB: category-aware flow memory bank)."""


def title(method: str) -> str:
    """Title of a method; a method of the user's own keeps its name."""
    return TITLES.get(method, method)


def shown(text: str) -> str:
    """A name that can be printed anywhere: bytes that are not UTF-8 become the replacement character."""
    return os.fsencode(text).decode("utf-8", "replace")


def duration(seconds: float) -> str:
    """Seconds as '42 s', '3 min 20 s' or '5 h 02 min'."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def percent(share: float, digits: int = 1) -> str:
    """A share as percentage, without the sign."""
    return f"{100 * share:.{digits}f}"
