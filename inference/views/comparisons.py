"""Comparisons: asking for a grid, its cost before, and the grid as it fills."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.errors import Refusal
from common.pagination import page_of
from inference import selectors
from inference.forms import ComparisonForm
from inference.forms.comparisons import LABELS
from inference.models import Comparison
from inference.selectors.comparisons import comparison_for, comparisons_of, grid_of
from inference.services import comparisons
from inference.views.studio import initial_of, with_images, with_stand_ins


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def comparison_new(request: HttpRequest) -> HttpResponse:
    """The form, and the comparisons that one made."""
    form = ComparisonForm(request.POST or None, principal=request.principal, initial=initial_of(request))
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = comparisons.compare(
                request.principal, with_images(request, form), billed=given["billed"], **_axes(given)
            )
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            return redirect(made)
    page = page_of(request, comparisons_of(request.principal))
    return render(request, "inference/comparison_new.html", {"form": form, "page": page})


@login_required
@require_POST
@never_cache
def comparison_model(request: HttpRequest) -> HttpResponse:
    """The part of the form that hangs on the model: pictures and sounds have other parameters."""
    form = ComparisonForm(principal=request.principal, initial=request.POST.dict())
    return render(request, "inference/comparison_part.html", {"form": form})


@login_required
@require_POST
@never_cache
def comparison_cost(request: HttpRequest) -> HttpResponse:
    """What the grid as it stands would cost."""
    form = ComparisonForm(request.POST, principal=request.principal)
    if not form.is_valid():
        return render(request, "inference/comparison_cost.html", {})
    given = form.cleaned_data
    try:
        plans = comparisons.planned(request.principal, with_stand_ins(request, form), **_axes(given))
    except Refusal as refusal:
        return render(request, "inference/comparison_cost.html", {"refusal": refusal})
    free_left = 0 if given["billed"].is_organisation else selectors.free_pictures_left(request.user)
    context = {
        "number": len(plans),
        "price": sum(plan.price for plan in plans),
        "currency": plans[0].currency,
        "free_left": free_left,
        "is_free": free_left >= len(plans),
    }
    return render(request, "inference/comparison_cost.html", context)


@login_required
@require_safe
@never_cache
def comparison_page(request: HttpRequest, comparison_id: str) -> HttpResponse:
    """The grid; asked by htmx only its table, again until all cells have ended."""
    comparison = comparison_for(request.principal, comparison_id)
    template = "comparison_grid.html" if request.headers.get("HX-Request") == "true" else "comparison.html"
    return render(request, f"inference/{template}", _context(request, comparison))


def _axes(given: dict[str, Any]) -> dict[str, Any]:
    return {"model": given["model"], "columns": given["column_axis"], "rows": given["row_axis"]}


def _context(request: HttpRequest, comparison: Comparison) -> dict[str, Any]:
    grid = grid_of(comparison, request.principal)
    cells = [cell for _value, row in grid for cell in row if cell is not None]
    return {
        "comparison": comparison,
        "grid": grid,
        "columns": comparison.columns["values"],
        "column_name": LABELS[comparison.columns["name"]],
        "row_name": LABELS[comparison.rows["name"]] if comparison.rows else "",
        "ended": sum(cell.is_final for cell in cells),
        "number": len(cells),
        "is_final": all(cell.is_final for cell in cells),
        "price": sum(cell.price for cell in cells if cell.state == "succeeded"),
        "currency": cells[0].currency if cells else "eur",
        "first": cells[0] if cells else None,
    }
