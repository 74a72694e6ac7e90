"""JSON schemas of the documents that a user edits; ``python -m i2vadapt.config.schema`` writes them for editors."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from i2vadapt.config.base import Section
from i2vadapt.config.documents import Benchmark, Config
from i2vadapt.config.experiments import Experiment
from i2vadapt.config.methods import MethodsTable
from i2vadapt.config.recipes import RECIPES, settings_class
from i2vadapt.config.settings import Settings
from i2vadapt.errors import UserError

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """Schemas of config.yaml, benchmark files, methods.yaml, experiments, and the key ``settings``, by file name."""
    return {
        "config.schema.json": _document(Config),
        "benchmark.schema.json": _document(Benchmark),
        "methods.schema.json": _document(MethodsTable),
        "experiment.schema.json": _document(Experiment),
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


def _document(model: type[Section]) -> dict[str, Any]:
    """Schema of a document with settings.

    The model of the document treats settings as plain data, because they are checked after merging. Every setting has
    a default, so the schema of the settings also describes the part of them that a document gives.
    """
    keys = {key: Settings for key in ("settings", "released") if key in model.model_fields}
    recipes = [settings_class({"recipe": name}, "") for name in RECIPES] if "runs" in model.model_fields else []
    parts: list[type[Section]] = [*dict.fromkeys(keys.values()), *recipes]
    references, shared = models_json_schema([(part, "validation") for part in (model, *parts)])
    definitions = shared["$defs"]
    schema = definitions.pop(references[model, "validation"]["$ref"].rpartition("/")[2])
    properties = schema["properties"]
    for key, part in keys.items():
        properties[key] = {**references[part, "validation"], "description": properties[key]["description"]}
    if recipes:
        properties["runs"]["additionalProperties"] = {"anyOf": [references[part, "validation"] for part in recipes]}
        properties["runs"].pop("patternProperties", None)
    return {"$schema": DIALECT, **schema, "$defs": definitions}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m i2vadapt.config.schema", description="Writes the JSON schemas.")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("workflow/schemas"), help="folder to write to (workflow/schemas)"
    )
    try:
        write_schemas(parser.parse_args().folder)
    except UserError as error:
        parser.exit(1, f"error: {error}\n")
