"""Settings of the recipes: class `Settings` in the file named after the recipe. Every file here is a recipe."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from i2vadapt.config.run import RunSettings
from i2vadapt.errors import UserError

RECIPES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def settings_class(data: Mapping[str, Any], where: str) -> type[RunSettings]:
    """The class of a run's settings, chosen by its key `recipe` (default: video).

    Args:
        data: settings of the run.
        where: name of the document, for messages.

    Raises:
        UserError: if there is no such recipe.
    """
    name = data.get("recipe", "video")
    if name not in RECIPES:
        raise UserError(f"{where}: recipe: must be one of {', '.join(RECIPES)}, not {name!r}")
    return _settings_of(name)


def all_settings() -> list[type[RunSettings]]:
    """The classes of all recipes' settings."""
    return [_settings_of(name) for name in RECIPES]


def _settings_of(recipe: str) -> type[RunSettings]:
    settings: type[RunSettings] = importlib.import_module(f"{__name__}.{recipe}").Settings
    return settings
