"""The data of a run: what it learns from, adapts to and is tested on."""

from __future__ import annotations

import logging
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from i2vadapt.clips.dataset import ClipDataset
from i2vadapt.clips.footage import ItemDataset
from i2vadapt.clips.photographs import Photographs
from i2vadapt.config.run import RunSettings, TrainingSettings
from i2vadapt.data.items import UNLABELLED
from i2vadapt.data.splits import TEST, TRAIN, split_parts
from i2vadapt.errors import UserError

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Domains:
    """The data of a run.

    Attributes:
        source: items from which the run learns; where a teacher or nobody labels them, the videos of `target`.
        target: videos to which the run adapts; their labels are used for reported values only.
        videos: all videos of the target dataset, all of which are scored.
        tested: ids of the videos on which the reported accuracy is computed.
    """

    source: ItemDataset
    target: ClipDataset
    videos: ClipDataset
    tested: Container[str]


def open_domains(source: Path, target: Path, settings: TrainingSettings, classes: Sequence[str]) -> Domains:
    """Opens the datasets, gives their items the labels of a run, and selects their parts by the protocol.

    Args:
        source: dataset folder of the photographs; not read by a run that learns from the target alone.
        target: dataset folder of the real videos.
        settings: settings of the run; stream, protocol and what it learns from are used.
        classes: class names in the order of the run's labels.

    Raises:
        UserError: as `ClipDataset` and `split_parts`, if an item is of another class, or if a run needs labels of the
            target and there are none.
    """
    videos = ClipDataset(target, settings.stream).labelled_by(classes)
    tested = evaluated_videos(videos, settings)
    adapted = videos
    if settings.protocol == "split1":
        parts = split_parts((item.id for item in videos.items), settings.split1)
        adapted = videos.only({item_id for item_id, part in parts.items() if part == TRAIN})
        _logger.info("split 1 of the target: adapting to %d videos, testing on %d", len(adapted.items), len(tested))
    if settings.source_items != "none":
        photographs = _open_source(source, settings, videos).labelled_by(classes)
        _check_learned(photographs, classes)
        return Domains(photographs, adapted, videos, tested)
    if not settings.learns_target_labels:
        return Domains(adapted, adapted, videos, tested)
    labelled = adapted.only({item.id for item in adapted.items if item.label != UNLABELLED})
    if not labelled.items:
        raise UserError(f"{target}: supervision target needs labels, but no training video has one")
    _check_learned(labelled, classes)
    return Domains(labelled, adapted, videos, tested)


def _open_source(folder: Path, settings: TrainingSettings, videos: ClipDataset) -> ItemDataset:
    if settings.source_items == "photographs":
        return Photographs(folder, videos.frames_settings)
    return ClipDataset(folder, settings.stream)


def _check_learned(dataset: ItemDataset, classes: Sequence[str]) -> None:
    """Warns of classes of which there is nothing to learn.

    Raises:
        UserError: if items to learn from have no label.
    """
    unlabelled = [item.id for item in dataset.items if item.label == UNLABELLED]
    if unlabelled:
        raise UserError(f"{dataset.manifest}: {unlabelled[0]} has no label, but labels of the source are learned")
    found = set(dataset.labels.tolist())
    missing = [name for label, name in enumerate(classes) if label not in found]
    if missing:
        _logger.warning(
            "%s: has no item of class %s, which can therefore not be learned; its classes are %s",
            dataset.manifest,
            ", ".join(missing),
            ", ".join(name for label, name in enumerate(classes) if label in found),
        )


def evaluated_videos(videos: ItemDataset, settings: RunSettings) -> set[str]:
    """Ids of the videos on which a run's accuracy is computed: all of them, or the test part of split 1.

    Args:
        videos: all videos of the target dataset.
        settings: settings of the run; `protocol` and `split1` are used.

    Raises:
        UserError: as `split_parts`.
    """
    ids = [item.id for item in videos.items]
    if settings.protocol == "transductive":
        return set(ids)
    return {item_id for item_id, part in split_parts(ids, settings.split1).items() if part == TEST}
