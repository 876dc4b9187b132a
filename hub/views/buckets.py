"""The files of a bucket."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hub.selectors.buckets import bucket_for, entries_in
from hub.views.files import crumbs_of

_PAGE = 500


@require_safe
def bucket_page(request: HttpRequest, namespace: str, name: str, folder: str = "") -> HttpResponse:
    """One folder of a bucket."""
    bucket = bucket_for(request.principal, f"{namespace}/{name}")
    folder = folder.strip("/")
    found = entries_in(bucket, folder, start=request.GET.get("from", ""), limit=_PAGE + 1)
    context = {
        "bucket": bucket,
        "entries": found[:_PAGE],
        "next": found[_PAGE - 1].next_start if len(found) > _PAGE else "",
        "crumbs": crumbs_of(folder),
        "command": f"hf buckets sync hf://buckets/{bucket.full_name} ./{bucket.name}",
    }
    return render(request, "hub/bucket.html", context)
