"""Wall time of the stages, from the files that Snakemake writes for every job."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from i2vadapt.layout import Results
from i2vadapt.stages import REPORT


@dataclass(frozen=True)
class RuleTime:
    """All jobs of a rule.

    Attributes:
        rule: its name.
        jobs: how many were measured.
        total: sum of their wall times, seconds; more than the time that passed if jobs ran at the same time.
        longest: longest wall time of a job, seconds.
        memory: largest resident memory of a job, MB; None if it was not measured.
    """

    rule: str
    jobs: int
    total: float
    longest: float
    memory: float | None


def job_time_files(results: Results) -> list[Path]:
    """Measurements of all jobs, sorted by path.

    Those of the report itself are left out, so that a second report of the same results is the same.
    """
    folder = results.job_times
    return sorted(path for path in folder.glob("*/**/*.tsv") if _rule(folder, path) != REPORT.name)


def rule_times(results: Results) -> list[RuleTime]:
    """Wall times by rule, the longest first; empty if nothing was measured.

    A job that ended too soon to be measured has '-' or 'NA' as its memory; damaged files are skipped.
    """
    jobs: dict[str, list[tuple[float, float | None]]] = {}
    for path in job_time_files(results):
        jobs.setdefault(_rule(results.job_times, path), []).extend(_read(path))
    times = []
    for rule, rows in jobs.items():
        if rows:
            seconds = [row[0] for row in rows]
            memory = [row[1] for row in rows if row[1] is not None]
            times.append(RuleTime(rule, len(rows), sum(seconds), max(seconds), max(memory, default=None)))
    return sorted(times, key=lambda row: (-row.total, row.rule))


def job_seconds(path: Path) -> float:
    """Wall time of a job, seconds; 0 if it was not measured."""
    return sum(seconds for seconds, _ in _read(path)) if path.is_file() else 0.0


def _rule(folder: Path, path: Path) -> str:
    return path.relative_to(folder).parts[0]


def _read(path: Path) -> list[tuple[float, float | None]]:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
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
