"""The plan as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from i2vadapt import stages
from i2vadapt.pipeline.plan.plan import Plan, Row, Sharing

UNKNOWN = "?"
_NOT_COUNTED = "manifests (every file is read once), fusion (seconds), tables, figures, reports, rendering of the demo"


@dataclass(frozen=True)
class Total:
    """Sums over rows.

    Attributes:
        jobs: number of jobs.
        size: bytes of the rows whose size is known.
        seconds: of the rows whose time is known.
        gpu: the part of these for which a GPU is taken.
        assumed: the part of these that rests on assumptions.
        unknown: the rows whose time is unknown.
    """

    jobs: int
    size: float
    seconds: float
    gpu: float
    assumed: float
    unknown: tuple[Row, ...]


def total(rows: Iterable[Row]) -> Total:
    """Adds up what is known of some rows."""
    listed = list(rows)
    return Total(
        jobs=sum(row.jobs for row in listed),
        size=sum(row.size or 0.0 for row in listed),
        seconds=sum(row.seconds or 0.0 for row in listed),
        gpu=sum(row.seconds or 0.0 for row in listed if row.gpu),
        assumed=sum(row.seconds or 0.0 for row in listed if row.assumed),
        unknown=tuple(row for row in listed if row.seconds is None),
    )


def describe(plan: Plan, origin: Sequence[str]) -> list[str]:
    """The table, what it leaves out, what sharing saves, and where its figures come from.

    Args:
        plan: the plan.
        origin: lines about the origin of the rates.
    """
    lines = [f"{'stage':12}{'dataset, run or method':44}{'items':>8}{'jobs':>7}{'GB':>10}{'hours':>10}"]
    for row in _merge_alike(plan.rows):
        amounts = f"{_shown(row.size, 1e9):>10}{_shown(row.seconds, 3600):>10}"
        line = f"{row.stage:12}{row.name:44}{row.items:>8}{row.jobs:>7}{amounts}"
        lines.append(f"{line}  assumed" if row.assumed else line)
    found = total(plan.rows)
    lines.append(f"{'all':12}{'':44}{'':8}{found.jobs:>7}{found.size / 1e9:>10.3f}{found.seconds / 3600:>10.3f}")
    if found.gpu:
        lines.append(f"Of these hours, {found.gpu / 3600:.1f} are hours of a GPU.")
    if found.unknown:
        lines.append(f"Not in these hours, as no rate is known ({UNKNOWN}): {_list_unknown(found.unknown)}.")
    if found.assumed:
        reasons = dict.fromkeys(row.assumed for row in plan.rows if row.assumed)
        lines.append(f"{found.assumed / 3600:.1f} of these hours rest on assumptions:")
        lines += [f"  assumed: {reason}" for reason in reasons]
    return [*lines, *_describe_sharing(plan.sharing), *origin, f"Not counted: {_NOT_COUNTED}."]


def _merge_alike(rows: Sequence[Row]) -> list[Row]:
    """Puts runs of one benchmark that take the same into one row; methods, which take nothing, too."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        where = row.name.partition(", ")[0]
        each = [None if one is None else one / row.jobs for one in (row.size, row.seconds)]
        groups.setdefault((row.stage, where, row.items, *each, row.assumed), []).append(row)
    merged = []
    for alike in groups.values():
        first, others = alike[0], len(alike) - 1
        size, seconds = (
            None if getattr(first, name) is None else sum(getattr(row, name) for row in alike)
            for name in ("size", "seconds")
        )
        name = f"{first.name} + {others} alike" if others else first.name
        merged.append(replace(first, name=name, jobs=sum(row.jobs for row in alike), size=size, seconds=seconds))
    return merged


def _shown(value: float | None, unit: float) -> str:
    return UNKNOWN if value is None else f"{value / unit:.3f}"


def _list_unknown(rows: Sequence[Row]) -> str:
    """Stages with the datasets, or the numbers of runs, whose time is unknown."""
    names: dict[str, list[Row]] = {}
    for row in rows:
        names.setdefault(row.stage, []).append(row)
    parts = []
    for stage, found in names.items():
        if stages.by_name(stage) is None:
            jobs = sum(row.jobs for row in found)
            parts.append(f"{jobs} {'job' if jobs == 1 else 'jobs'} of {stage} ({_names(found)})")
        else:
            parts.append(f"{stage} of {_names(found)}")
    return "; ".join(parts)


def _names(rows: Sequence[Row], most: int = 4) -> str:
    names = [row.name.replace(", ", " ") for row in rows]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _describe_sharing(sharing: Sharing) -> list[str]:
    """What methods save by sharing runs; nothing where they share none."""
    spared = sharing.alone - sharing.runs
    if not spared:
        return []
    line = (
        f"Sharing saves {spared} of {sharing.alone} trainings: {sharing.methods} methods need {sharing.runs}, as a run"
        " serves every method that reads it"
    )
    if sharing.seconds is not None:
        line += f"; that is {sharing.seconds / 3600:.1f} hours"
    if sharing.unpriced:
        line += f"; {sharing.unpriced} of those saved have no price"
    return [f"{line}."]
