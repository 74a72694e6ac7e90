"""Base class of all sections of the settings, and types that several sections use."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Stream = Literal["rgb", "flow"]
Range = Annotated[tuple[float, float], Field(description="lowest and highest value")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="letters, digits, dot, dash")]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, and sections are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
