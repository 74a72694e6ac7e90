"""Keeps the page small enough to be sent by mail and opened by a telephone, whatever a benchmark holds."""

from __future__ import annotations

from collections.abc import Mapping

from i2vadapt.report.rendering import base64_length

PAGE = 15_000_000
"""Largest size of the page, bytes."""
SHEET = 1_200_000
"""Largest size of a contact sheet in the page, bytes of base64."""
SERIES = 2_500_000
"""Largest size of a series of figures in the page, one for each method or run, bytes of base64."""
CLIPS = 4_000_000
"""Largest size of all clips in the page, bytes of base64."""


def keep_within(pictures: Mapping[str, bytes], most: int) -> tuple[dict[str, bytes], list[str]]:
    """Chooses pictures of a series that fit together, the last first, then from the first on.

    Args:
        pictures: pictures by name.
        most: bytes that they may take in base64.

    Returns:
        Those that fit, in their order, and the names of the others.
    """
    names = list(pictures)
    kept, room = set[str](), most
    for name in [*names[-1:], *names[:-1]]:
        size = base64_length(pictures[name])
        if size <= room:
            kept.add(name)
            room -= size
    return {name: pictures[name] for name in names if name in kept}, [name for name in names if name not in kept]
