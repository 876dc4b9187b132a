"""What happened to a repository, told to the webhooks that watch it: one delivery for each, once per event.

Nobody is told what they may not read: it is asked here, and again when the delivery leaves.
"""

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Lower

from accounts.models import Namespace
from common.services import audit
from hub.enums import Domain
from hub.models import Discussion, DiscussionEvent, Repository, WatchedName, Webhook, WebhookDelivery
from hub.selectors.webhooks import may_hear, watching

_NOBODY = "0" * 24


@dataclass(frozen=True)
class Subject:
    """A repository as an event finds it, or as it was when it was deleted."""

    pk: int
    kind: str
    full_name: str
    namespace: Namespace
    is_private: bool
    head: str
    tags: list[str]

    @property
    def address(self) -> str:
        prefix = "" if self.kind == "model" else f"{self.kind}s/"
        return f"{settings.BASE_URL}/{prefix}{self.full_name}"

    @property
    def names(self) -> set[tuple[str, str]]:
        """What a webhook may watch to hear of it."""
        owner = self.full_name.partition("/")[0]
        return {(self.kind, self.full_name), ("user", owner), ("org", owner)}


@dataclass(frozen=True)
class Happening:
    """An event in the protocol's words. `event` is its key: told twice, it is delivered once."""

    event: str
    action: str
    scope: str
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def domain(self) -> Domain:
        return Domain.DISCUSSION if self.scope.startswith("discussion") else Domain.REPO


def subject_of(repository: Repository) -> Subject:
    return Subject(
        pk=repository.pk,
        kind=repository.kind,
        full_name=repository.full_name,
        namespace=repository.namespace,
        is_private=repository.is_private,
        head=repository.head,
        tags=repository.tags,
    )


@transaction.atomic
def announce(subject: Subject, happening: Happening, *, also: set[tuple[str, str]] | None = None) -> int:
    """Write the deliveries; returns how many webhooks watch it and may hear of it."""
    rows = [
        WebhookDelivery(
            webhook=webhook,
            event=happening.event,
            action=happening.action,
            scope=happening.scope,
            repository=subject.pk,
            namespace=subject.namespace,
            was_private=subject.is_private,
            repository_name=subject.full_name,
            payload=_payload(webhook.key, subject, happening),
        )
        for webhook in watching(happening.domain, subject.names | (also or set()))
        if may_hear(webhook.user, subject.namespace, is_private=subject.is_private)
    ]
    WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


@dataclass(frozen=True)
class News:
    """What one webhook is told without watching anything. `event` is its key: told twice, it is delivered once."""

    event: str
    scope: str
    about: str
    facts: dict[str, Any]


def tell(webhook: Webhook, news: News) -> None:
    """Write a delivery about its owner's own affairs; it leaves, is repeated and logged like all others."""
    row = WebhookDelivery(
        webhook=webhook,
        event=news.event,
        action="update",
        scope=news.scope,
        repository=0,
        namespace=webhook.user.namespace,
        was_private=True,
        repository_name=news.about,
        payload={
            "event": {"action": "update", "scope": news.scope},
            **news.facts,
            "webhook": {"id": webhook.key, "version": 3},
        },
    )
    WebhookDelivery.objects.bulk_create([row], ignore_conflicts=True)


@transaction.atomic
def follow_move(repository: Repository, before: str) -> None:
    """Webhooks that watch the old name of a repository watch its new one, if their owner may see it."""
    rows = WatchedName.objects.annotate(lower=Lower("name")).filter(kind=repository.kind, lower=before.lower())
    for row in rows.select_related("webhook__user").select_for_update(of=("self",)):
        hears = may_hear(row.webhook.user, repository.namespace, is_private=repository.is_private)
        known = row.webhook.watched.filter(kind=repository.kind, name__iexact=repository.full_name)
        if hears and not known.exclude(pk=row.pk).exists():
            row.name = repository.full_name
            row.save(update_fields=["name"])
            audit.record("webhook.followed_move", str(row.webhook), before=before, after=repository.full_name)


def discussion_facts(discussion: Discussion, subject: Subject) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "id": f"{discussion.pk:024x}",
        "num": discussion.number,
        "title": discussion.title,
        "status": discussion.state,
        "isPullRequest": discussion.is_pull_request,
        "author": _person(discussion.author_id),
        "url": {
            "web": f"{subject.address}/discussions/{discussion.number}",
            "api": f"{_api(subject)}/discussions/{discussion.number}",
        },
    }
    if discussion.is_pull_request:
        facts["changes"] = {"base": discussion.target}
        if discussion.merge_commit:
            facts["changes"]["mergeCommitId"] = discussion.merge_commit
    return facts


def comment_facts(comment: DiscussionEvent, discussion: Discussion, subject: Subject) -> dict[str, Any]:
    """Without the words of a hidden comment."""
    facts = {
        "id": f"{comment.pk:024x}",
        "author": _person(comment.author_id),
        "hidden": comment.is_hidden,
        "url": {"web": f"{subject.address}/discussions/{discussion.number}#comment-{comment.pk}"},
    }
    return facts if comment.is_hidden else facts | {"content": comment.text}


def _payload(webhook: str, subject: Subject, happening: Happening) -> dict[str, Any]:
    """Version 3 of the protocol's payload."""
    return {
        "event": {"action": happening.action, "scope": happening.scope},
        "repo": {
            "type": subject.kind,
            "name": subject.full_name,
            "id": f"{subject.pk:024x}",
            "private": subject.is_private,
            "url": {"web": subject.address, "api": _api(subject)},
            "headSha": subject.head,
            "tags": subject.tags,
            "owner": {"id": f"{subject.namespace.pk:024x}"},
        },
        "webhook": {"id": webhook, "version": 3},
    } | happening.more


def _api(subject: Subject) -> str:
    return f"{settings.BASE_URL}/api/{subject.kind}s/{subject.full_name}"


def _person(user: int | None) -> dict[str, str]:
    return {"id": _NOBODY if user is None else f"{user:024x}"}
