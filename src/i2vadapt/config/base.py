"""Base class of all sections of the settings, and types that several sections use."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Stream = Literal["rgb", "flow"]
Range = Annotated[tuple[float, float], Field(description="lowest and highest value")]

_NUMBER = re.compile(r"\b(int|float)\b")


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, and sections are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_number_is_a_truth(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuses true and false as numbers, which pydantic takes for 1 and 0: YAML reads yes and on as true."""
        values = value if isinstance(value, list | tuple) else [value]
        wanted = str(cls.model_fields[info.field_name or ""].annotation)
        if any(isinstance(one, bool) for one in values) and _NUMBER.search(wanted) and "bool" not in wanted:
            raise ValueError("must be a number")
        return value
