"""A person's webhooks (hub-api.md, webhooks)."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.principal import Principal
from common.errors import Invalid
from hub.api.protocol import date, door, json_body, principal_of, text_of
from hub.enums import Domain
from hub.models import Webhook
from hub.selectors import webhooks as selectors
from hub.services import webhooks as services

# Clients up to 1.x say it in the plural.
_OLD_DOMAINS = {"discussions": Domain.DISCUSSION, "repos": Domain.REPO}


@door("GET", "POST")
def webhooks(request: HttpRequest) -> HttpResponse:
    by = _person(request)
    if request.method == "GET":
        return JsonResponse([_one(row) for row in selectors.webhooks_of(by)], safe=False)
    body = json_body(request)
    _refuse_jobs(body)
    made = services.create(
        by=by,
        url=text_of(body, "url"),
        watched=_watched(body),
        domains=_domains(body) or list(Domain.values),
        secret=text_of(body, "secret", default=""),
    )
    return JsonResponse({"webhook": _one(made)})


@door("GET", "POST", "DELETE")
def webhook(request: HttpRequest, key: str) -> HttpResponse:
    by = _person(request)
    found = selectors.webhook_for(by, key)
    if request.method == "DELETE":
        services.delete(found, by=by)
        return JsonResponse({})
    if request.method == "POST":
        body = json_body(request)
        _refuse_jobs(body)
        # Clients that leave the watched names as they are send none.
        watched = _watched(body) if body.get("watched") else None
        url = text_of(body, "url") if body.get("url") is not None else None
        secret = text_of(body, "secret", default="") if body.get("secret") is not None else None
        services.update(found, by=by, url=url, watched=watched, domains=_domains(body), secret=secret)
    return JsonResponse({"webhook": _one(selectors.webhook_for(by, key))})


@door("POST")
def switch(request: HttpRequest, key: str, *, on: bool) -> HttpResponse:
    by = _person(request)
    services.switch(selectors.webhook_for(by, key), by=by, on=on)
    return JsonResponse({"webhook": _one(selectors.webhook_for(by, key))})


def _one(found: Webhook) -> dict[str, Any]:
    """As its owner sees it; nobody else ever does."""
    return {
        "id": found.key,
        "url": found.url,
        "watched": [{"type": row.kind, "name": row.name} for row in found.watched.all()],
        "domains": found.domains,
        "secret": services.secret_of(found) or None,
        "disabled": found.is_disabled,
        "disabledReason": found.disabled_reason or None,
        "createdAt": date(found.created_at),
    }


def _person(request: HttpRequest) -> Principal:
    """Webhooks hold secrets: reading them takes the right to change them."""
    by = principal_of(request)
    services.require_person(by)
    return by


def _refuse_jobs(body: dict[str, Any]) -> None:
    if body.get("jobSourceId") is not None or body.get("secrets"):
        raise Invalid(
            "Webhooks of this site do not start jobs.",
            hint="Give `url`; its server can start a job by the Jobs API.",
        )


def _watched(body: dict[str, Any]) -> list[tuple[str, str]]:
    rows = body.get("watched")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Invalid("`watched` must be a list of objects with `type` and `name`.")
    return [(text_of(row, "type"), text_of(row, "name")) for row in rows]


def _domains(body: dict[str, Any]) -> list[str] | None:
    """None when the body says nothing about them."""
    given = body.get("domains")
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(domain, str) for domain in given):
        raise Invalid("`domains` must be a list of texts.")
    return [_OLD_DOMAINS.get(domain, domain) for domain in given]
