"""Everything that one asked for, narrowed down by filters."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from common.pagination import page_of
from inference.forms import HistoryForm
from inference.selectors.history import history_of


@login_required
@require_safe
@never_cache
def history(request: HttpRequest) -> HttpResponse:
    form = HistoryForm(request.GET, principal=request.principal)
    given = form.cleaned_data if form.is_valid() else {}
    page = page_of(request, history_of(request.principal, **given))
    return render(request, "inference/history.html", {"page": page, "form": form})
