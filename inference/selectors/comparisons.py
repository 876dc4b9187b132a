"""Comparisons of a person, and how far their cells are."""

from typing import Any

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import NotFound
from inference.models import Comparison, Generation
from inference.selectors.generations import generations_of, may_see_generations


def comparisons_of(principal: Principal) -> QuerySet[Comparison]:
    """One's own, the newest first."""
    if not may_see_generations(principal) or principal.is_fine_grained:
        return Comparison.objects.none()
    rows = Comparison.objects.filter(owner=principal.user).annotate(size=Count("cells"))
    return rows.order_by("-created_at", "-id")


def comparison_for(principal: Principal, comparison_id: str) -> Comparison:
    """One's own. Raises NotFound."""
    found = comparisons_of(principal).filter(pk=comparison_id).first()
    if found is None:
        raise NotFound(_("There is no such comparison, or it is not yours to see."), hint=_("Log in as its owner."))
    return found


def grid_of(comparison: Comparison, principal: Principal) -> list[tuple[Any, list[Generation | None]]]:
    """Row by row: the row's value, and a generation for each column."""
    own = generations_of(principal).filter(cells__comparison=comparison)
    places = {(cell.row, cell.column): cell.generation_id for cell in comparison.cells.all()}
    found = {generation.pk: generation for generation in own}
    columns = range(len(comparison.columns["values"]))
    return [
        (value, [found.get(places.get((row, column), "")) for column in columns])
        for row, value in enumerate(comparison.row_values)
    ]
