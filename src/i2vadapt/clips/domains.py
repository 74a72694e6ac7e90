"""What a run learns from, adapts to and is tested on."""

from __future__ import annotations

import logging
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.config.run import RunSettings
from i2vadapt.data.items import UNLABELLED
from i2vadapt.data.splits import TEST, TRAIN, split_parts
from i2vadapt.errors import UserError

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Domains:
    """The data of a run.

    Attributes:
        source: items whose labels are learned.
        target: videos that are adapted to; their labels serve the record alone.
        videos: all videos of the target's dataset, which are scored.
        tested: ids of the videos that the reported accuracy counts.
    """

    source: ClipDataset
    target: ClipDataset
    videos: ClipDataset
    tested: Container[str]


def open_domains(source: Path, target: Path, settings: RunSettings) -> Domains:
    """Opens the datasets and takes the parts that the protocol names.

    Args:
        source: dataset folder of the photographs; not read where the target's labels are learned.
        target: dataset folder of the real videos.
        settings: stream, protocol, and whether the source is read.

    Raises:
        UserError: as `ClipDataset` and `split_parts`, or if labels are asked for that are not there.
    """
    videos = ClipDataset(target, settings.stream)
    tested = evaluated_videos(videos, settings)
    adapted = videos
    if settings.protocol == "split1":
        parts = split_parts((item.id for item in videos.items), settings.split1)
        adapted = videos.only({item_id for item_id, part in parts.items() if part == TRAIN})
        _logger.info("split 1 of the target: %d videos to adapt to, %d to test", len(adapted.items), len(tested))
    if settings.reads_source:
        return Domains(ClipDataset(source, settings.stream), adapted, videos, tested)
    labelled = adapted.only({item.id for item in adapted.items if item.label != UNLABELLED})
    if not labelled.items:
        raise UserError(f"{target}: supervision by the target needs labels, and no video for training has one")
    return Domains(labelled, adapted, videos, tested)


def evaluated_videos(videos: ClipDataset, settings: RunSettings) -> set[str]:
    """Ids of the videos that the accuracy of a run with these settings counts."""
    ids = [item.id for item in videos.items]
    if settings.protocol == "transductive":
        return set(ids)
    return {item_id for item_id, part in split_parts(ids, settings.split1).items() if part == TEST}
