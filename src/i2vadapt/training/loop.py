"""Training of a run: one network by its recipe (paper sections 3 and 4.2)."""

from __future__ import annotations

import logging
import time
import warnings
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from i2vadapt.clips.domains import open_domains
from i2vadapt.clips.loaders import Loaders
from i2vadapt.clips.loading import loader_errors
from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import Preempted, UserError
from i2vadapt.inference.scores import SOURCE_PROBABILITY
from i2vadapt.layout import RunFolder
from i2vadapt.models.registry import initialise
from i2vadapt.recipes.base import Context, LossPart, build_recipe
from i2vadapt.runtime.precision import choose_arithmetic
from i2vadapt.runtime.preemption import StopRequest, stop_request
from i2vadapt.runtime.process_group import SINGLE_PROCESS, ProcessGroup, synchronise_batch_norm
from i2vadapt.runtime.progress import progress
from i2vadapt.training.earlier import exchange
from i2vadapt.training.history import Means, Row, format_summary, write_events, write_metrics
from i2vadapt.training.inputs import digest_inputs
from i2vadapt.training.lock import lock_folder
from i2vadapt.training.optimizer import build_optimizer
from i2vadapt.training.pace_counts import PaceCounts, write_pace_counts
from i2vadapt.training.result import Result
from i2vadapt.training.run import Run
from i2vadapt.training.state import random_state, set_random_state
from i2vadapt.training.step_values import StepValues
from i2vadapt.training.target_scores import TargetScores, last_scores, reported_accuracies
from i2vadapt.weights import checkpoint

_logger = logging.getLogger(__name__)

_LOSS = "loss"  # of a whole step, among the values of its parts


class Trainer:
    """Trains one run, from the beginning or from the point of its interruption.

    Args:
        run: run to train, with settings of a recipe that trains a network.
        group: the processes that train it together, each on its part of every batch.

    Raises:
        UserError: if data or weights are missing, the parents differ from those of the settings, or there are more
            processes than videos in a batch.
    """

    def __init__(self, run: Run[TrainingSettings], group: ProcessGroup = SINGLE_PROCESS) -> None:
        self.run, self.settings, self.group, self.folder = run, run.settings, group, RunFolder(run.folder)
        if set(run.parents) != {*self.settings.partners, *self.settings.teachers}:
            wanted = ", ".join((*self.settings.partners, *self.settings.teachers)) or "none"
            raise UserError(f"--parents: {', '.join(run.parents) or 'none'} given, but the settings need {wanted}")
        torch.manual_seed(run.seed)
        self.domains = open_domains(run.source, run.target, self.settings, run.classes)
        self.arithmetic = choose_arithmetic(self.settings.precision)
        on_gpu = self.arithmetic.device.type == "cuda"
        self.loaders = Loaders(self.settings, run.seed, run.workers, group, on_gpu)
        teachers = {name: last_scores(run.parents[name], run.classes) for name in self.settings.teachers}
        context = Context(run.classes, run.seed, self.domains, self.loaders, self.arithmetic, teachers)
        self.recipe = build_recipe(self.settings, context)
        self.model = self.recipe.model
        initialise(self.model.network, self.settings, run.classes)
        self.arithmetic.prepare(self.model)
        self.result = Result(run, partial(digest_inputs, run, self.domains))
        self.scores = TargetScores(run, self.domains, self.model, self.loaders, self.arithmetic, group)
        self.optimizer, self.schedule = build_optimizer(self.model, self.settings)
        self.history: list[Row] = []
        self.epoch, self.step, self.means, self.paces = 0, 0, Means(), PaceCounts(group)
        self._unread: StepValues | None = None
        self._stop = StopRequest()
        self._check_group()

    def _check_group(self) -> None:
        counts = [len(part.items) for part in (self.domains.source, self.domains.target, self.domains.videos)]
        smallest, size = min(self.settings.batch_size, *counts), self.group.world_size
        if smallest < size:
            raise UserError(f"{size} processes for {smallest} videos per batch or dataset: use at most {smallest}")
        if not self.group.is_main:  # ranks > 0 get their own dropout seed; rank 0 keeps the single-process seed
            seed = np.random.SeedSequence([self.run.seed, self.group.rank]).generate_state(1)[0]
            torch.manual_seed(int(seed))

    def train(self) -> None:
        """Trains to the last epoch and writes checkpoint.pt; the same call resumes after an interruption.

        A run that is finished with the same settings, data, weights and parents is left unchanged. A training with
        others is set aside, and taken back when it is wanted again.

        Raises:
            Preempted: if a signal requested a stop; the state after the current step has been saved.
            UserError: if another process trains in the folder, the state there is damaged, the loss is not finite, or
                scores of a parent are missing.
        """
        with lock_folder(self.run.folder, self.group.is_main), loader_errors(), stop_request() as self._stop:
            if self.group.is_main:
                exchange(self.result, self.folder)
            self.group.barrier()
            finished = self.result.finished()
            if finished is not None:
                _logger.info("%s: up to date", self.run.folder)
                if self.group.is_main:  # a kill may have prevented these
                    self.result.write_tables(finished)
                    self.folder.state.unlink(missing_ok=True)
                return
            self._resume()
            if self.group.is_main:
                self.result.write_settings()
            if self.group.world_size > 1 and self.settings.sync_batch_norm:
                synchronise_batch_norm(self.model, self.arithmetic.device)
            device = self.arithmetic.describe(self.group.world_size)
            _logger.info("training %s on %s: %s", self.settings.network, self.settings.stream, device)
            try:
                while self.epoch < self.settings.epochs:
                    self._epoch()
            except Preempted:
                self._save()
                where = f"after step {self.step} of epoch {self.epoch + 1}"
                raise Preempted(f"stopped by a signal {where}; run the same command again to resume") from None
            if self.group.is_main:
                target = self.domains.target
                settings = {"decode": target.frames_settings, "flow": target.flow_settings}
                trained = {"model": self.model.network.state_dict(), "paces": self.paces.epochs, **settings}
                self.result.write(self.history, trained)

    def _epoch(self) -> None:
        row = self._train_epoch()
        done = self.epoch + 1
        if done in self.settings.scored_epochs():
            scores = self.scores.score(done, self._stop, row.get(SOURCE_PROBABILITY))
            row |= reported_accuracies(scores)
            partners = self.scores.partners(done) if done in self.settings.epochs_read() else {}
            row |= self.recipe.after_scoring(done, scores, partners)
        self.history.append(row)
        with warnings.catch_warnings():
            # Where training resumes after the last step of an epoch, PyTorch has seen no optimiser step yet and warns.
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
            self.schedule.step()
        self.epoch, self.step, self.means = done, 0, Means()
        self._save()
        if self.group.is_main:
            write_metrics(self.folder.metrics, self.history)
            write_pace_counts(self.folder.pace_counts, self.paces.epochs)
            write_events(self.folder.events, self.history[-1:])
        _logger.info("epoch %d of %d: %s", self.epoch, self.settings.epochs, format_summary(row))

    def _train_epoch(self) -> Row:
        """Runs the remaining steps of an epoch and returns its values."""
        self.model.train()
        first, steps = self.step, self.recipe.steps
        batches = self.recipe.batches(self.epoch, first)
        clips, waited, started = 0, 0.0, time.monotonic()
        with progress(steps, f"epoch {self.epoch + 1}", "step", log_every=60, shown=self.group.is_main) as bar:
            bar.skip(first)
            for _ in range(first, steps):
                before = time.monotonic()
                batch = next(batches)
                waited += time.monotonic() - before
                clips += self._step(batch)
                bar.update()
        self._record(None)
        self.paces.finish(self.epoch + 1)
        seconds = max(time.monotonic() - started, 1e-9)
        self._check_weights()
        if self.group.world_size > 1 and not self.settings.sync_batch_norm:
            self.group.broadcast_buffers(self.model)
        rate = float(self.schedule.get_last_lr()[0])
        row: Row = {"epoch": self.epoch + 1, "learning_rate": rate, **self._all_means().result()}
        clips = sum(self.group.gather(clips))
        if clips:
            row |= {"clips_per_second": clips / seconds, "share_waiting_for_data": waited / seconds}
        return row | self.recipe.state_of_epoch(self.epoch)

    def _check_weights(self) -> None:
        """Checks what the last step of an epoch has left; a step before it would have shown in the next loss.

        Raises:
            UserError: if a weight is not finite.
        """
        if not all(bool(torch.isfinite(weight).all()) for weight in self.model.parameters()):
            raise UserError(
                f"epoch {self.epoch + 1}: weights are not finite: lower learning_rate ({self.settings.learning_rate})"
            )

    def _step(self, batch: Any) -> int:
        """Runs one step, with one backward pass per forward pass, so that the activations of only one are kept.

        Returns:
            Number of clips that this process forwarded.

        Raises:
            Preempted: after the step, if a stop was requested of one of the processes.
            UserError: if the loss of the step before is not finite; nothing of either has been saved.
        """
        self.optimizer.zero_grad(set_to_none=True)
        done = (self.epoch + self.step / self.recipe.steps) / self.settings.epochs
        values, losses, clips, videos = StepValues(), [], 0, 0.0
        for part in self.recipe.loss_parts(batch, done):
            losses.append(self._backward(part, values))
            clips += part.clips
            videos = videos or part.videos / max(float(part.sample["share"]), 1e-9)
        loss = torch.stack(losses).sum()
        stop = loss.new_full((), float(self._stop.received))  # unlike new_tensor, without waiting for the device
        total, stops = self.group.sum_gradients(self.model.parameters(), torch.stack([loss, stop]))
        values.add(_LOSS, total, videos if self.group.is_main else 0.0)
        if self.settings.clip_gradient is not None:
            torch.nn.utils.clip_grad_value_(self.model.parameters(), self.settings.clip_gradient)
        self.optimizer.step()
        self.step += 1
        self._record(values)
        # Several processes must stop after the same step, so they have to wait for the sum; one need not.
        if self._stop.received if self.group.world_size == 1 else bool(stops):
            self._record(None)
            raise Preempted
        return clips

    def _record(self, values: StepValues | None) -> None:
        """Starts to fetch the values of a step, if any, and adds those of the step before to the means.

        Raises:
            UserError: if the loss of the step before is not finite.
        """
        if values is not None:
            values.send()
        before, self._unread = self._unread, values
        for name, value, weight in before.read() if before is not None else ():
            if name == _LOSS and not np.isfinite(value):
                rate = self.settings.learning_rate
                raise UserError(f"epoch {self.epoch + 1}: the loss is not finite: lower learning_rate ({rate})")
            if weight > 0:
                self.means.add(name, value, weight)

    def _backward(self, part: LossPart, values: StepValues) -> Tensor:
        """Runs the backward pass of this process's part and returns its contribution to the loss.

        The terms are means over videos, so the contributions add up to the mean over the whole batch. A transfer loss
        compares the videos within a process's part.
        """
        loss = float(part.sample["share"]) * torch.stack(list(part.terms.values())).sum()
        loss.backward()
        for name, value in {**part.terms, **part.measured}.items():
            values.add(name, value, part.videos)
        if part.paces is not None and part.videos:
            self.paces.add(part.paces)
        return loss.detach().double()

    def _resume(self) -> None:
        if not self.folder.state.exists():
            self.recipe.prepare()
            return
        state = checkpoint.load(self.folder.state)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.recipe.load_state_dict(state["recipe"])
        if self.group.rank < len(state["random"]):  # additional processes keep the seeds that they have
            set_random_state(state["random"][self.group.rank])
        self.history, self.epoch, self.step = state["history"], state["epoch"], state["step"]
        if self.group.is_main:
            self.means.include(state["means"])
        if "paces" in state:  # states of earlier versions have none
            self.paces.load_state(state["paces"])
        _logger.info("resuming after epoch %d, step %d", self.epoch, self.step)

    def _save(self) -> None:
        random, means, paces = self.group.gather(random_state()), self._all_means(), self.paces.state()
        if self.group.is_main:
            state = {
                "identity": self.result.identity,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "recipe": self.recipe.state_dict(),
                "random": random,
                "history": self.history,
                "epoch": self.epoch,
                "step": self.step,
                "means": means.state(),
                "paces": paces,
            }
            checkpoint.save(self.folder.state, state)
        self.group.barrier()

    def _all_means(self) -> Means:
        means = Means()
        for part in self.group.gather(self.means.state()):
            means.include(part)
        return means
