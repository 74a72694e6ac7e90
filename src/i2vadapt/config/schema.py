"""JSON schemas of the documents that a user edits; ``python -m i2vadapt.config.schema`` writes them for editors."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from i2vadapt.config.base import Section
from i2vadapt.config.documents import Benchmark, Config
from i2vadapt.config.settings import Settings
from i2vadapt.errors import UserError

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """Schemas of config.yaml, of the benchmark files, and of their key ``settings`` by itself, by file name."""
    return {
        "config.schema.json": _with_settings(Config),
        "benchmark.schema.json": _with_settings(Benchmark),
        "settings.schema.json": {"$schema": DIALECT, **Settings.model_json_schema()},
    }


def write_schemas(folder: Path) -> None:
    """Writes the schemas into a folder.

    Raises:
        UserError: if the folder is missing or a file cannot be written.
    """
    for name, schema in schemas().items():
        path = folder / name
        try:
            path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path}: cannot be written: {error.strerror}") from None


def _with_settings(model: type[Section]) -> dict[str, Any]:
    """Schema of a document with a key `settings`.

    The model of the document treats this key as plain data, because settings are checked after merging. Every key of
    Settings has a default, so its schema also describes the part of the settings that a document gives.
    """
    settings = Settings.model_json_schema()
    parts = settings.pop("$defs")
    schema = model.model_json_schema()
    description = schema["properties"]["settings"]["description"]
    schema["properties"]["settings"] = {"$ref": "#/$defs/Settings", "description": description}
    schema["$defs"] = {**schema.get("$defs", {}), **parts, "Settings": settings}
    return {"$schema": DIALECT, **schema}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m i2vadapt.config.schema", description="Writes the JSON schemas.")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("workflow/schemas"), help="folder to write to (workflow/schemas)"
    )
    try:
        write_schemas(parser.parse_args().folder)
    except UserError as error:
        parser.exit(1, f"error: {error}\n")
