"""Settings of a transfer loss, for the recipes that adapt with one; importing this module does not import PyTorch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from i2vadapt.config.base import Section, Stream

TransferName = Literal["none", "dan", "mcc", "bnm", "dann", "jan", "entropy", "fbnm"]
TransferInputs = Literal["logits", "features"]
_OF_PROBABILITIES: tuple[TransferName, ...] = ("mcc", "bnm", "entropy", "fbnm")


class TransferSettings(Section):
    """A transfer loss between source and target videos (paper section 4.5, Table 4)."""

    loss: TransferName = Field(
        "none",
        description="transfer loss: none, MK-MMD (dan), JMMD (jan), MCC, BNM, FBNM, the entropy of the target's"
        " predictions (entropy), or a domain classifier (dann)",
        json_schema_extra={"paper": "section 4.5, Table 4: DAN, MCC, BNM"},
    )
    weight: float = Field(
        0.05,
        ge=0,
        description="weight lambda_3 of the transfer loss",
        json_schema_extra={"paper": "section 4.5: 0.05, 0.3 for E→H, S→U"},
    )
    inputs: TransferInputs = Field(
        "logits", description="quantity compared between the domains, averaged over time; jan compares both"
    )
    domain_classifier: Literal["large", "small"] = Field(
        "large",
        description="domain classifier of dann: two hidden layers of 1024 units with dropout (large), or one as wide as"
        " its input, as in CycDA (small)",
    )
    streams: tuple[Stream, ...] = Field(
        ("rgb", "flow"), min_length=1, description="streams whose runs have the transfer loss"
    )

    @model_validator(mode="after")
    def _losses_of_fixed_inputs(self) -> TransferSettings:
        if self.loss == "jan" and self.inputs == "features":
            raise ValueError("inputs must be left out with loss jan, which compares features and class probabilities")
        if self.loss in _OF_PROBABILITIES and self.inputs == "features":
            raise ValueError(f"inputs must be logits with loss {self.loss}, which needs class probabilities")
        return self
