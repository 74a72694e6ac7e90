"""Several processes for one command, by torchrun's launcher."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence

from i2vadapt.errors import Preempted, UserError
from i2vadapt.runtime.devices import nodes_of_step

# Those of the launcher, and what clusters send some time before they end a job.
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1)


def is_launched() -> bool:
    """Whether torchrun, or `launch`, started this process."""
    return "RANK" in os.environ


def launch(processes: int, arguments: Sequence[str]) -> None:
    """Runs `i2vadapt ARGUMENTS` in several processes and waits for those on this node.

    In a SLURM step of several nodes, with one task each, every task calls this and starts its share.

    The signals that ask training to stop go on to the processes, which have 30 s for the step in hand.

    Args:
        processes: how many on all nodes.
        arguments: of the command.

    Raises:
        Preempted: if they were told to stop and saved their state.
        UserError: if one of them failed, which has told why, or the nodes can't share them evenly.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    os.environ["TORCHELASTIC_SIGNALS_TO_HANDLE"] = ",".join(number.name for number in _PASSED_ON)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(len(os.sched_getaffinity(0)) // processes, 1)))
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    nodes = nodes_of_step()
    if processes % nodes:
        raise UserError(f"--gpus: {processes} can't be shared evenly by {nodes} nodes")
    config = LaunchConfig(
        min_nodes=nodes,
        max_nodes=nodes,
        nproc_per_node=processes // nodes,
        run_id=os.environ["SLURM_JOB_ID"] if nodes > 1 else "",
        rdzv_backend="c10d",
        rdzv_endpoint=_meeting_place() if nodes > 1 else "localhost:0",
        max_restarts=0,
        monitor_interval=0.1,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "i2vadapt", *arguments)
    except SignalException as error:
        if error.sigval is signal.SIGINT:
            raise KeyboardInterrupt from None
        raise Preempted("told to stop; run the same command again to go on") from None
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode == os.EX_TEMPFAIL:
            raise Preempted("told to stop; run the same command again to go on") from None
        raise UserError(f"process {rank} of {processes} ended with status {failure.exitcode}") from None


def _meeting_place() -> str:
    """Where the nodes of a SLURM step find each other: the node that started it, at a port of the job's own."""
    return f"{os.environ['SLURM_LAUNCH_NODE_IPADDR']}:{20000 + int(os.environ['SLURM_JOB_ID']) % 10000}"
