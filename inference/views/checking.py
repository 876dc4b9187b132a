"""Was this picture made here?"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from common.errors import Refusal
from inference.services import verifying


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def verify_picture(request: HttpRequest) -> HttpResponse:
    """For everybody. Nothing of what is sent is kept."""
    context: dict[str, object] = {"most": verifying.MAX_BYTES // 1_000_000}
    if request.method == "POST":
        sent = request.FILES.get("picture")
        try:
            content = sent.read(verifying.MAX_BYTES + 1) if sent else b""
            context["finding"] = verifying.examine(content, by=request.principal)
        except Refusal as refusal:
            return render(request, "inference/verify.html", context | {"refusal": refusal}, status=refusal.status)
    return render(request, "inference/verify.html", context)
