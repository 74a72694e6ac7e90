"""From two folders to a benchmark file, with a report of what was found and guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.setup.advice import Size, short_side, size_of_shards, warnings_of
from i2vadapt.setup.document import benchmark_text, scalar
from i2vadapt.setup.draft import Draft, make_draft
from i2vadapt.setup.folders import ClassFolders, read_class_folders
from i2vadapt.setup.pairing import Pairing, pair_classes, pair_with_unlabelled

_SHOWN = 20  # names in an error


def write_benchmark_file(
    photographs: Path, videos: Path, out: Path, size: Size, overwrite: bool, report: Callable[[str], None]
) -> None:
    """Writes a benchmark file.

    Args:
        photographs: folder with a sub-folder for each class.
        videos: folder with a sub-folder for each class, or with unlabelled videos.
        out: file to write, .yaml; its name without suffix is the name of the benchmark.
        size: size of pictures and networks.
        overwrite: whether an existing file is replaced.
        report: takes lines about what was found, guessed and left out, and the next steps.

    Raises:
        UserError: if the file exists, a folder holds no usable files, or fewer than two classes are shared.
    """
    name = _name_of(out)
    if out.exists() and not overwrite:
        raise UserError(f"{out}: exists already; --force replaces it, --out names another file")
    for folder in (photographs, videos):
        _check_text(folder)
    source, target = read_class_folders(photographs, "source"), read_class_folders(videos, "target")
    pairing = pair_classes(source.counts, target.counts) if target.counts else pair_with_unlabelled(source.counts)
    if len(pairing.pairs) < 2:
        raise UserError(_too_few(source, target, pairing))
    draft = make_draft(name, pairing, photographs, videos, out)
    text = benchmark_text(draft, size, out)
    write_atomically(out, text.encode())
    for lines in (_classes(draft), _guesses(pairing), _left_out(source, target, pairing), _advice(draft, size)):
        for line in lines:
            report(line)
    report(f"{out}: written, {len(pairing.pairs)} classes. Check it, put")
    report(f"  benchmarks: [{scalar(str(out))}]")
    report("into config.yaml, and go on with")
    for command in ("i2vadapt plan", "snakemake -n", "snakemake --cores 8"):
        report(f"  {command}")


def _name_of(out: Path) -> str:
    if out.suffix not in (".yaml", ".yml"):
        raise UserError(f"{out}: the name of a benchmark file must end in .yaml")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", out.stem).strip("-._")
    if not name:
        raise UserError(f"{out}: the name must hold a letter or a digit, since the benchmark is named after it")
    return name


def _check_text(folder: Path) -> None:
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise UserError(f"{folder}: the name is not UTF-8, so that no benchmark file can hold it: rename it") from None


def _too_few(source: ClassFolders, target: ClassFolders, pairing: Pairing) -> str:
    shared = ", ".join(pair.name for pair in pairing.pairs) or "no class"
    sides = " and ".join(
        f"{folders.root} has {_listed(list(folders.counts)) or 'no class'}"
        for folders in ((source, target) if target.counts else (source,))
    )
    return (
        f"{shared} shared, but a benchmark needs two classes: {sides}."
        " Classes are sub-folders of the same name; videos without labels must be directly in their folder"
    )


def _rounded(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size > 1e9 else f"{size / 1e6:.0f} MB"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _classes(draft: Draft) -> Iterator[str]:
    yield f"{'class':24}{'photographs':>12}{'videos':>8}"
    for name, photographs, videos in zip(draft.classes, draft.source.counts, draft.target.counts, strict=True):
        yield f"{name:24}{photographs:>12}{videos or '-':>8}"
    if draft.target.unlabelled:
        yield f"{'without a label':24}{'':12}{draft.target.unlabelled:>8}"


def _guesses(pairing: Pairing) -> Iterator[str]:
    for pair in pairing.pairs:
        for guess in pair.guesses:
            yield f"guess: photographs {guess.source} = videos {guess.target}: {guess.reason}"
        for noun, names in (("photographs", pair.source), ("videos", pair.target)):
            if len(names) > 1:
                yield f"merged: {noun} {' and '.join(names)} into class {pair.name}"


def _left_out(source: ClassFolders, target: ClassFolders, pairing: Pairing) -> Iterator[str]:
    for name, candidates in pairing.undecided.items():
        yield f"not guessed: photographs {name} could be videos {' or '.join(candidates)}"
    for noun, names in (("photographs", pairing.source), ("videos", pairing.target)):
        if names:
            yield f"left out: {noun} of other classes: {', '.join(names)}"
    for folders in (source, target):
        for name, reason in folders.refused.items():
            yield f"left out: {folders.root}: folder {name!a}: the name of a class {reason}"


def _advice(draft: Draft, size: Size) -> Iterator[str]:
    for line in warnings_of(draft, size):
        yield f"warning: {line}"
    shards, needed = draft.source.shards + draft.target.shards, size_of_shards(draft, short_side(draft, size))
    yield f"disk: some {_rounded(needed)} in {shards} shards (`i2vadapt plan` measures it, and the time)"
