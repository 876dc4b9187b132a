"""What owners are told."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from accounts.rules import may_read_namespace
from common.errors import NotFound
from hub.enums import NoticeKind
from hub.models import Notice, Repository


def unread(namespace: Namespace) -> QuerySet[Notice]:
    """For the people of a name, newest first."""
    return Notice.objects.filter(namespace=namespace, read_at=None).order_by("-id")


def notice_for(principal: Principal, number: int) -> Notice:
    """One that people of this name may read. Raises NotFound."""
    found = Notice.objects.select_related("namespace").filter(pk=number).first()
    if found is None or not may_read_namespace(principal, found.namespace):
        raise NotFound(_("There is no such notice, or it is not yours."))
    return found


def about_training_data(repository: Repository) -> QuerySet[Notice]:
    """What every reader of a repository is told: somebody's data should not have been in it."""
    return repository.notices.filter(kind=NoticeKind.OPT_OUT_DESCENDANT).order_by("-id")
