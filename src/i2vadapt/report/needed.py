"""The runs that a method needs: those that it fuses, and all that these have read from."""

from __future__ import annotations

from typing import Any

from i2vadapt.config.parsing import read_yaml
from i2vadapt.layout import Results
from i2vadapt.report.runs import Evaluation


def needed_runs(results: Results, benchmark: str, evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """Content of settings.yaml of each needed run by name, fused runs first; empty where the file is missing.

    Args:
        results: folder of all results.
        benchmark: name of the benchmark.
        evaluation: a method with one seed.
    """
    found: dict[str, dict[str, Any]] = {}
    wanted = [run.name for run in evaluation.runs]
    while wanted:
        name = wanted.pop(0)
        if name not in found:
            file = results.run(benchmark, name, evaluation.seed).settings
            found[name] = read_yaml(file) if file.is_file() else {}
            wanted += _parents(found[name])
    return found


def _parents(document: dict[str, Any]) -> list[str]:
    crops_by = (document.get("train") or {}).get("crops_by")
    return [*(document.get("parents") or {}), *(document.get("features") or {}), *([crops_by] if crops_by else [])]
