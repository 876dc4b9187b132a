"""Reading what one is told."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from hub.selectors import notices as selectors
from hub.services import notices as services


@login_required
@require_POST
def notice_read(request: HttpRequest, notice_id: int) -> HttpResponse:
    notice = selectors.notice_for(request.principal, notice_id)
    services.mark_read(notice, by=request.principal)
    return redirect(notice.namespace)
