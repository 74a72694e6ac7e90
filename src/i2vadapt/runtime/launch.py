"""Running one command in several processes, with torchrun's launcher."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from i2vadapt.errors import Preempted, UserError
from i2vadapt.runtime.cores import available_cores
from i2vadapt.runtime.devices import node_count

LAUNCHED = "I2VADAPT_LAUNCHED"
"""Id of the process that called `launch`, in those that it starts. RANK and the like may be left by other programs."""

_OF_LAUNCHERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")

# The signals that the launcher handles by default, and the one that clusters send some time before they end a job.
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1)

_logger = logging.getLogger(__name__)


def is_launched() -> bool:
    """Whether `launch` started this process; says so if the environment holds variables of another launcher."""
    if os.environ.get(LAUNCHED) == str(os.getppid()):
        return True
    others = [f"{name}={os.environ[name]}" for name in _OF_LAUNCHERS if name in os.environ]
    if others:
        _logger.warning("ignored: %s in the environment; --gpus N starts several processes", ", ".join(others))
    return False


def launch(processes: int, arguments: Sequence[str]) -> None:
    """Runs `i2vadapt ARGUMENTS` in several processes and waits for those on this node.

    In a SLURM step of several nodes with one task each, every task calls this and starts its share.

    Signals that ask training to stop are forwarded to the processes, which have 30 s to finish the current step.

    Args:
        processes: number of processes on all nodes.
        arguments: arguments of the command.

    Raises:
        Preempted: if they were asked to stop and have saved their state.
        UserError: if one of them failed (it has printed the reason), or their number does not fit SLURM's nodes and
            tasks.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    nodes = node_count()
    if processes % nodes:
        raise UserError(f"--gpus: must be a multiple of the {nodes} nodes, not {processes}")
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", str(nodes))
    if nodes > 1 and tasks != str(nodes):
        raise UserError(f"--gpus: SLURM must start one task on each of the {nodes} nodes, not {tasks} tasks")
    config = LaunchConfig(
        min_nodes=nodes,
        max_nodes=nodes,
        nproc_per_node=processes // nodes,
        run_id=os.environ["SLURM_JOB_ID"] if nodes > 1 else "",
        rdzv_backend="c10d",
        rdzv_endpoint=_rendezvous_endpoint() if nodes > 1 else "localhost:0",
        max_restarts=0,
        monitor_interval=0.1,
    )
    try:
        with _environment(processes):
            elastic_launch(config, sys.executable)("-m", "i2vadapt", *arguments)
    except SignalException as error:
        if error.sigval is signal.SIGINT:
            raise KeyboardInterrupt from None
        raise Preempted("asked to stop; run the same command again to resume") from None
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode == os.EX_TEMPFAIL:
            raise Preempted("asked to stop; run the same command again to resume") from None
        raise UserError(
            f"process of rank {rank} ended with status {failure.exitcode} (world size {processes})"
        ) from None


@contextmanager
def _environment(processes: int) -> Iterator[None]:
    """The environment that the processes inherit; afterwards it is that of this process again."""
    before = dict(os.environ)
    os.environ[LAUNCHED] = str(os.getpid())
    os.environ["TORCHELASTIC_SIGNALS_TO_HANDLE"] = ",".join(number.name for number in _PASSED_ON)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(available_cores() // processes, 1)))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _rendezvous_endpoint() -> str:
    """Address at which the nodes of a SLURM step meet: the launching node, at a port derived from the job's number."""
    return f"{os.environ['SLURM_LAUNCH_NODE_IPADDR']}:{20000 + int(os.environ['SLURM_JOB_ID']) % 10000}"
