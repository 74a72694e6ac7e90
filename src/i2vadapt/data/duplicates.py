"""Files with the same content: copies, and pictures or videos that lie in two classes."""

from __future__ import annotations

from collections.abc import Sequence

from i2vadapt.data.items import UNLABELLED, Item


def judge_copies(items: Sequence[Item]) -> list[str | None]:
    """Decides which of the items with the same content are used.

    Of copies in one class, the first is used; a labelled one is preferred to those without a label. Content that has
    two labels is not used at all: at least one label is wrong, and the files do not show which one.

    Args:
        items: readable items in order of their ids.

    Returns:
        For each item why it is excluded, or None if it is used.
    """
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item.digest, []).append(item)
    used = {digest: min(group, key=lambda item: item.label == UNLABELLED) for digest, group in groups.items()}
    return [_reason(item, used[item.digest], groups[item.digest]) for item in items]


def _reason(item: Item, used: Item, group: Sequence[Item]) -> str | None:
    labels = {other.label: other for other in reversed(group) if other.label != UNLABELLED}
    if len(labels) > 1:
        other = next(other for label, other in sorted(labels.items()) if label != item.label)
        own = item.class_name or "no label"
        return f"label conflict: {own} here, {other.class_name} for the same content in {other.id}"
    return None if item is used else f"duplicate of {used.id}"
