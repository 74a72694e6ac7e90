"""What a run learns from, adapts to and is tested on."""

from __future__ import annotations

import copy
import logging
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from i2vadapt.clips.dataset import DomainClips
from i2vadapt.config import TrainSettings
from i2vadapt.data.items import UNLABELLED
from i2vadapt.data.splits import TEST, TRAIN, split_parts
from i2vadapt.errors import UserError

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Domains:
    """The data of a run.

    Attributes:
        source: clips whose labels are learned.
        target: videos that are adapted to; their labels serve the record alone.
        test: videos that the reported accuracy is of; the same object as `target` in the transductive protocol.
    """

    source: DomainClips
    target: DomainClips
    test: DomainClips


def open_domains(source: Path, target: Path, settings: TrainSettings) -> Domains:
    """Opens the datasets and takes the parts that the protocol names.

    Args:
        source: dataset folder of the photographs; not read where the target's labels are learned.
        target: dataset folder of the real videos.
        settings: streams, protocol, supervision.

    Raises:
        UserError: as `DomainClips` and `split_parts`, or if labels are asked for that are not there.
    """
    videos = DomainClips(target, settings.streams)
    if settings.protocol == "transductive":
        return Domains(DomainClips(source, settings.streams), videos, videos)
    train, test = _part(videos, settings, TRAIN), _part(videos, settings, TEST)
    _logger.info("split 1 of the target: %d videos to adapt to, %d to test", len(train.items), len(test.items))
    if settings.supervision == "source":
        return Domains(DomainClips(source, settings.streams), train, test)
    labelled = _only(train, {item.id for item in train.items if item.label != UNLABELLED})
    if not labelled.items:
        raise UserError(f"{target}: supervision by the target needs labels, and no video for training has one")
    return Domains(labelled, train, test)


def open_test(target: Path, settings: TrainSettings) -> DomainClips:
    """The videos of a dataset that a run with these settings is tested on."""
    videos = DomainClips(target, settings.streams)
    return videos if settings.protocol == "transductive" else _part(videos, settings, TEST)


def _part(videos: DomainClips, settings: TrainSettings, part: str) -> DomainClips:
    parts = split_parts((item.id for item in videos.items), settings.split1)
    return _only(videos, {item_id for item_id, its in parts.items() if its == part})


def _only(videos: DomainClips, ids: Container[str]) -> DomainClips:
    """The same shards, fewer items."""
    part = copy.copy(videos)
    part.items = [item for item in videos.items if item.id in ids]
    return part
