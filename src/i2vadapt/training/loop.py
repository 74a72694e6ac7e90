"""Training of the two-stream network (paper sections 3 and 4.2)."""

from __future__ import annotations

import itertools
import logging
import time
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from i2vadapt import __version__, versions
from i2vadapt.data.items import write_atomically
from i2vadapt.errors import UserError
from i2vadapt.progress import progress
from i2vadapt.training import checkpoint
from i2vadapt.training.calibration import calibrate_batch_norm
from i2vadapt.training.clips import Sample, plain_errors
from i2vadapt.training.domains import open_domains
from i2vadapt.training.history import Means, Row, write_events, write_metrics
from i2vadapt.training.loaders import Loaders
from i2vadapt.training.objective import Objective
from i2vadapt.training.optimizer import build_optimizer
from i2vadapt.training.precision import choose_arithmetic, describe
from i2vadapt.training.run import Run, build_model, initialise
from i2vadapt.training.target_clips import paced_streams
from i2vadapt.training.target_pass import TargetPass

_logger = logging.getLogger(__name__)

CALIBRATION_BATCHES = 16  # half of them of each domain


class Trainer:
    """Trains one run, from the beginning or from where it was interrupted.

    Args:
        run: what to train.

    Raises:
        UserError: if data or weights are missing, or an unfinished run in the folder had other settings.
    """

    def __init__(self, run: Run) -> None:
        self.run, self.settings = run, run.settings
        torch.manual_seed(run.seed)
        settings = self.settings
        self.domains = open_domains(run.source, run.target, settings)
        self.arithmetic = choose_arithmetic(settings.precision)
        self.model = build_model(settings, len(run.classes))
        initialise(self.model, settings, run.classes)
        self.arithmetic.prepare(self.model)
        self.objective = Objective(self.model, settings, self.arithmetic)
        self.loaders = Loaders(run, self.domains, self.arithmetic.device.type == "cuda")
        self.target_pass = TargetPass(run, self.domains, self.model, self.loaders, self.arithmetic)
        self.optimizer, self.schedule = build_optimizer(self.model, settings)
        self.history: list[Row] = []
        self.epoch = 0
        self._state = run.folder / "state.pt"

    def train(self) -> None:
        """Trains to the last epoch and writes checkpoint.pt; the same call goes on after an interruption."""
        with checkpoint.exclusive(self.run.folder):
            self._write_settings()
            self._resume()
            _logger.info("training on %s", describe(self.arithmetic, self.settings))
            while self.epoch < self.settings.epochs:
                row = self._train_epoch()
                row |= self.target_pass.after_epoch(self.epoch + 1)
                self.history.append(row)
                self.schedule.step()
                self.epoch += 1
                self._save()
                _logger.info("epoch %d of %d: %s", self.epoch, self.settings.epochs, _in_short(row))
            self._finish()

    def _identity(self) -> dict[str, Any]:
        """What must not change between the parts of an interrupted run."""
        return {
            "version": versions.TRAIN,
            "classes": list(self.run.classes),
            "seed": self.run.seed,
            "train": self.settings.model_dump(mode="json"),
            "source": self.domains.source.digests(),
            "target": self.domains.target.digests(),
        }

    def _write_settings(self) -> None:
        document = {"package": __version__, **self._identity()}
        write_atomically(self.run.folder / "settings.yaml", yaml.safe_dump(document, sort_keys=False).encode())

    def _resume(self) -> None:
        if not self._state.exists():
            self._calibrate()
            return
        state = checkpoint.load(self._state)
        changed = checkpoint.differences(state["identity"], self._identity())
        if changed:
            raise UserError(
                f"{self._state}: an unfinished run with other settings; restore them, or delete it to begin anew:\n"
                + "\n".join(f"  {line}" for line in changed)
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.target_pass.load_state_dict(state["bank"])
        checkpoint.set_random_state(state["random"])
        self.history, self.epoch = state["history"], state["epoch"]
        _logger.info("going on after epoch %d", self.epoch)

    def _calibrate(self) -> None:
        """After a cross-modality initialisation: batch-norm statistics of the flow of both domains."""
        init = self.settings.init
        if "flow" not in self.model.streams or init.flow is not None or init.rgb is None:
            return
        _logger.info("flow stream starts from RGB weights: estimating its batch-norm statistics")
        clips = (sample["flow"] for sample in itertools.islice(self.loaders.calibration(), CALIBRATION_BATCHES))
        calibrate_batch_norm(self.model.network("flow"), clips, self.arithmetic)

    def _save(self) -> None:
        state = {
            "identity": self._identity(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "bank": self.target_pass.state_dict(),
            "random": checkpoint.random_state(),
            "history": self.history,
            "epoch": self.epoch,
        }
        checkpoint.save(self._state, state)
        write_metrics(self.run.folder / "metrics.csv", self.history)
        write_events(self.run.folder / "events", self.history[-1:])

    def _finish(self) -> None:
        """Writes the result; the state of the unfinished run is removed, so that a new run starts anew."""
        write_metrics(self.run.folder / "metrics.csv", self.history)
        content = {
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
        self.model.train()
        means = Means()
        loader = self.loaders.source(self.epoch, self.target_pass.lender(self.epoch))
        steps = len(loader)
        others = zip(self.loaders.paced(self.epoch), self.loaders.target(self.epoch), strict=True)
        clips, waited, started = 0, 0.0, time.monotonic()
        with progress(steps, f"epoch {self.epoch + 1}", "step", log_every=60) as bar:
            batches = zip(plain_errors(loader), others, strict=False)
            for step in itertools.count():
                before = time.monotonic()
                batch = next(batches, None)
                waited += time.monotonic() - before
                if batch is None:
                    break
                source, (paced, target) = batch
                done = (self.epoch + step / steps) / self.settings.epochs
                clips += self._step(source, paced, target, done, means)
                bar.update()
        seconds = time.monotonic() - started
        rate = float(self.schedule.get_last_lr()[0])
        row: Row = {"epoch": self.epoch + 1, "learning_rate": rate, **means.result()}
        row |= {"clips_per_second": clips / seconds, "share_waiting_for_data": waited / seconds}
        if self.target_pass.bank is not None:
            row["bank_used"] = float(self.target_pass.bank_is_used(self.epoch))
        return row

    def _step(self, source: Sample, paced: Sample | None, target: Sample | None, done: float, means: Means) -> int:
        """One step of Eq. 6, with one backward pass a network, so that only one's activations are held.

        Args:
            source: batch of `SourceClips`.
            paced: batch of `PacedClips`, or None.
            target: batch of `TargetClips`, or None.
            done: share of the training that is done.
            means: where losses and accuracies are recorded.

        Returns:
            Clips that went through a network.
        """
        self.optimizer.zero_grad(set_to_none=True)
        labels = source["label"].to(self.arithmetic.device)
        total, clips = 0.0, 0
        for name in self.model.streams:
            terms = self.objective.source_terms(name, source, labels, target, done)
            total += self._backward(terms, means, len(labels))
            clips += len(labels) + (len(target[name]) if target is not None and name in target else 0)
        if paced is not None:
            total += self._paced_step(paced, means)
            clips += len(paced["pace"]) * len(paced_streams(self.settings))
        if not np.isfinite(total):
            raise UserError(
                f"epoch {self.epoch + 1}: the loss is not finite: lower learning_rate ({self.settings.learning_rate})"
            )
        if self.settings.clip_gradient is not None:
            torch.nn.utils.clip_grad_value_(self.model.parameters(), self.settings.clip_gradient)
        self.optimizer.step()
        means.add("loss", total, len(labels))
        return clips

    def _paced_step(self, paced: Sample, means: Means) -> float:
        pace, total = self.settings.pace, 0.0
        for name in paced_streams(self.settings):
            if pace is None or name not in pace.streams:
                self.objective.show(name, paced)
                continue
            terms, accuracy = self.objective.pace_terms(name, paced, pace)
            total += self._backward(terms, means, len(paced["pace"]))
            means.add("pace_accuracy", accuracy, len(paced["pace"]))
        return total

    def _backward(self, terms: dict[str, Tensor], means: Means, count: int) -> float:
        loss = torch.stack(list(terms.values())).sum()
        loss.backward()
        for name, term in terms.items():
            means.add(name, float(term.detach()), count)
        return float(loss.detach())


def _in_short(row: Row) -> str:
    shown = (
        "loss",
        "accuracy_rgb",
        "accuracy_flow",
        "accuracy_fused",
        "pace_accuracy",
        "bank_purity",
        "clips_per_second",
    )
    return ", ".join(f"{name.replace('_', ' ')} {row[name]:.3g}" for name in shown if name in row)
