"""The states of all jobs as a table, and as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from i2vadapt.pipeline.status.state import WORDS, State
from i2vadapt.pipeline.status.work import Job

Judged = Mapping[Job, State]


def table(judged: Judged) -> Iterator[str]:
    """Lines of the table, one for all shards of a stage; then the errors of the jobs that failed; then the sums."""
    groups: dict[tuple[str, str, int | None], list[Job]] = {}
    for job in judged:
        groups.setdefault((job.stage, job.name, job.seed), []).append(job)
    rows = [(stage, _named(group[0]), _described(group, judged)) for (stage, _, _), group in groups.items()]
    width = max((len(name) for _, name, _ in rows), default=0) + 2
    yield f"{'stage':12}{'of':{width}}state"
    yield from (f"{stage:12}{name:{width}}{state}" for stage, name, state in rows)
    for job, state in judged.items():
        if state.word in ("failed", "stopped") and state.message:
            yield f"{state.word}: {job.stage} {_named(job)}{job.shard and f', shard {job.shard}'}: {state.message}"
            yield f"  {job.log}"
    counts = Counter(state.word for state in judged.values())
    listed = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
    yield f"{len(judged)} jobs: {listed or 'nothing is asked for'}"


def _named(job: Job) -> str:
    return job.name if job.seed is None else f"{job.name}, seed {job.seed}"


def _described(group: Sequence[Job], judged: Judged) -> str:
    """One word for a job, a number for each word where there are several."""
    states = [judged[job] for job in group]
    job, state = group[0], states[0]
    if len(group) == 1 and state.epoch is not None and job.epochs is not None:
        current = min(state.epoch + (state.word == "running"), job.epochs)
        return f"{state.word}, epoch {current} of {job.epochs}"
    if len(group) == 1:
        return state.word
    counts = Counter(state.word for state in states)
    others = [f"{counts[word]} {word}" for word in WORDS if counts[word] and word not in ("done", "missing")]
    return ", ".join([f"{counts['done']} of {len(group)} done", *others])


def plain(judged: Judged) -> dict[str, Any]:
    """The states as plain data, for JSON: every job, and the number of jobs in each state."""
    counts = Counter(state.word for state in judged.values())
    return {
        "jobs": [_plain_job(job, state) for job, state in judged.items()],
        "counts": {word: counts[word] for word in WORDS},
    }


def _plain_job(job: Job, state: State) -> dict[str, Any]:
    return {
        "stage": job.stage,
        "name": job.name,
        "seed": job.seed,
        "shard": job.shard or None,
        "state": state.word,
        "epoch": state.epoch,
        "epochs": job.epochs,
        "error": state.message or None,
        "output": str(job.output),
        "log": str(job.log),
    }
