"""The documents workflow/experiments/*.yaml: the paper's tables and figures, as the methods that they compare.

A method may be named with settings of its own, `cfb@bank.capacity=20`: the method `cfb`, with this setting in all of
its runs that know it. So a sweep over the values of a setting is a list of methods.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, Field, model_validator

from i2vadapt.config.base import Section
from i2vadapt.config.names import Distinct, Name, Title
from i2vadapt.config.parsing import parse_file, raise_problems
from i2vadapt.config.recipes import all_settings
from i2vadapt.errors import UserError

_SETTING = r"[a-z_0-9]+(?:\.[a-z_0-9]+)*"
_VALUE = r"[A-Za-z0-9._+-]+"
_OVERRIDE = re.compile(f"@({_SETTING})=({_VALUE})")
_VARIANT = re.compile(f"[A-Za-z0-9._-]+(?:@{_SETTING}={_VALUE})*")

SettingValue = bool | int | float | str


def _check_setting(setting: str) -> str:
    if not any(_has_key(settings, setting.split(".")) for settings in all_settings()):
        raise ValueError(f"no recipe has a setting {setting}")
    return setting


def _has_key(section: Any, keys: Sequence[str]) -> bool:
    """Whether a type, or one of a union, is a section that has a key, whose type has the next one."""
    if not keys:
        return True
    if not (isinstance(section, type) and issubclass(section, Section)):
        return any(_has_key(part, keys) for part in get_args(section))
    return keys[0] in section.model_fields and _has_key(section.model_fields[keys[0]].annotation, keys[1:])


def _check_variant(name: str) -> str:
    if not _VARIANT.fullmatch(name):
        raise ValueError("must be the name of a method, followed by any number of @setting=value")
    return name


def _check_settings(name: str) -> str:
    for setting, _ in _OVERRIDE.findall(name):
        _check_setting(setting)
    return name


Variant = Annotated[
    str,
    AfterValidator(_check_variant),
    AfterValidator(_check_settings),
    Field(json_schema_extra={"pattern": f"^{_VARIANT.pattern}$"}),
]
"""Name of a method, or of a variant of it, see `Override`."""


class Override(Section):
    """One setting of a variant.

    A run or method with overrides is called a variant, and named by them: `rgb@local_weight=0.5`.
    """

    setting: str = Field(pattern=f"^{_SETTING}$", description="setting of section train, by its keys: bank.capacity")
    value: SettingValue = Field(description="value of the setting")

    @property
    def suffix(self) -> str:
        """What the override adds to the name of a run or method."""
        value = self.value if isinstance(self.value, str) else json.dumps(self.value)
        return f"@{self.setting}={value}"

    def nested(self) -> dict[str, Any]:
        """The override as a section `train`."""
        section: Any = self.value
        for key in reversed(self.setting.split(".")):
            section = {key: section}
        return dict(section)


def base_of(name: str) -> str:
    """Name of the run or method of which another is a variant; the name itself if it is none."""
    return name.partition("@")[0]


def split_variant(name: str) -> tuple[str, tuple[Override, ...]]:
    """Splits the name of a run or method into that of its base and its overrides.

    Raises:
        UserError: if the name has another form.
    """
    try:
        _check_variant(name)
    except ValueError as error:
        raise UserError(f"{name!r}: {error}") from None
    return base_of(name), tuple(
        Override(setting=setting, value=_parse_value(text)) for setting, text in _OVERRIDE.findall(name)
    )


def _parse_value(text: str) -> SettingValue:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


class Sweep(Section):
    """A panel of a figure: the accuracy of a method over the values of one setting."""

    label: Title = Field(description="name of the setting in the paper")
    method: Name = Field(description="method whose setting is varied")
    setting: Annotated[str, AfterValidator(_check_setting)] = Field(
        pattern=f"^{_SETTING}$", description="setting of section train, by its keys: bank.capacity"
    )
    values: Annotated[tuple[SettingValue, ...], Distinct] = Field(min_length=2, description="values in order")

    @model_validator(mode="after")
    def _values_can_name_files(self) -> Sweep:
        for value in self.values:
            if not re.fullmatch(_VALUE, Override(setting=self.setting, value=value).suffix.partition("=")[2]):
                raise ValueError(f"value {value!r} must consist of letters A-Z, a-z, digits, and . _ + -")
        return self

    def points(self) -> dict[SettingValue, str]:
        """Names of the methods by the value of the setting."""
        return {value: self.method + Override(setting=self.setting, value=value).suffix for value in self.values}


class Experiment(Section):
    """A table, a figure of sweeps, or a figure of features."""

    title: Title = Field(description="heading, as in the paper")
    caption: str = Field("", description="what there is to see")
    paper: bool = Field(False, description="whether the target `paper` makes it")
    methods: Annotated[tuple[Variant, ...], Distinct] = Field((), description="rows of a table")
    sweeps: tuple[Sweep, ...] = Field((), description="panels of a figure")
    features: Annotated[tuple[Variant, ...], Distinct] = Field(
        (), description="methods whose features of source and target are drawn by t-SNE"
    )

    @model_validator(mode="after")
    def _is_one_thing(self) -> Experiment:
        given = [name for name in ("methods", "sweeps", "features") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"must have one of methods, sweeps and features, not {' and '.join(given) or 'none'}")
        return self

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Formats in which the experiment is written."""
        return ("csv", "md", "tex", "png") if self.methods else ("csv", "md", "png")

    def all_methods(self) -> tuple[str, ...]:
        """Names of all methods that must be trained, each once."""
        points = (name for sweep in self.sweeps for name in sweep.points().values())
        return tuple(dict.fromkeys((*self.methods, *points, *self.features)))


def load_experiments(folder: Path) -> dict[str, Experiment]:
    """Reads all experiments of a folder, by the names of the files without suffix.

    Raises:
        UserError: if there are mistakes; lists those of all files.
    """
    experiments, problems = {}, []
    for file in sorted(folder.glob("*.yaml")):
        try:
            experiments[file.stem] = parse_file(Experiment, file)
        except UserError as error:
            problems.append(str(error))
    raise_problems(problems)
    return experiments
