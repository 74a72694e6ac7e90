"""Training of the two-stream network (paper sections 3 and 4.2)."""

from __future__ import annotations

import itertools
import logging
import time
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from i2vadapt import __version__, stages
from i2vadapt.clips.dataset import Sample
from i2vadapt.clips.domains import open_domains
from i2vadapt.clips.loaders import Loaders
from i2vadapt.clips.target import paced_streams
from i2vadapt.errors import Preempted, UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.runtime.precision import choose_arithmetic, describe
from i2vadapt.runtime.preemption import StopRequest, stop_request
from i2vadapt.runtime.process_group import SINGLE_PROCESS, ProcessGroup, synchronise_batch_norm
from i2vadapt.runtime.progress import progress
from i2vadapt.training import checkpoint
from i2vadapt.training.calibration import calibrate_batch_norm
from i2vadapt.training.history import Means, Row, in_short, write_events, write_metrics
from i2vadapt.training.objective import Objective
from i2vadapt.training.optimizer import build_optimizer
from i2vadapt.training.run import Run, build_model, initialise
from i2vadapt.training.target_pass import TargetPass
from i2vadapt.weights.reading import weights_digest

_logger = logging.getLogger(__name__)

CALIBRATION_BATCHES = 16  # half of them of each domain


class Trainer:
    """Trains one run, from the beginning or from where it was interrupted.

    Args:
        run: what to train.
        group: the processes that train it, each with its part of every batch.

    Raises:
        UserError: if data or weights are missing, an unfinished run in the folder had other settings, or there are more
            processes than videos in a batch.
    """

    def __init__(self, run: Run, group: ProcessGroup = SINGLE_PROCESS) -> None:
        self.run, self.settings, self.group = run, run.settings, group
        torch.manual_seed(run.seed)
        settings = self.settings
        self.domains = open_domains(run.source, run.target, settings)
        self.arithmetic = choose_arithmetic(settings.precision)
        self.model = build_model(settings, len(run.classes))
        initialise(self.model, settings, run.classes)
        self.arithmetic.prepare(self.model)
        self.objective = Objective(self.model, settings, self.arithmetic)
        self.loaders = Loaders(run, self.domains, group, self.arithmetic.device.type == "cuda")
        self.target_pass = TargetPass(run, self.domains, self.model, self.loaders, self.arithmetic, group)
        self.optimizer, self.schedule = build_optimizer(self.model, settings)
        self.history: list[Row] = []
        self.epoch, self.step, self.means = 0, 0, Means()
        self._stop = StopRequest()
        self._state = run.folder / "state.pt"
        counts = [len(part.items) for part in (self.domains.source, self.domains.target, self.domains.test)]
        smallest = min(settings.batch_size, *counts)
        if smallest < group.world_size:
            raise UserError(
                f"{group.world_size} processes for {smallest} videos in a batch or dataset: use fewer processes"
            )
        if not group.is_main:  # each process has its own dropout; the first one's is that of a process alone
            torch.manual_seed(int(np.random.SeedSequence([run.seed, group.rank]).generate_state(1)[0]))

    def train(self) -> None:
        """Trains to the last epoch and writes checkpoint.pt; the same call goes on after an interruption.

        A run that is finished with the same settings, data and weights is left as it is.

        Raises:
            Preempted: if a signal asked to stop; the state after the step in hand was saved.
        """
        with checkpoint.exclusive(self.run.folder, self.group.is_main), stop_request() as self._stop:
            if self._is_finished():
                _logger.info("%s: up to date", self.run.folder)
                return
            self._resume()
            self._write_settings()
            if self.group.world_size > 1 and self.settings.sync_batch_norm:
                synchronise_batch_norm(self.model, self.arithmetic.device)
            _logger.info("training on %s", describe(self.arithmetic, self.settings, self.group.world_size))
            try:
                while self.epoch < self.settings.epochs:
                    self._epoch()
            except Preempted:
                self._save()
                where = f"after step {self.step} of epoch {self.epoch + 1}"
                raise Preempted(f"told to stop {where}; run the same command again to go on") from None
            self._finish()

    def _epoch(self) -> None:
        row = self._train_epoch()
        row |= self.target_pass.after_epoch(self.epoch + 1, self._stop)
        self.history.append(row)
        with warnings.catch_warnings():
            # Right after an interruption behind an epoch's last step, PyTorch misses the step before it.
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
            self.schedule.step()
        self.epoch, self.step, self.means = self.epoch + 1, 0, Means()
        self._save()
        if self.group.is_main:
            write_metrics(self.run.folder / "metrics.csv", self.history)
            write_events(self.run.folder / "events", self.history[-1:])
        _logger.info("epoch %d of %d: %s", self.epoch, self.settings.epochs, in_short(row))

    @cached_property
    def _identity(self) -> dict[str, Any]:
        """What must not change between the parts of an interrupted run."""
        return {
            "version": stages.TRAIN.version,
            "classes": list(self.run.classes),
            "seed": self.run.seed,
            "train": self.settings.model_dump(mode="json"),
            "weights": {path: weights_digest(Path(path)) for path in self.settings.initial_weights},
            "source": self.domains.source.digests(),
            "target": self.domains.target.digests(),
        }

    def _write_settings(self) -> None:
        if not self.group.is_main:
            return
        document = {"package": __version__, **self._identity}
        write_atomically(self.run.folder / "settings.yaml", yaml.safe_dump(document, sort_keys=False).encode())

    def _is_finished(self) -> bool:
        """Whether checkpoint.pt is this run's; then its other files, which may be missing after a kill, are written."""
        path = self.run.folder / "checkpoint.pt"
        try:
            content = checkpoint.load(path) if path.exists() else {}
        except UserError:
            return False
        if content.get("identity") != self._identity:
            return False
        if self.group.is_main:
            self._write_settings()
            write_metrics(self.run.folder / "metrics.csv", content["history"])
            self._state.unlink(missing_ok=True)
        return True

    def _resume(self) -> None:
        if not self._state.exists():
            self._calibrate()
            return
        state = checkpoint.load(self._state)
        changed = checkpoint.differences(state["identity"], self._identity)
        if changed:
            raise UserError(
                f"{self._state}: an unfinished run with other settings; restore them, or delete it to begin anew:\n"
                + "\n".join(f"  {line}" for line in changed)
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.target_pass.load_state_dict(state["bank"])
        if self.group.rank < len(state["random"]):  # more processes than before: the new ones have their own already
            checkpoint.set_random_state(state["random"][self.group.rank])
        self.history, self.epoch, self.step = state["history"], state["epoch"], state["step"]
        if self.group.is_main:
            self.means.include(state["means"])
        _logger.info("going on after epoch %d, step %d", self.epoch, self.step)

    def _calibrate(self) -> None:
        """After a cross-modality initialisation: batch-norm statistics of the flow of both domains."""
        init = self.settings.init
        if "flow" not in self.model.streams or init.flow is not None or init.rgb is None:
            return
        _logger.info("flow stream starts from RGB weights: estimating its batch-norm statistics")
        clips = (sample["flow"] for sample in itertools.islice(self.loaders.calibration(), CALIBRATION_BATCHES))
        calibrate_batch_norm(self.model.network("flow"), clips, self.arithmetic)

    def _save(self) -> None:
        random, means = self.group.gather(checkpoint.random_state()), self._all_means()
        if self.group.is_main:
            state = {
                "identity": self._identity,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "bank": self.target_pass.state_dict(),
                "random": random,
                "history": self.history,
                "epoch": self.epoch,
                "step": self.step,
                "means": means.state(),
            }
            checkpoint.save(self._state, state)
        self.group.barrier()

    def _all_means(self) -> Means:
        means = Means()
        for part in self.group.gather(self.means.state()):
            means.include(part)
        return means

    def _finish(self) -> None:
        """Writes the result; the state of the unfinished run is removed, so that a new run starts anew."""
        if not self.group.is_main:
            return
        write_metrics(self.run.folder / "metrics.csv", self.history)
        content = {
            "identity": self._identity,
            "history": self.history,
            "model": self.model.state_dict(),
            "classes": list(self.run.classes),
            "settings": self.settings.model_dump(mode="json"),
            "seed": self.run.seed,
            "decode": self.domains.target.frames_settings,
            "flow": self.domains.target.flow_settings,
        }
        checkpoint.save(self.run.folder / "checkpoint.pt", content)
        self._state.unlink(missing_ok=True)

    def _train_epoch(self) -> Row:
        """The steps of an epoch that are left."""
        self.model.train()
        first, steps = self.step, self.loaders.steps
        batches = zip(
            self.loaders.source(self.epoch, self.target_pass.lender(self.epoch), first),
            self.loaders.paced(self.epoch, first),
            self.loaders.target(self.epoch, first),
            strict=False,
        )
        clips, waited, started = 0, 0.0, time.monotonic()
        with progress(steps, f"epoch {self.epoch + 1}", "step", log_every=60, shown=self.group.is_main) as bar:
            bar.skip(first)
            for _ in range(first, steps):
                before = time.monotonic()
                batch = next(batches)
                waited += time.monotonic() - before
                clips += self._step(*batch)
                bar.update()
        seconds = max(time.monotonic() - started, 1e-9)
        if self.group.world_size > 1 and not self.settings.sync_batch_norm:
            self.group.broadcast_buffers(self.model)
        rate = float(self.schedule.get_last_lr()[0])
        row: Row = {"epoch": self.epoch + 1, "learning_rate": rate, **self._all_means().result()}
        clips = sum(self.group.gather(clips))
        if clips:
            row |= {"clips_per_second": clips / seconds, "share_waiting_for_data": waited / seconds}
        if self.target_pass.bank is not None:
            row["bank_used"] = float(self.target_pass.bank_is_used(self.epoch))
        return row

    def _step(self, source: Sample, paced: Sample | None, target: Sample | None) -> int:
        """One step of Eq. 6, with one backward pass a network, so that only one's activations are held.

        Args:
            source: this process's part of a batch of `SourceClips`.
            paced: of `PacedClips`, or None.
            target: of `TargetClips`, or None.

        Returns:
            Clips that went through a network of this process.

        Raises:
            Preempted: after the step, if one of the processes was told to stop.
        """
        self.optimizer.zero_grad(set_to_none=True)
        labels = source["label"].to(self.arithmetic.device)
        done = (self.epoch + self.step / self.loaders.steps) / self.settings.epochs
        loss, clips = 0.0, 0
        for name in self.model.streams:
            loss += self._backward(self.objective.source_terms(name, source, labels, target, done), source)
            clips += len(labels) + (len(target[name]) if target is not None and name in target else 0)
        if paced is not None:
            loss += self._paced_step(paced)
            clips += len(paced["pace"]) * len(paced_streams(self.settings))
        total, stops = self.group.sum_gradients(self.model.parameters(), loss, float(self._stop.received))
        if not np.isfinite(total):
            raise UserError(
                f"epoch {self.epoch + 1}: the loss is not finite: lower learning_rate ({self.settings.learning_rate})"
            )
        if self.settings.clip_gradient is not None:
            torch.nn.utils.clip_grad_value_(self.model.parameters(), self.settings.clip_gradient)
        self.optimizer.step()
        if self.group.is_main:
            self.means.add("loss", total, _videos(source) / float(source["share"]))
        self.step += 1
        if stops:
            raise Preempted
        return clips

    def _paced_step(self, paced: Sample) -> float:
        pace, loss = self.settings.pace, 0.0
        for name in paced_streams(self.settings):
            if pace is None or name not in pace.streams:
                self.objective.show(name, paced)
                continue
            terms, accuracy = self.objective.pace_terms(name, paced, pace)
            loss += self._backward(terms, paced)
            self.means.add("pace_accuracy", accuracy, _videos(paced))
        return loss

    def _backward(self, terms: dict[str, Tensor], sample: Sample) -> float:
        """Backward pass of this process's part; gives its share of the loss.

        The terms are means over videos, so that the shares add up to the mean over the whole batch. A transfer loss
        compares the videos of one process's part.
        """
        loss = float(sample["share"]) * torch.stack(list(terms.values())).sum()
        loss.backward()
        for name, term in terms.items():
            self.means.add(name, float(term.detach()), _videos(sample))
        return float(loss.detach())


def _videos(sample: Sample) -> int:
    """Videos of a sample that count."""
    some = next(sample[name] for name in ("rgb", "flow") if name in sample)
    return len(some) if sample["share"] > 0 else 0
