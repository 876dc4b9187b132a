"""Reading what one is told."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.rules import may_read_namespace
from hub.models import Notice
from hub.services import notices as services


@login_required
@require_POST
def notice_read(request: HttpRequest, notice_id: int) -> HttpResponse:
    notice = get_object_or_404(Notice.objects.select_related("namespace"), pk=notice_id)
    if not may_read_namespace(request.principal, notice.namespace):
        return get_object_or_404(Notice.objects.none())
    services.mark_read(notice, by=request.principal)
    return redirect(notice.namespace)
