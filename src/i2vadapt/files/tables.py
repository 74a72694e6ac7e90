"""Tables as CSV files, written atomically; file names that are not UTF-8 keep their bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from i2vadapt.errors import UserError
from i2vadapt.files.absent import advice
from i2vadapt.files.atomic import write_atomically


def write_table(path: Path, header: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Writes a CSV file atomically; surrogate escapes are written as the bytes that they stand for."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, lineterminator="\n")
    # The csv module writes a lone carriage return unquoted, but reads it as the end of a line.
    quoting_writer = csv.DictWriter(text, header, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    for row in rows:
        (quoting_writer if any("\r" in str(value) for value in row.values()) else writer).writerow(row)
    write_atomically(path, text.getvalue().encode("utf-8", "surrogateescape"))


def read_table(path: Path, header: Sequence[str]) -> list[dict[str, str]]:
    """Reads a CSV file written by `write_table`.

    Raises:
        UserError: if the file is missing, lacks a column, or has a row that is cut short or too long.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            columns = reader.fieldnames or []
    except OSError as error:
        hint = advice(path) if isinstance(error, FileNotFoundError) else ""
        raise UserError(f"{path}: cannot be read: {error.strerror}{hint}") from None
    missing = [name for name in header if name not in columns]
    if missing:
        raise UserError(f"{path}: no column {', '.join(missing)}; its columns are {', '.join(columns) or 'none'}")
    whole = [None not in row and None not in row.values() for row in rows]
    if not all(whole):
        raise UserError(f"{path}: row {whole.index(False) + 1} does not have {len(columns)} cells: the file is damaged")
    return rows
