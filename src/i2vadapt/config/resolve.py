"""Resolution of config.yaml and the documents that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from i2vadapt.config.documents import Benchmark, Config, benchmark_file, load_benchmark
from i2vadapt.config.experiments import base_of
from i2vadapt.config.messages import describe_error
from i2vadapt.config.methods import MethodsTable, load_methods
from i2vadapt.config.names import repeated
from i2vadapt.config.parsing import parse, raise_problems
from i2vadapt.config.resolved import ResolvedBenchmark
from i2vadapt.config.settings import resolve_settings
from i2vadapt.config.yaml_files import YamlFile, read_yaml_file
from i2vadapt.errors import UserError


def read_config(
    data: Mapping[str, Any], workflow: Path, files: Sequence[str | Path] = ("config.yaml",)
) -> tuple[Config, list[ResolvedBenchmark]]:
    """Checks the content of config.yaml and resolves it.

    Snakemake reads the files itself: it keeps the last of two equal keys, and merges what --config gives. So the files
    are read again, strictly. This also shows which file a value comes from.

    Args:
        data: content of config.yaml, merged with that of other files and with the values of --config.
        workflow: see `resolve`.
        files: files of which `data` is the content; those that do not exist are passed over.

    Returns:
        The configuration, and its benchmarks as returned by `resolve`.

    Raises:
        UserError: if there are mistakes; lists all of them, those in config.yaml and those in the files that it names.
    """
    problems = _folder_problems(workflow)
    written = [read_yaml_file(Path(file)) for file in files if Path(file).is_file()]
    for file in written:
        if {"source", "target", "classes"} <= file.data.keys():
            raise UserError(f"{file.path}: is a benchmark file: name it in config.yaml, as `benchmarks: [{file.path}]`")
    problems += [problem for file in written for problem in file.problems]
    data = {str(key): value for key, value in data.items() if isinstance(key, str) or not written}
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        problems += _describe_by_origin(error, data, written)
        wrong = {detail["loc"][0] for detail in error.errors() if detail["loc"]}
        config = parse(Config, {key: value for key, value in data.items() if key not in wrong}, "config.yaml")
    resolved = []
    try:
        resolved = resolve(config, workflow)
    except UserError as error:
        problems.append(str(error))
    raise_problems(problems)
    return config, resolved


def _folder_problems(workflow: Path) -> list[str]:
    folder = str(workflow.absolute().parent)
    if "{" in folder or "}" in folder:
        return [f"{folder}: the name of the project's folder must not hold braces, in which Snakemake writes wildcards"]
    return []


def _describe_by_origin(error: ValidationError, data: Mapping[str, Any], files: Sequence[YamlFile]) -> list[str]:
    """Lines about the mistakes in a configuration, each with the file that holds the value, or --config."""
    lines = []
    for detail in error.errors():
        key = str(detail["loc"][0]) if detail["loc"] else ""
        origin = next((file for file in reversed(files) if key in file.data and file.data[key] == data.get(key)), None)
        where = "--config" if files and origin is None else str(origin.path) if origin is not None else "config.yaml"
        lines += describe_error(detail, where, origin, Config)
    return lines


def resolve(config: Config, workflow: Path) -> list[ResolvedBenchmark]:
    """Reads the methods and benchmark files that a configuration names, and merges the settings.

    Args:
        config: content of config.yaml.
        workflow: folder of methods.yaml and benchmarks/.

    Raises:
        UserError: if there are mistakes; lists those of all files.
    """
    problems, table = [], None
    try:
        table = load_methods(workflow / "methods.yaml")
    except UserError as error:
        problems.append(str(error))
    known = table.methods if table is not None else {}
    if table is not None:
        problems += [
            f"config: methods: no method {name!r} in methods.yaml; there are {', '.join(known)}"
            for name in config.methods
            if base_of(name) not in known
        ]
    chosen = tuple(name for name in config.methods if base_of(name) in known)
    resolved, loaded = [], list[tuple[str, Benchmark]]()
    for name in config.benchmarks:
        try:
            file = benchmark_file(name, workflow / "benchmarks")
            benchmark = load_benchmark(file)
            loaded.append((str(file), benchmark))
            if table is not None:
                resolved.append(_resolve_benchmark(file, benchmark, config, table, chosen))
        except UserError as error:
            problems.append(str(error))
    raise_problems([*problems, *_name_problems(loaded)])
    return resolved


def _name_problems(benchmarks: Sequence[tuple[str, Benchmark]]) -> list[str]:
    """Benchmarks of one name, which would share their folders; some file systems ignore case."""
    names = [benchmark.name.casefold() for _, benchmark in benchmarks]
    problems = []
    for name in repeated(names):
        files = [file for file, benchmark in benchmarks if benchmark.name.casefold() == name]
        problems.append(f"config: benchmarks: {' and '.join(files)} have the same name {name!r}; rename one of them")
    return problems


def _resolve_benchmark(
    file: Path, benchmark: Benchmark, config: Config, table: MethodsTable, chosen: tuple[str, ...]
) -> ResolvedBenchmark:
    layers = (benchmark.settings, benchmark.released if config.preset == "released" else {}, config.settings)
    unknown = [name for name in benchmark.runs if name not in table.runs]
    problems = []
    if unknown:
        problems.append(
            f"{file}: runs: no run {', '.join(map(repr, unknown))} in methods.yaml; there are {', '.join(table.runs)}"
        )
    try:
        settings = resolve_settings(config.preset, layers, f"settings of {benchmark.name} (with config.yaml)")
    except UserError as error:
        raise UserError("\n".join([*problems, str(error)])) from None
    raise_problems(problems)
    shared = tuple(layer["train"] for layer in layers if isinstance(layer.get("train"), Mapping))
    part = ResolvedBenchmark(file, benchmark, settings, table, config.preset, shared, chosen, config.features)
    part.runs_of(chosen)
    return part
