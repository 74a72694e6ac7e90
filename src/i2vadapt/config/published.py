"""The document workflow/published.yaml: the accuracies that the paper prints, to compare with ours."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from i2vadapt.config.base import Section
from i2vadapt.config.names import Name
from i2vadapt.config.parsing import parse_file


class Published(Section):
    """Content of published.yaml."""

    source: str = Field(min_length=1, description="where the accuracies are printed")
    accuracy: dict[Name, dict[Name, float]] = Field(description="accuracy in per cent by method and benchmark")

    def of(self, method: str, benchmark: str) -> float | None:
        """The printed accuracy of a method on a benchmark, in per cent; None if there is none."""
        return self.accuracy.get(method, {}).get(benchmark)


def load_published(path: Path) -> Published:
    """Reads published.yaml.

    Raises:
        UserError: if the file cannot be read; lists all mistakes at once.
    """
    return parse_file(Published, path)
