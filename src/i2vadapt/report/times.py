"""Wall time of the stages, from the files that the workflow writes for every job."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

_OWN_RULE = "report"


@dataclass(frozen=True)
class RuleTime:
    """All jobs of a rule.

    Attributes:
        rule: its name.
        jobs: how many were measured.
        total: sum of their wall times, seconds; more than the time that passed where jobs ran side by side.
        longest: seconds.
        memory: largest resident memory of a job, MB; None where it was not measured.
    """

    rule: str
    jobs: int
    total: float
    longest: float
    memory: float | None


def benchmark_files(results: Path) -> list[Path]:
    """All measurements, in the order of their names.

    Those of the report itself are left out: a second report of the same results should be the same.
    """
    folder = results / "benchmarks"
    return sorted(path for path in folder.glob("*/**/*.tsv") if path.relative_to(folder).parts[0] != _OWN_RULE)


def rule_times(results: Path) -> list[RuleTime]:
    """Wall times by rule, the longest first; empty when nothing was measured.

    A job that ended too soon to be measured has '-' or 'NA' in its memory column; a damaged file is left out.
    """
    folder = results / "benchmarks"
    jobs: dict[str, list[tuple[float, float | None]]] = {}
    for path in benchmark_files(results):
        rule = path.relative_to(folder).parts[0]
        jobs.setdefault(rule, []).extend(_read(path))
    times = []
    for rule, rows in jobs.items():
        if rows:
            seconds = [row[0] for row in rows]
            memory = [row[1] for row in rows if row[1] is not None]
            times.append(RuleTime(rule, len(rows), sum(seconds), max(seconds), max(memory, default=None)))
    return sorted(times, key=lambda row: (-row.total, row.rule))


def _read(path: Path) -> list[tuple[float, float | None]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    found = []
    for row in rows:
        seconds, memory = _number(row.get("s")), _number(row.get("max_rss"))
        if seconds is not None:
            found.append((seconds, memory))
    return found


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
