"""How many took it, day by day, and what is counted."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.algorithms import bars
from hub.selectors.downloads import by_day
from hub.views.frame import context_of, find


@require_safe
def downloads_page(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    days = by_day(repository)
    drawn, highest = bars.stacked([(day.others + day.own, day.ci) for day in days])
    context = context_of(request, repository, "downloads") | {
        "days": days,
        "bars": drawn,
        "highest": highest,
        "total": {
            "others": sum(day.others for day in days),
            "own": sum(day.own for day in days),
            "ci": sum(day.ci for day in days),
        },
    }
    return render(request, "hub/downloads.html", context)
