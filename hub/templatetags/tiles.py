"""Repositories in lists."""

from datetime import datetime
from functools import lru_cache

from django import template
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from hub.models import Repository

register = template.Library()
KEPT = 5000  # tiles; four megabytes


@register.simple_tag
def tile(repository: Repository) -> SafeString:
    """Its entry in a list. The same few repositories stand in most lists: what looks the same is drawn once."""
    facts = (
        repository.get_absolute_url(), repository.full_name, repository.is_private, repository.is_gated,
        repository.pipeline_tag, repository.license, repository.downloads, repository.likes, repository.updated_at,
    )  # fmt: skip
    minutes = int((timezone.now() - repository.updated_at).total_seconds() // 60)
    return _drawn(facts, minutes, get_language())


@lru_cache(maxsize=KEPT)
def _drawn(facts: tuple[str | bool | int | datetime, ...], _minutes: int, _language: str | None) -> SafeString:
    """The age that is shown follows from the date and the minutes since then."""
    names = ("address", "name", "is_private", "is_gated", "task", "licence", "downloads", "likes", "updated_at")
    return render_to_string("hub/card_link.html", dict(zip(names, facts, strict=True)))
