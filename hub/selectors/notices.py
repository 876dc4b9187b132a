"""What owners are told."""

from django.db.models import QuerySet

from accounts.models import Namespace
from hub.enums import NoticeKind
from hub.models import Notice, Repository


def unread(namespace: Namespace) -> QuerySet[Notice]:
    """For the people of a name, newest first."""
    return Notice.objects.filter(namespace=namespace, read_at=None).order_by("-id")


def about_training_data(repository: Repository) -> QuerySet[Notice]:
    """What every reader of a repository is told: somebody's data should not have been in it."""
    return repository.notices.filter(kind=NoticeKind.OPT_OUT_DESCENDANT).order_by("-id")
