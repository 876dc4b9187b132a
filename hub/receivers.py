"""What the hub does about its own events, after the commit that caused them."""

from typing import Any

from django.db import transaction

from accounts.models import Namespace, User
from common.services.outbox import receiver
from hub import tasks
from hub.models import Discussion, DiscussionEvent, Repository
from hub.services import versions, weights
from hub.services.announcements import (
    Happening,
    Subject,
    announce,
    comment_facts,
    discussion_facts,
    follow_move,
    subject_of,
)

Payload = dict[str, Any]


@receiver("repository.committed")
def record_version(payload: Payload) -> None:
    """A commit to the default branch may be a new version."""
    repository = Repository.objects.filter(pk=payload["repository"]).first()
    if repository is None or not payload["is_default"]:
        return
    user = User.objects.filter(pk=payload["actor"]).first() if payload["actor"] else None
    reference = payload["reference"]
    job = reference if reference.startswith("job:") else ""
    versions.record_version(repository, payload["commit"], user=user, job=job)


@receiver("repository.updated")
def record_weights(payload: Payload) -> None:
    """The weights may have changed; their headers are read where nobody waits for it."""
    repository = Repository.objects.filter(pk=payload["repository"]).first()
    if repository is not None:
        weights.record(repository)


@receiver("repository.committed")
def scan_new_files(payload: Payload) -> None:
    """Inspections take long, so they are a task of their own; if its message is lost, `tidy` sees to it."""
    transaction.on_commit(lambda: tasks.scan.delay(payload["repository"], payload["ref"]), robust=True)


@receiver("repository.created")
def tell_created(payload: Payload) -> None:
    _tell(_subject(payload), Happening(f"repository.created:{payload['repository']}", "create", "repo"))


@receiver("repository.committed")
def tell_committed(payload: Payload) -> None:
    ref, commit = payload["ref"], payload["commit"]
    event = f"repository.committed:{payload['repository']}:{ref}:{commit}"
    _tell_ref(payload, event, ref, before=payload.get("before"), new=commit)


@receiver("branch.deleted")
def tell_branch_deleted(payload: Payload) -> None:
    _tell_ref(payload, f"branch.deleted:{payload['branch']}", payload["ref"], before=payload["before"], new=None)


@receiver("ref.moved")
def tell_ref(payload: Payload) -> None:
    _tell_ref(payload, payload["event"], payload["ref"], before=payload["before"], new=payload["commit"])


@receiver("repository.settings")
def tell_settings(payload: Payload) -> None:
    happening = Happening(payload["event"], "update", "repo.config", {"updatedConfig": payload["changed"]})
    _tell(_subject(payload), happening)


@receiver("repository.moved")
def tell_moved(payload: Payload) -> None:
    """Told to those who watch the old name or the new one; from then on the former watch the new one."""
    repository = _repository(payload)
    if repository is None:
        return
    subject = subject_of(repository)
    before = payload["before"]
    owner = before.partition("/")[0]
    moved = {"movedTo": {"name": payload["after"], "owner": {"id": f"{repository.namespace_id:024x}"}}}
    happening = Happening(payload["event"], "move", "repo", moved)
    _tell(subject, happening, also={(repository.kind, before), ("user", owner), ("org", owner)})
    follow_move(repository, before)


@receiver("repository.deleted")
def tell_deleted(payload: Payload) -> None:
    namespace = Namespace.objects.filter(pk=payload.get("namespace")).first()
    if namespace is None:
        return
    subject = Subject(
        pk=payload["repository"],
        kind=payload["kind"],
        full_name=payload["full_name"],
        namespace=namespace,
        is_private=payload["private"],
        head=payload["head"],
        tags=payload["tags"],
    )
    _tell(subject, Happening(f"repository.deleted:{subject.pk}", "delete", "repo"))


@receiver("discussion.opened")
def tell_opened(payload: Payload) -> None:
    _tell_discussion(payload, "create", "discussion")


@receiver("discussion.commented")
def tell_commented(payload: Payload) -> None:
    _tell_discussion(payload, "create", "discussion.comment")


@receiver("discussion.comment_edited")
def tell_edited(payload: Payload) -> None:
    _tell_discussion(payload, "update", "discussion.comment")


@receiver("discussion.comment_hidden")
def tell_hidden(payload: Payload) -> None:
    _tell_discussion(payload, "update", "discussion.comment")


@receiver("discussion.renamed")
def tell_renamed(payload: Payload) -> None:
    _tell_discussion(payload, "update", "discussion")


@receiver("discussion.status_changed")
def tell_status(payload: Payload) -> None:
    _tell_discussion(payload, "update", "discussion")


@receiver("discussion.merged")
def tell_merged(payload: Payload) -> None:
    _tell_discussion({"key": f"discussion.merged:{payload['discussion']}"} | payload, "update", "discussion")


def _tell_ref(payload: Payload, event: str, ref: str, *, before: str | None, new: str | None) -> None:
    moved = {"updatedRefs": [{"ref": ref, "oldSha": before, "newSha": new}]}
    _tell(_subject(payload), Happening(event, "update", "repo.content", moved))


def _tell_discussion(payload: Payload, action: str, scope: str) -> None:
    discussion = Discussion.objects.select_related("repository__namespace").filter(pk=payload["discussion"]).first()
    if discussion is None:
        return
    subject = subject_of(discussion.repository)
    more = {"discussion": discussion_facts(discussion, subject)}
    if "comment" in payload:
        comment = DiscussionEvent.objects.get(pk=payload["comment"])
        more["comment"] = comment_facts(comment, discussion, subject)
    _tell(subject, Happening(payload["key"], action, scope, more))


def _tell(subject: Subject | None, happening: Happening, *, also: set[tuple[str, str]] | None = None) -> None:
    """Nothing for a repository that is gone by now: its deletion is told of by itself."""
    if subject is not None and announce(subject, happening, also=also):
        transaction.on_commit(tasks.send_webhooks.delay, robust=True)


def _subject(payload: Payload) -> Subject | None:
    repository = _repository(payload)
    return subject_of(repository) if repository is not None else None


def _repository(payload: Payload) -> Repository | None:
    return Repository.objects.select_related("namespace").filter(pk=payload["repository"]).first()
