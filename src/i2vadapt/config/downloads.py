"""The document workflow/downloads.yaml: where the data of the benchmarks comes from, and how it is laid out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from i2vadapt.config.base import Section
from i2vadapt.config.names import ClassName, Distinct, FolderName, Name
from i2vadapt.config.parsing import parse_file

Text = Annotated[str, Field(min_length=1)]


class Archive(Section):
    """An archive with a public address; it is named after its file."""

    url: str = Field(pattern=r"^https?://", description="address")
    licence: Text = Field("none stated", description="licence that the publisher states")
    gigabytes: float = Field(gt=0, description="size of the archive, about; for the question and the free space")
    bytes: int | None = Field(None, gt=0, description="size of the archive, where known; another one is refused")
    sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="digest, where known; by default that of the first download counts"
    )
    folder: FolderName = Field(description="folder of the data in which it is unpacked")
    parts: int = Field(ge=1, le=2, description="parts of a file's path that are kept: 1, the name; 2, and the folder")
    nested: bool = Field(False, description="whether it holds archives, each named after the folder of its files")


class ByHand(Section):
    """A dataset that has to be asked for, or fetched with a browser."""

    url: str = Field(pattern=r"^https?://", description="page that describes it")
    licence: Text = Field("none stated", description="licence that the publisher states")


class Photographs(Section):
    """The folder of links to photographs, one sub-folder per class."""

    folder: FolderName = Field(description="folder of the data that is made")
    sources: Annotated[tuple[FolderName, ...], Distinct] = Field(
        min_length=1, description="folders of the data that hold folders of classes, or files <class>_<number>"
    )
    names: dict[FolderName, tuple[FolderName, ...]] = Field(
        default_factory=dict, description="other names that a class has in the sources"
    )


class Preparation(Section):
    """What a benchmark needs."""

    archives: Annotated[tuple[str, ...], Distinct] = Field(min_length=1, description="archives that are downloaded")
    by_hand: Annotated[tuple[FolderName, ...], Distinct] = Field(
        (), description="datasets that are not; each is named after the folder of the data in which it goes"
    )
    photographs: Photographs = Field(description="layout of the source")
    videos: FolderName = Field(description="folder of the data that holds the target")
    expected: dict[ClassName, tuple[int, int]] = Field(
        default_factory=dict, description="numbers of photographs and videos by class, where known"
    )


class Downloads(Section):
    """Content of downloads.yaml."""

    archives: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*\.(zip|rar)$")], Archive] = Field(
        description="archives by file name"
    )
    by_hand: dict[FolderName, ByHand] = Field(default_factory=dict, description="other datasets by folder")
    benchmarks: dict[Name, Preparation] = Field(description="what each benchmark needs")

    @model_validator(mode="after")
    def _named_parts_exist(self) -> Downloads:
        problems = []
        for name, needs in self.benchmarks.items():
            for key, known in (("archives", self.archives), ("by_hand", self.by_hand)):
                unknown = [one for one in getattr(needs, key) if one not in known]
                if unknown:
                    problems.append(f"benchmarks.{name}.{key}: {', '.join(unknown)}: not among {', '.join(known)}")
        if problems:
            raise ValueError("\n".join(problems))
        return self


def load_downloads(path: Path) -> Downloads:
    """Reads downloads.yaml.

    Raises:
        UserError: if the file cannot be read; lists all mistakes at once.
    """
    return parse_file(Downloads, path)
