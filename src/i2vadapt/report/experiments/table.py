"""A table of the paper: the methods of an experiment, the printed accuracies beside ours, on each benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from i2vadapt.config.documents import Benchmark
from i2vadapt.config.experiments import Experiment
from i2vadapt.config.methods import MethodsTable
from i2vadapt.config.published import Published
from i2vadapt.layout import Results
from i2vadapt.report.experiments import outcomes
from i2vadapt.report.experiments.outcomes import Outcome, find_outcome, seeds_note
from i2vadapt.report.rendering import render
from i2vadapt.report.text import percent

NO_NUMBER = "–"


@dataclass(frozen=True, eq=False)
class Row:
    """A method on all benchmarks."""

    outcomes: tuple[Outcome, ...]

    @property
    def title(self) -> str:
        """Title of the method, with the benchmarks on which it was tested on the videos of split 1 alone."""
        on = [part.benchmark for part in self.outcomes if part.method is not None and part.method.protocol == "split1"]
        everywhere = len(on) == sum(part.method is not None for part in self.outcomes)
        note = f" (split 1{'' if everywhere else ' on ' + ', '.join(on)})" if on else ""
        return self.outcomes[0].title + note

    @property
    def cells(self) -> list[str]:
        """For each benchmark the paper's accuracy and ours, in per cent."""
        pairs = [(NO_NUMBER if part.paper is None else percent(part.paper), part.text) for part in self.outcomes]
        return [cell for pair in pairs for cell in pair]


@dataclass(frozen=True, eq=False)
class ExperimentTable:
    """A table of accuracies.

    Attributes:
        experiment: title, caption and methods.
        benchmarks: names, in the order of the columns.
        rows: a row for each method.
        seeds: those asked for.
        source: where the paper's accuracies are printed; empty if there are none to compare with.
    """

    experiment: Experiment
    benchmarks: tuple[str, ...]
    rows: tuple[Row, ...]
    seeds: tuple[int, ...]
    source: str

    @property
    def note(self) -> str:
        """What the numbers are, without a full stop."""
        printed = f". {NO_NUMBER}: none in {self.source}" if self.source else ""
        return f"Accuracy on the target in per cent, {seeds_note(self.seeds)}{printed}"


def collect_table(
    experiment: Experiment,
    table: MethodsTable,
    published: Published | None,
    benchmarks: Sequence[Benchmark],
    seeds: Sequence[int],
    results: Results,
) -> ExperimentTable:
    """Reads what has been trained so far.

    Args:
        experiment: an experiment with methods.
        table: content of methods.yaml, for the titles.
        published: accuracies that the paper prints; None compares with nothing.
        benchmarks: columns of the table.
        seeds: of every method.
        results: folder of all results.

    Raises:
        UserError: if a method is unknown, or a file is malformed or of other classes.
    """
    rows = []
    for name in experiment.methods:
        title = table.method(name).title
        papers = [published.of(name, part.name) if published is not None else None for part in benchmarks]
        found = [
            find_outcome(results, part, name, title, seeds, paper)
            for part, paper in zip(benchmarks, papers, strict=True)
        ]
        rows.append(Row(tuple(found)))
    names = tuple(part.name for part in benchmarks)
    source = published.source if published is not None else ""
    return ExperimentTable(experiment, names, tuple(rows), tuple(seeds), source)


def to_csv(table: ExperimentTable) -> str:
    """A row for each method, benchmark and stream; `result` is 1 for the stream whose accuracy is the method's."""
    records: list[dict[str, object]] = []
    for part in (part for row in table.rows for part in row.outcomes):
        for stream in part.streams or ("",):
            counts = stream == part.result
            records.append(
                {
                    "benchmark": part.benchmark,
                    "method": part.name,
                    "title": part.title,
                    "protocol": part.method.protocol if part.method is not None else "",
                    "stream": stream,
                    "result": int(counts),
                    "paper": part.paper if counts else None,
                    **part.record(stream),
                }
            )
    return outcomes.to_csv(records)


def to_markdown(table: ExperimentTable) -> str:
    """The table in Markdown under its heading, with what it shows."""
    return render("experiment_table.md.j2", table=table, experiment=table.experiment)


def to_latex(table: ExperimentTable) -> str:
    """A tabular (package booktabs), with a pair of columns for each benchmark."""
    return render("experiment_table.tex.j2", table=table, experiment=table.experiment)
