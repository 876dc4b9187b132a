"""POST /api/verify-picture: was this picture made here? Nothing of what is sent is kept."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from common.addresses import absolute
from inference.services import verifying


@csrf_exempt
@require_POST
def verify_picture(request: HttpRequest) -> HttpResponse:
    """The bytes of a picture or sound, or a form with the field `picture`. Anybody may ask."""
    sent = request.FILES.get("picture")
    content = sent.read(verifying.MAX_BYTES + 1) if sent else request.body
    finding = verifying.examine(content, by=request.principal)  # type: ignore[attr-defined]
    return JsonResponse(
        {
            "made_here": finding.is_ours,
            "altered": finding.is_altered,
            "sha256": finding.sha256,
            "same_file": finding.is_same_file,
            "watermark": finding.watermark,
            "statement": finding.statement,
            "content_credentials": {"state": finding.credentials, "issuer": finding.issuer},
            "made_at": finding.made_at.isoformat() if finding.made_at else None,
            "pictures": [
                {
                    "page": absolute(picture.generation.get_absolute_url()),
                    "url": absolute(picture.get_absolute_url()),
                    "generation": picture.generation_id,
                    "position": picture.position,
                }
                for picture in finding.pictures
            ],
        }
    )
