"""Settings of the recipe *video*, the paper's for one stream (sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from i2vadapt.config.base import Section, Stream
from i2vadapt.config.networks import FRAME_NETWORKS, NetworkName
from i2vadapt.config.run import SourceItems, TrainingSettings
from i2vadapt.config.transfer import TransferSettings

Looping = Literal["modulo", "restart"]
Strategy = Literal[
    "random", "mean", "simw_sum", "simw_mean_top5", "simw_sum_top5", "simw_top1", "simw_random_top5"
]  # fmt: skip
_BLENDING: tuple[Strategy, ...] = ("mean", "simw_sum", "simw_mean_top5", "simw_sum_top5")


class PaceSettings(Section):
    """Video pace prediction (paper section 3.3)."""

    classes: int = Field(
        5,
        ge=2,
        le=16,
        description="number of paces C_vp; the paces are 1 to C_vp",
        json_schema_extra={"paper": "section 4.2, Figure 4 (d)"},
    )
    weight: float = Field(
        0.2,
        ge=0,
        description="weight lambda_2 of the pace loss in Eq. 6",
        json_schema_extra={"paper": "section 4.2: 0.2, 0.001, 0.01 for E→H, B→U, S→U; Figure 4 (c)"},
    )
    looping: Looping = Field(
        "modulo",
        description="continuation of a paced clip at the end of its video: keep counting (modulo), or jump to the first"
        " frame (restart)",
        json_schema_extra={"paper": "section 4.2, in its example"},
    )
    streams: tuple[Stream, ...] = Field(
        ("rgb",), min_length=1, description="streams whose runs have a pace head", json_schema_extra={"paper": "Eq. 5"}
    )
    flow: Literal["matched", "native"] = Field(
        "matched",
        description="flow of a paced clip: at the clip's frames (matched), or spread over the whole video (native)",
    )
    other_streams: Literal["skip", "statistics"] = Field(
        "skip",
        description="paced clips in runs without a pace head: not used (skip), or forwarded only to update batch-norm"
        " statistics (statistics)",
    )


class BankSettings(Section):
    """Category-aware flow memory bank (paper section 3.2)."""

    partner: str | None = Field(
        None, description="run whose scores of the same epoch join this run's own when the bank is refilled"
    )
    capacity: int = Field(
        60,
        ge=1,
        description="number of target videos N that the bank holds per class",
        json_schema_extra={"paper": "section 4.2, Figure 4 (b)"},
    )
    warmup_epochs: int = Field(
        10,
        ge=1,
        description="number of first epochs in which source videos keep their own flow",
        json_schema_extra={"paper": "section 4.2; section 4.5, with CLIP: 10, 5 for E→H, S→U"},
    )
    delay_epochs: int = Field(0, ge=0, description="number of epochs between the warm-up and the first use of the bank")
    strategy: Strategy = Field(
        "random",
        description="choice of the flow that a source video retrieves from those of its class (Table 3)",
        json_schema_extra={"paper": "section 4.4, Table 3"},
    )
    votes: Literal["fused", "rgb", "rgb_always", "agreement"] = Field(
        "fused",
        description="scores that label the target videos: of both streams, added (fused, the paper); of the partner"
        " alone until the flow run has been trained with the bank (rgb), or throughout (rgb_always); or fused, of the"
        " videos for which both streams predict one class (agreement)",
        json_schema_extra={"paper": "section 3.2: the trained model"},
    )
    confidence: Literal["probability", "calibrated"] = Field(
        "probability",
        description="confidence of a stream: its class probabilities (the paper), or these flattened to at most the"
        " mean probability that the stream gives the true classes of source clips",
        json_schema_extra={"paper": "section 3.2"},
    )
    window: Literal["random", "centre"] = Field(
        "random", description="crop of the retrieved flow: random position and flip as for all clips, or the centre"
    )

    @property
    def first_epoch(self) -> int:
        """First epoch, counted from 0, whose source videos retrieve flow."""
        return self.warmup_epochs + self.delay_epochs

    @property
    def blends(self) -> bool:
        """Whether the strategy blends the flow of several videos; the result has no stored codes."""
        return self.strategy in _BLENDING

    @property
    def compares_features(self) -> bool:
        """Whether the strategy compares features of the source video with those of the held videos."""
        return self.strategy.startswith("simw_")


class PrototypeSettings(Section):
    """Labels of target videos by class prototypes, learned from the easier part of every batch (ST-I2V)."""

    from_epoch: int = Field(5, ge=1, description="number of first epochs without these labels")
    weight: float = Field(0.2, ge=0, description="weight of the loss of the labelled videos")
    keep: float = Field(0.5, gt=0, le=1, description="share of a batch that counts, the videos with the smallest loss")


class Settings(TrainingSettings):
    """A network of clips is trained on labelled generated videos and adapts to unlabelled real ones."""

    recipe: Literal["video"] = Field("video", description="recipe of the run, which defines its data and losses")
    supervision: Literal["source", "target"] = Field(
        "source",
        description="domain whose labels are used; target is the upper bound of Table 1, without adaptation",
        json_schema_extra={"paper": "section 4.3, Table 1"},
    )
    bank: BankSettings | None = Field(
        default_factory=BankSettings, description="flow memory bank of flow runs; null: source videos keep their flow"
    )
    pace: PaceSettings | None = Field(
        default_factory=PaceSettings, description="video pace prediction on target videos; null: none"
    )
    transfer: TransferSettings = Field(
        default_factory=TransferSettings, description="transfer loss between the domains; by default none"
    )
    crops_by: str | None = Field(
        None,
        description="run of single frames by whose classifier photographs are cropped to videos, as in ST-I2V; null:"
        " videos by camera motion",
        json_schema_extra={"paper": "section 4.3: ST-I2V"},
    )
    prototypes: PrototypeSettings | None = Field(
        None, description="labels of target videos by class prototypes; null: none"
    )
    local_streams: tuple[Stream, ...] = Field(
        ("rgb",),
        description="streams whose runs have the local, frame-level loss (Eq. 2)",
        json_schema_extra={"paper": "Eq. 2"},
    )
    local_weight: float = Field(
        1.0,
        ge=0,
        description="weight lambda_1 of the local loss in Eq. 6",
        json_schema_extra={"paper": "section 4.2: 1, 20, 1 for E→H, B→U, S→U; Figure 4 (a)"},
    )
    crops: Literal["shared", "separate"] = Field(
        "shared", description="crop and flip of a photograph: the same for its RGB and flow clips, or independent"
    )

    @model_validator(mode="after")
    def _features_have_a_run(self) -> Settings:
        if self.bank_used is not None and self.bank_used.compares_features and self.bank_used.partner is None:
            raise ValueError(
                f"bank.strategy {self.bank_used.strategy} compares RGB features: bank.partner must name an RGB run"
            )
        return self

    @model_validator(mode="after")
    def _votes_have_a_voter(self) -> Settings:
        if self.bank_used is not None and self.bank_used.votes != "fused" and self.bank_used.partner is None:
            raise ValueError(f"bank.votes {self.bank_used.votes} needs two streams: bank.partner must name an RGB run")
        return self

    @model_validator(mode="after")
    def _upper_bound_is_fair(self) -> Settings:
        if self.supervision == "target":
            if self.protocol != "split1":
                raise ValueError("supervision target needs protocol split1: otherwise training videos are tested")
            if self.bank or self.pace or self.prototypes or self.transfer.loss != "none":
                raise ValueError(
                    "supervision target excludes adaptation: set bank, pace and prototypes null, transfer.loss none"
                )
        return self

    @property
    def bank_used(self) -> BankSettings | None:
        """Settings of the bank in a flow run; None in RGB runs, which retrieve no flow."""
        return self.bank if self.stream == "flow" else None

    @property
    def has_pace_head(self) -> bool:
        """Whether this run predicts the pace."""
        return self.pace is not None and self.stream in self.pace.streams

    @property
    def sees_paced_clips(self) -> bool:
        """Whether this run forwards paced clips, to predict their pace or only for its batch-norm statistics."""
        return self.pace is not None and (self.has_pace_head or self.pace.other_streams == "statistics")

    @property
    def has_local_loss(self) -> bool:
        """Whether this run has the frame-level loss."""
        return self.stream in self.local_streams and self.local_weight > 0

    @property
    def has_transfer_loss(self) -> bool:
        """Whether this run has a transfer loss."""
        return self.transfer.loss != "none" and self.stream in self.transfer.streams

    @property
    def partners(self) -> tuple[str, ...]:
        """Partner of the bank, if it has one."""
        return (self.bank_used.partner,) if self.bank_used is not None and self.bank_used.partner is not None else ()

    @property
    def partners_with_features(self) -> tuple[str, ...]:
        """Partner of the bank, if the strategy compares features."""
        return self.partners if self.bank_used is not None and self.bank_used.compares_features else ()

    @property
    def crop_classifier(self) -> str | None:
        """See `RunSettings.crop_classifier`."""
        return self.crops_by

    @property
    def required_networks(self) -> dict[str, tuple[tuple[NetworkName, ...], str]]:
        """See `RunSettings.required_networks`; Grad-CAM needs maps, which CLIP has not."""
        networks = tuple(name for name in FRAME_NETWORKS if name != "clip_vit_b32")
        return {self.crops_by: (networks, "crops_by")} if self.crops_by is not None else {}

    @property
    def reads_target_clips(self) -> bool:
        """Whether a loss needs whole target videos: a transfer loss or that of prototype labels."""
        return self.has_transfer_loss or self.prototypes is not None

    @property
    def source_items(self) -> SourceItems:
        """Generated videos; nothing for the upper bound, which learns from the target."""
        return "videos" if self.supervision == "source" else "none"

    @property
    def learns_target_labels(self) -> bool:
        """Whether the run is the upper bound."""
        return self.supervision == "target"

    def refill_epochs(self) -> set[int]:
        """Epochs, counted from 1, after which the bank is refilled for the next one."""
        return set(range(self.bank_used.first_epoch, self.epochs)) if self.bank_used is not None else set()

    def label_epochs(self) -> set[int]:
        """Epochs, counted from 1, after which prototypes label the target videos for the next one."""
        return set(range(self.prototypes.from_epoch, self.epochs)) if self.prototypes is not None else set()

    def scored_epochs(self) -> set[int]:
        """Epochs that every run scores, and those after which the bank is refilled or prototypes are computed."""
        return super().scored_epochs() | self.refill_epochs() | self.label_epochs()

    def epochs_read(self) -> set[int]:
        """Epochs after which the bank is refilled."""
        return self.refill_epochs()

    def with_partners(self, names: Mapping[str, str]) -> Settings:
        """See `RunSettings.with_partners`."""
        if self.bank is None or self.bank.partner is None or self.bank.partner not in names:
            return self
        bank = self.bank.model_copy(update={"partner": names[self.bank.partner]})
        return self.model_copy(update={"bank": bank})

    def relevant(self) -> Settings:
        """The same settings, with those that are unused in the run's stream at fixed values."""
        changes: dict[str, object] = {"bank": self.bank_used}
        if self.stream == "rgb":
            changes["crops"] = "shared"  # separate crops change only that of flow
        if not self.sees_paced_clips:
            changes["pace"] = None
        elif self.pace is not None and not self.has_pace_head:
            changes["pace"] = self.pace.model_copy(update={"weight": PaceSettings().weight})
        if not self.has_transfer_loss:
            changes["transfer"] = TransferSettings()
        if not self.has_local_loss:
            changes |= {"local_streams": (), "local_weight": 1.0}
        if self.prototypes is not None:  # prototypes are means of features
            changes["keep_features"] = True
        return super().relevant().model_copy(update=changes)
