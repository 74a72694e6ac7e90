"""Settings of the recipe *video*: the paper's, for one stream (sections 3 and 4)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from i2vadapt.config.base import Section, Stream
from i2vadapt.config.run import RunSettings

Looping = Literal["modulo", "restart"]
Strategy = Literal[
    "random", "mean", "simw_sum", "simw_mean_top5", "simw_sum_top5", "simw_top1", "simw_random_top5"
]  # fmt: skip
_BLENDING: tuple[Strategy, ...] = ("mean", "simw_sum", "simw_mean_top5", "simw_sum_top5")
TransferName = Literal["none", "dan", "mcc", "bnm", "dann"]


class PaceSettings(Section):
    """Video pace prediction (paper section 3.3)."""

    classes: int = Field(5, ge=2, le=16, description="paces 1..classes, C_vp")
    weight: float = Field(0.2, ge=0, description="lambda_2 of Eq. 6")
    looping: Looping = Field("modulo", description="what follows the last frame")
    streams: tuple[Stream, ...] = Field(("rgb",), min_length=1, description="streams whose runs have a pace head")
    flow: Literal["matched", "native"] = Field(
        "matched", description="flow of a paced clip: at the frames of the clip, or spread over the whole video"
    )
    other_streams: Literal["skip", "statistics"] = Field(
        "skip",
        description="runs of other streams: statistics forwards paced clips only to update batch-norm statistics",
    )


class BankSettings(Section):
    """Category-aware flow memory bank (paper section 3.2)."""

    partner: str | None = Field(
        None, description="run whose scores of the same epoch join this run's own when the bank is refilled"
    )
    capacity: int = Field(60, ge=1, description="N, flows kept per category")
    warmup_epochs: int = Field(10, ge=1, description="epochs with the source videos' own flow")
    delay_epochs: int = Field(0, ge=0, description="epochs between the warm-up and the first use of the bank")
    strategy: Strategy = Field(
        "random", description="what a source video gets of the flow held for its class (Table 3)"
    )
    window: Literal["random", "centre"] = Field(
        "random", description="crop of the retrieved flow: random and mirrored like any other, or at the centre"
    )

    @property
    def first_epoch(self) -> int:
        """First epoch, counted from 0, whose source videos get retrieved flow."""
        return self.warmup_epochs + self.delay_epochs

    @property
    def blends(self) -> bool:
        """Whether the strategy blends the flow of several videos, which is no longer one of the stored codes."""
        return self.strategy in _BLENDING

    @property
    def compares_features(self) -> bool:
        """Whether the strategy ranks the held videos by the similarity of features."""
        return self.strategy.startswith("simw_")


class TransferSettings(Section):
    """A transfer loss between source and target videos (paper section 4.5, Table 4)."""

    loss: TransferName = Field("none", description="MK-MMD of DAN, MCC, BNM, or the domain classifier of DANN")
    weight: float = Field(0.05, ge=0, description="lambda_3")
    inputs: Literal["logits", "features"] = Field(
        "logits", description="quantity compared between the domains, averaged over time"
    )
    streams: tuple[Stream, ...] = Field(("rgb", "flow"), min_length=1, description="streams whose runs have it")

    @model_validator(mode="after")
    def _class_probabilities_need_logits(self) -> TransferSettings:
        if self.loss in ("mcc", "bnm") and self.inputs == "features":
            raise ValueError(f"inputs must be logits with loss {self.loss}, which compares class probabilities")
        return self


class Settings(RunSettings):
    """A network of clips learns generated videos and adapts to real ones."""

    recipe: Literal["video"] = "video"
    supervision: Literal["source", "target"] = Field(
        "source", description="whose labels are learned; target is the upper bound, without any adaptation"
    )
    bank: BankSettings | None = Field(default_factory=BankSettings, description="null trains without the memory bank")
    pace: PaceSettings | None = Field(default_factory=PaceSettings, description="null trains without pace prediction")
    transfer: TransferSettings = Field(default_factory=TransferSettings)
    local_streams: tuple[Stream, ...] = Field(
        ("rgb",), description="streams whose runs have the local (frame-level) loss, Eq. 2"
    )
    local_weight: float = Field(1.0, ge=0, description="lambda_1 of Eq. 6")
    crops: Literal["shared", "separate"] = Field("shared", description="one crop and flip for RGB and flow, or two")

    @model_validator(mode="after")
    def _features_have_a_run(self) -> Settings:
        if self.bank_used is not None and self.bank_used.compares_features and self.bank_used.partner is None:
            raise ValueError(
                f"bank.strategy {self.bank_used.strategy} compares RGB features: bank.partner must name an RGB run"
            )
        return self

    @model_validator(mode="after")
    def _upper_bound_is_fair(self) -> Settings:
        if self.supervision == "target":
            if self.protocol != "split1":
                raise ValueError("supervision by the target needs protocol split1: all its videos are tested otherwise")
            if self.bank is not None or self.pace is not None or self.transfer.loss != "none":
                raise ValueError("supervision by the target adapts nothing: bank and pace null, transfer.loss none")
        return self

    @property
    def bank_used(self) -> BankSettings | None:
        """The bank's settings in a run that retrieves flow from it; an RGB run has no use for it."""
        return self.bank if self.stream == "flow" else None

    @property
    def has_pace_head(self) -> bool:
        """Whether this run predicts the pace."""
        return self.pace is not None and self.stream in self.pace.streams

    @property
    def sees_paced_clips(self) -> bool:
        """Whether this run forwards paced clips: to predict their pace, or for its batch-norm statistics alone."""
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
    def parents(self) -> tuple[str, ...]:
        """The bank's partner."""
        return (self.bank_used.partner,) if self.bank_used is not None and self.bank_used.partner is not None else ()

    @property
    def parents_with_features(self) -> tuple[str, ...]:
        """The bank's partner, where the strategy compares features."""
        return self.parents if self.bank_used is not None and self.bank_used.compares_features else ()

    @property
    def reads_source(self) -> bool:
        """False for the upper bound."""
        return self.supervision == "source"

    def refill_epochs(self) -> set[int]:
        """Epochs, counted from 1, after which the bank is refilled for the next one."""
        return set(range(self.bank_used.first_epoch, self.epochs)) if self.bank_used is not None else set()

    def scored_epochs(self) -> set[int]:
        """Those of every run, and those after which the bank is refilled."""
        return super().scored_epochs() | self.refill_epochs()

    def epochs_read(self) -> set[int]:
        """Epochs after which the bank is refilled."""
        return self.refill_epochs()

    def relevant(self) -> Settings:
        """Without what this run has no use for in its stream."""
        changes: dict[str, object] = {"bank": self.bank_used}
        if self.stream == "rgb":
            changes["crops"] = "shared"  # the crop of flow beside that of RGB
        if not self.sees_paced_clips:
            changes["pace"] = None
        if not self.has_transfer_loss:
            changes["transfer"] = TransferSettings()
        if not self.has_local_loss:
            changes |= {"local_streams": (), "local_weight": 1.0}
        return super().relevant().model_copy(update=changes)
