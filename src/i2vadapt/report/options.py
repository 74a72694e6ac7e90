"""Checks of the commands' options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from i2vadapt.config.names import repeated
from i2vadapt.config.parsing import raise_problems


def refuse_repeated(options: Mapping[str, Sequence[Any]]) -> None:
    """Checks lists that are given to a command.

    Args:
        options: values by the name of the option.

    Raises:
        UserError: if a value is listed twice; lists all of them.
    """
    raise_problems(
        [
            f"{option}: {', '.join(map(str, repeated(values)))} must not be listed twice"
            for option, values in options.items()
            if repeated(values)
        ]
    )
