"""What every template may use."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    return {"base_url": settings.BASE_URL, "principal": getattr(request, "principal", None)}
