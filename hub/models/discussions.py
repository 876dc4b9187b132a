"""Discussions and pull requests, and what happened in them."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hub.enums import DiscussionState, EventKind
from hub.git.refs import BRANCH, PULL_REQUEST
from hub.models.objects import LargeObject
from hub.models.repositories import Repository


class Discussion(models.Model):
    """A talk about a repository; a pull request also proposes the commits of `refs/pr/<number>`.

    `target` is the full ref that a pull request is to be merged into, "" for a discussion.
    """

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="discussions")
    number = models.PositiveIntegerField()
    title = models.CharField(_("title"), max_length=200)
    state = models.CharField(max_length=6, choices=DiscussionState, default=DiscussionState.OPEN)
    is_pull_request = models.BooleanField(default=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    target = models.CharField(max_length=300, blank=True)
    merge_commit = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name = _("discussion")
        constraints = [
            models.UniqueConstraint(fields=["repository", "number"], name="discussion_number_once"),
            models.CheckConstraint(name="discussion_state_known", condition=Q(state__in=DiscussionState.values)),
            models.CheckConstraint(
                name="discussion_without_commits_is_open_or_closed",
                condition=Q(is_pull_request=True) | Q(state__in=[DiscussionState.OPEN, DiscussionState.CLOSED]),
            ),
            models.CheckConstraint(
                name="discussion_target_of_pull_requests",
                condition=Q(is_pull_request=False, target="") | (Q(is_pull_request=True) & ~Q(target="")),
            ),
            models.CheckConstraint(
                name="discussion_merge_commit_when_merged",
                condition=(Q(state=DiscussionState.MERGED) & ~Q(merge_commit=""))
                | (~Q(state=DiscussionState.MERGED) & Q(merge_commit="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository}#{self.number}"

    @property
    def ref(self) -> str:
        """Where the commits of a pull request lie."""
        return f"{PULL_REQUEST}{self.number}"

    @property
    def target_name(self) -> str:
        return self.target.removeprefix(BRANCH)

    def get_absolute_url(self) -> str:
        return f"{self.repository.get_absolute_url()}/discussions/{self.number}"


class DiscussionEvent(models.Model):
    """One thing that happened. `text` is that of a comment; `facts` those of the other kinds.

    Facts are `status`, or `from` and `to` of a title, or `subject` and `oid` of a commit.
    """

    discussion = models.ForeignKey(Discussion, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=13, choices=EventKind)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    text = models.TextField(blank=True)
    facts = models.JSONField(default=dict, blank=True)
    # A hidden comment is shown to nobody any more, nor what it said before.
    is_hidden = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("event of a discussion")
        verbose_name_plural = _("events of discussions")
        constraints = [
            models.CheckConstraint(name="event_kind_known", condition=Q(kind__in=EventKind.values)),
            models.CheckConstraint(
                name="event_hidden_is_comment", condition=Q(is_hidden=False) | Q(kind=EventKind.COMMENT)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.discussion_id} {self.kind}"


class CommentEdit(models.Model):
    """What a comment said until somebody changed it."""

    event = models.ForeignKey(DiscussionEvent, models.CASCADE, related_name="edits")
    text = models.TextField()
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    edited_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("edit of a comment")
        verbose_name_plural = _("edits of comments")

    def __str__(self) -> str:
        return f"{self.event_id} {self.edited_at}"


class Attachment(models.Model):
    """A picture that somebody uploaded for a comment, and the first comment of theirs that names it.

    Until then only they see it; from then on whoever sees the comment. It goes with the comment.
    """

    key = models.CharField(max_length=43, unique=True)
    object = models.ForeignKey(LargeObject, models.PROTECT, related_name="attached_as")
    media_type = models.CharField(max_length=20)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="attachments")
    uploaded_at = models.DateTimeField(auto_now_add=True)
    event = models.ForeignKey(DiscussionEvent, models.CASCADE, null=True, blank=True, related_name="attachments")

    class Meta:
        verbose_name = _("attachment")
        indexes = [models.Index(fields=["uploaded_at"], name="attachment_unused", condition=Q(event__isnull=True))]

    def __str__(self) -> str:
        return self.key

    def get_absolute_url(self) -> str:
        return f"/uploads/{self.key}"


class OfferedObject(models.Model):
    """Somebody who may not write to a repository uploaded an object for a pull request to it.

    It proves that this person had the bytes, and gives them to nobody else. When a pull
    request names the object, the repository holds it like any other.
    """

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="objects_offered")
    object = models.ForeignKey(LargeObject, models.PROTECT, related_name="offered_by")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    offered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("offered object")
        constraints = [models.UniqueConstraint(fields=["repository", "object", "user"], name="object_offered_once")]

    def __str__(self) -> str:
        return f"{self.repository_id} {self.object_id} {self.user_id}"
