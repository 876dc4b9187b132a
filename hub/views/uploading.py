"""Uploading in the browser: the page of static/js/upload.js, and the same in one form without JavaScript."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from common.errors import Refusal
from hub.forms import UploadForm
from hub.services.uploads import SentFile, commit_files
from hub.views.editing import Place, place_of
from hub.views.files import crumbs_of
from hub.views.frame import context_of


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest, prefix: str, namespace: str, name: str, rest: str) -> HttpResponse:
    """`rest` is a branch, and the folder to begin with."""
    place = place_of(request, prefix, namespace, name, rest)
    form = UploadForm(request.POST or None, request.FILES or None, initial={"folder": place.path})
    if form.is_valid():
        answer = _commit(request, place, form)
        if answer is not None:
            return answer
    repository, revision = place.repository, place.revision
    context = context_of(
        request, repository, "files", form=form, place=place, revision=revision, crumbs=crumbs_of(place.path)
    )
    return render(request, "hub/upload.html", context)


def _commit(request: HttpRequest, place: Place, form: UploadForm) -> HttpResponse | None:
    chosen = form.cleaned_data
    folder = chosen["folder"].strip("/")
    sent = [SentFile(f"{folder}/{file.name}" if folder else str(file.name), file) for file in chosen["files"]]
    try:
        made = commit_files(
            place.repository,
            place.revision,
            sent,
            by=request.principal,
            message=chosen["message"].strip() or f"Upload {len(sent)} files",
            description=chosen["description"],
            as_pull_request=request.POST.get("act") == "propose" or not place.may_commit,
        )
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return None
    if made.pull_request is not None:
        return redirect(made.pull_request)
    messages.success(request, _("Committed as %(commit)s.") % {"commit": made.result.oid[:10]})
    return redirect(f"{place.repository.get_absolute_url()}/tree/{place.revision.name}/{folder}".rstrip("/"))
