"""Where the payment processor tells what happened."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from licensing.gateway import SignatureRefused
from licensing.services import events, payments


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> JsonResponse:
    """400 for what Stripe did not sign; 200 once the event is kept, whatever becomes of it then."""
    gateway = payments.gateway()
    try:
        event = gateway.parse_webhook(request.body, request.headers.get("Stripe-Signature"))
    except SignatureRefused as error:
        return JsonResponse({"error": str(error), "code": error.code}, status=400)
    row = events.receive(event)
    return JsonResponse({"received": row.pk, "processed": row.processed_at is not None})
