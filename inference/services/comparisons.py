"""Comparisons: what they would cost, and asking for all their cells at once."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Unauthenticated
from inference.algorithms import grids
from inference.algorithms.grids import Axis
from inference.algorithms.profiles import MAX_SEED
from inference.errors import Unprocessable
from inference.models import Comparison, ComparisonCell
from inference.services import generations, planning
from inference.services.planning import LoraWanted, Wanted

MAX_CELLS = 64


@dataclass(frozen=True)
class Cell:
    row: int
    column: int
    wanted: Wanted
    model: str


def planned(
    principal: Principal, wanted: Wanted, *, model: str, columns: Axis, rows: Axis | None
) -> list[planning.Plan]:
    """One plan for each cell, for the cost before. Writes nothing. Raises what `planning.plan` raises."""
    return [planning.plan(principal, cell.wanted, model=cell.model) for cell in _cells(wanted, model, columns, rows)]


@transaction.atomic
def compare(
    principal: Principal,
    wanted: Wanted,
    *,
    model: str,
    columns: Axis,
    rows: Axis | None = None,
    billed: Namespace | None = None,
) -> Comparison:
    """Ask for one picture or sound for each cell, all or none; all have one seed unless the seed is compared.

    Raises what `request_generation` raises, and Unprocessable for axes that do not fit.
    """
    if principal.user is None:
        raise Unauthenticated(_("Log in to make pictures."), hint=_("Programs send an access token."))
    if wanted.seed is None:
        wanted = replace(wanted, seed=secrets.randbelow(MAX_SEED))
    cells = list(_cells(wanted, model, columns, rows))
    comparison = Comparison.objects.create(
        owner=principal.user,
        prompt=wanted.prompt or wanted.label,
        columns=columns.to_json(),
        rows=rows.to_json() if rows else {},
    )
    ComparisonCell.objects.bulk_create(
        ComparisonCell(
            comparison=comparison,
            row=cell.row,
            column=cell.column,
            generation=generations.request_generation(principal, cell.wanted, model=cell.model, billed=billed),
        )
        for cell in cells
    )
    return comparison


def _cells(wanted: Wanted, model: str, columns: Axis, rows: Axis | None) -> Iterator[Cell]:
    most = min(MAX_CELLS, settings.PICTURES_UNDER_WAY)
    if len(columns.values) * len(rows.values if rows else [None]) > most:
        raise Unprocessable(
            _("A comparison has up to %(most)d pictures.") % {"most": most},
            hint=_("Use fewer values."),
            field="columns",
        )
    if rows is not None and rows.name == columns.name:
        raise Unprocessable(_("Both axes are the same."), hint=_("Choose another one."), field="rows")
    wanted = replace(wanted, count=1)
    for row, column, changes in grids.cells(columns, rows):
        yield Cell(row, column, *_changed(wanted, model, changes, [columns, *([rows] if rows else [])]))


def _changed(wanted: Wanted, model: str, changes: dict[str, Any], axes: list[Axis]) -> tuple[Wanted, str]:
    numbers = dict(changes)
    model = numbers.pop("model", model)
    by, scale = numbers.pop("words", None), numbers.pop("lora_scale", None)
    if scale is not None:
        numbers["loras"] = _scaled(wanted.loras, scale)
    if by is not None:
        numbers["prompt"] = grids.replaced(wanted.prompt, words=_words(axes, wanted.prompt), by=by)
    return replace(wanted, **numbers), model


def _scaled(loras: tuple[LoraWanted, ...], scale: float) -> tuple[LoraWanted, ...]:
    """Scale 0 is the model without it."""
    if not loras:
        raise Unprocessable(_("No LoRA is chosen."), hint=_("Choose the one whose scale changes."), field="loras")
    return (replace(loras[0], scale=scale), *loras[1:]) if scale else loras[1:]


def _words(axes: list[Axis], prompt: str) -> str:
    """What is replaced: the first value of the axis, which the prompt must hold."""
    words = str(next(axis.values[0] for axis in axes if axis.name == "words"))
    if words not in prompt:
        raise Unprocessable(
            _("The prompt does not hold “%(words)s”.") % {"words": words},
            hint=_("The first value is what the others take the place of."),
            field="prompt",
        )
    return words
