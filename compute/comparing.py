"""Several jobs side by side: what each told over its steps, drawn on common axes. Reads, never writes."""

from collections.abc import Sequence
from dataclasses import dataclass

from compute.algorithms.charts import Chart, chart_of
from compute.curves import curves_of
from compute.journal import JobFolder, read_records

FIRST = "loss"


@dataclass(frozen=True)
class Comparison:
    """`steps` and `last` have a value for each folder, in order; `last` of each name where somebody told it."""

    charts: list[tuple[str, Chart]]
    steps: list[int | None]
    last: list[tuple[str, list[float | None]]]


def comparison_of(folders: Sequence[JobFolder]) -> Comparison:
    curves = [curves_of(read_records(folder.events), folder.readable) for folder in folders]
    names = sorted({name for each in curves for name in each}, key=lambda name: (name != FIRST, name))
    drawn = ((name, chart_of([each.get(name, []) for each in curves])) for name in names if name != "seconds")
    ends = [[points[-1] for points in each.values() if points] for each in curves]
    return Comparison(
        charts=[(name, chart) for name, chart in drawn if chart is not None],
        steps=[int(max(step for step, _value in each)) if each else None for each in ends],
        last=[(name, [each[name][-1][1] if each.get(name) else None for each in curves]) for name in names],
    )
