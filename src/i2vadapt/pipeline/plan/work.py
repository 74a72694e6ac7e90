"""How much a run has to do: what passes through its network in an epoch, and which runs do the same kind of work."""

from __future__ import annotations

from i2vadapt.config.rates import Work
from i2vadapt.config.recipes import frames, pretrained, pseudo_labels, video
from i2vadapt.config.run import TrainingSettings

_TRAINING_SHARE = 0.7  # of the videos of a split


def work_of(settings: TrainingSettings) -> Work:
    """The kind of work of a run: settings that leave it as it is change the time of a clip little or not at all."""
    frozen = {"i3d": settings.frozen, "i3d_frames": settings.frozen}
    trained = {"resnet18": settings.resnet.trained, "resnet50": settings.resnet.trained}
    return Work(
        network=settings.network,
        stream=settings.stream,
        crop=settings.crop,
        clip_frames=1 if isinstance(settings, frames.Settings) else settings.clip_frames,
        test_frames=settings.test_frames,
        frozen={**frozen, **trained}.get(settings.network, ""),
    )


def clips_per_item(settings: TrainingSettings) -> int:
    """Clips that pass forward and backward for each item that is learned: its own, a paced one, a target one."""
    if not isinstance(settings, video.Settings):
        return 1
    return 1 + settings.sees_paced_clips + settings.reads_target_clips


def items_learned(settings: TrainingSettings, photographs: int, videos: int) -> float:
    """Items that pass through the network in an epoch of training, with the share of a split that is for training."""
    adapted = _TRAINING_SHARE * videos if settings.protocol == "split1" else videos
    if isinstance(settings, pretrained.Settings):
        return 0
    if isinstance(settings, pseudo_labels.Settings):
        return settings.teacher.keep * adapted
    if isinstance(settings, frames.Settings) and settings.reads_target_frames:
        return 2 * max(photographs, settings.frames_per_video * adapted)
    return adapted if settings.learns_target_labels else photographs


def videos_scored(settings: TrainingSettings, photographs: int, videos: int) -> float:
    """Videos that are scored after an epoch; features are kept of generated videos too, which are shorter."""
    return videos + (photographs * settings.clip_frames / settings.test_frames if settings.keep_features else 0)
