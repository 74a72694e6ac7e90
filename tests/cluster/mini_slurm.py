"""A SLURM cluster of virtual nodes on the loopback: munged, slurmctld and a slurmd for each node, all in one folder."""

from __future__ import annotations

import getpass
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "srun", "squeue", "scontrol", "scancel", "setpriv")
NODES = ("node1", "node2", "node3", "node4")
# Two GPUs a node, each with a file that stands for the card. Nothing is accounted, as on many small clusters.
# A job that is queued again waits for cred_expire seconds.
CONFIGURATION = """
ClusterName=mini
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=5
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=1
KillWait=10
GresTypes=gpu
{nodes}
PartitionName=cpu Nodes=node1,node2 Default=YES State=UP
PartitionName=gpu Nodes=node3,node4 State=UP
"""
GPUS = "NodeName=node[1-4] Name=gpu File=/dev/null\nNodeName=node[1-4] Name=gpu File=/dev/zero\n"


def missing_programs() -> list[str]:
    """Programs of slurm-wlm and munge that are not installed."""
    return [name for name in (*DAEMONS, *CLIENTS) if find_program(name) is None]


def find_program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")


class MiniSlurm:
    """A running cluster.

    Attributes:
        environment: of everything that talks to it.
    """

    def __init__(self, folder: Path) -> None:
        """Starts the daemons; each dies with this process, however that ends.

        Args:
            folder: an empty folder with a short path, for sockets, state and logs.
        """
        self.folder = folder
        self.environment = self._environment()
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._configure()
        try:
            key = folder / "munge.key"
            key.write_bytes(secrets.token_bytes(128))
            key.chmod(0o400)
            options = [f"--{name}-file={folder / 'munge'}.{name}" for name in ("key", "pid", "log", "seed")]
            self._start("munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *options)
            wait_for((folder / "munge.socket").exists, 20, "munged")
            self._start("slurmctld", "-D", "-i")
            for node in NODES:
                self._start("slurmd", "-D", "-N", node)
            wait_for(lambda: self.node_states() == dict.fromkeys(NODES, "idle"), 60, "the nodes")
        except BaseException:
            self.stop()
            raise

    def _environment(self) -> dict[str, str]:
        # The executor takes SLURM_CONF away from the srun inside a job, so that one is given it again.
        programs = self.folder / "bin"
        programs.mkdir()
        srun = programs / "srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {find_program("srun")} "$@"\n')
        srun.chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "PYTHONPATH"))}
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "PATH": path, "SLURM_CONF": f"{self.folder}/slurm.conf"}

    def _configure(self) -> None:
        (self.folder / "state").mkdir()
        port, *ports = free_ports(1 + len(NODES))
        nodes = "\n".join(
            f"NodeName={name} NodeAddr=127.0.0.1 Port={number} CPUs=16 RealMemory=200000 Gres=gpu:2"
            for name, number in zip(NODES, ports, strict=True)
        )
        text = CONFIGURATION.format(
            host=socket.gethostname(), port=port, folder=self.folder, user=getpass.getuser(), nodes=nodes
        )
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "gres.conf").write_text(GPUS)

    def _start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as output:
            process = subprocess.Popen(
                [find_program("setpriv") or "", "--pdeathsig", "KILL", find_program(name) or "", *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._daemons.append(process)

    def stop(self) -> None:
        """Cancels all jobs, waits for their processes and ends the daemons."""
        try:
            if len(self._daemons) > 2:
                self.call("scancel", "--user", getpass.getuser())
                wait_for(lambda: not self.jobs(), 40, "the end of the jobs")
        finally:
            for process in reversed(self._daemons):
                process.send_signal(signal.SIGCONT)
                process.terminate()
            for process in reversed(self._daemons):
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def call(self, *command: str) -> str:
        """Output of a command that must succeed."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def node_states(self) -> dict[str, str]:
        """State of each node, as far as the controller answers."""
        command = ["sinfo", "-h", "-N", "-o", "%N %t"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        return dict(line.split() for line in done.stdout.splitlines())

    def jobs(self, state: str = "PENDING,RUNNING,STOPPED,COMPLETING") -> list[Job]:
        """Jobs in one of some states."""
        lines = self.call("squeue", "-h", "-r", "-t", state, "-o", "%i|%j|%T|%N|%k").splitlines()
        return [Job(*line.split("|")) for line in lines]


class Job:
    """A line of squeue."""

    def __init__(self, number: str, name: str, state: str, node: str, comment: str) -> None:
        self.number, self.name, self.state, self.node = number, name, state, node
        rule = re.match(r"rule_(.+?)(_wildcards_.*)?$", comment)
        self.rule = rule.group(1) if rule else ""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at just now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_for(met: Callable[[], object], seconds: float, what: str) -> None:
    """Waits until something is so.

    Raises:
        TimeoutError: if it is not in time.
    """
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.1)
