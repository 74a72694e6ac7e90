"""Failed jobs whose outputs are marked `update`.

When such a job fails, Snakemake (9.14 to 9.27 at least) restores the outputs that were there before, and then records
them as made with the parameters and inputs of the failed job. So after a changed setting and a full disk, say, the next
run would find nothing to be done, and train on shards of the old setting.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def keep_failed_jobs_incomplete(persistence: Any) -> None:
    """Makes Snakemake leave a job marked as incomplete when it has restored one of its outputs.

    The next run does it again; the profiles set rerun-incomplete.

    Args:
        persistence: Snakemake's record of the jobs, changed in place.
    """
    restore_output, finished = persistence.restore_output, persistence.finished
    restored: set[str] = set()

    def restore(path: Path) -> bool:
        found = bool(restore_output(path))
        if found:
            restored.add(str(path))
        return found

    async def finish(job: Any) -> None:
        outputs = {str(Path(output)) for output in job.output}
        if restored & outputs:
            restored.difference_update(outputs)  # a retry may succeed
            return
        await finished(job)

    persistence.restore_output, persistence.finished = restore, finish
