"""What a name keeps, what it may keep, and what will go."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Namespace
from accounts.rules import may_read_namespace
from accounts.selectors import namespace_named, namespaces_of
from common.errors import NotFound
from hub.selectors import storage


@login_required
@require_safe
def storage_page(request: HttpRequest, name: str = "") -> HttpResponse:
    """One's own name, or that of an organisation one belongs to."""
    namespace = namespace_named(name or request.user.username)
    if namespace is None or not may_read_namespace(request.principal, namespace):
        raise NotFound(_("This name does not exist, or its storage is not for you to see."))
    context = {
        "namespace": namespace,
        "names": list(namespaces_of(request.user)),
        "bars": bars_of(namespace),
        "largest": storage.largest(namespace),
        "limits": storage.limits_of(namespace.pk),
        "waiting": storage.unnamed_uploads(namespace),
        "released": storage.released(namespace),
        "undo_days": settings.SWEEP_UNDO_DAYS,
    }
    return render(request, "hub/storage.html", context)


def bars_of(namespace: Namespace) -> list[dict[str, object]]:
    """What is used of each limit; `limit` 0 is none. The first two are bytes."""
    limits, usage = storage.limits_of(namespace.pk), storage.usage_of(namespace.pk)
    rows = [
        ("public", _("Public storage"), usage.public_bytes, limits.public_bytes, True),
        ("private", _("Private storage"), usage.private_bytes, limits.private_bytes, True),
        ("count", _("Repositories and buckets"), usage.repositories, limits.repositories, False),
    ]
    return [
        {
            "key": key,
            "label": label,
            "used": used,
            "limit": limit,
            "is_bytes": is_bytes,
            "percent": min(100, used * 100 // limit) if limit else 0,
        }
        for key, label, used, limit, is_bytes in rows
    ]
