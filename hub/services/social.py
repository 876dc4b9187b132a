"""Liking repositories, following people and organisations. Repeating any of it changes nothing."""

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.models import Namespace, User
from accounts.principal import Principal
from common.errors import Forbidden, Invalid, Unauthenticated
from common.services import audit
from hub import rules
from hub.models import Follow, Like, Repository


@transaction.atomic
def like(repository: Repository, *, by: Principal) -> None:
    """Raises Unauthenticated, Forbidden."""
    user = _liking(repository, by)
    _like, created = Like.objects.get_or_create(repository=repository, user=user)
    if created:
        audit.record("repository.liked", str(repository), actor=by)
        _count(repository, 1)


@transaction.atomic
def unlike(repository: Repository, *, by: Principal) -> None:
    """Raises Unauthenticated, Forbidden."""
    user = _liking(repository, by)
    deleted, _rows = Like.objects.filter(repository=repository, user=user).delete()
    if deleted:
        audit.record("repository.unliked", str(repository), actor=by)
        _count(repository, -1)


@transaction.atomic
def follow(namespace: Namespace, *, by: Principal) -> None:
    """Raises Unauthenticated, Forbidden, Invalid for oneself."""
    user = _person(by)
    if namespace.user_id == user.pk:
        raise Invalid(_("You cannot follow yourself."))
    _follow, created = Follow.objects.get_or_create(user=user, namespace=namespace)
    if created:
        audit.record("namespace.followed", f"namespace:{namespace.name}", actor=by)


@transaction.atomic
def unfollow(namespace: Namespace, *, by: Principal) -> None:
    """Raises Unauthenticated, Forbidden."""
    deleted, _rows = Follow.objects.filter(user=_person(by), namespace=namespace).delete()
    if deleted:
        audit.record("namespace.unfollowed", f"namespace:{namespace.name}", actor=by)


def _count(repository: Repository, change: int) -> None:
    """Last of all: the row of a repository that is much liked is held for as short as can be."""
    Repository.objects.filter(pk=repository.pk).update(likes=F("likes") + change)


def _liking(repository: Repository, by: Principal) -> User:
    user = _person(by)
    if not rules.may_like(by, repository):
        raise Forbidden(_("You may not like this repository."))
    return user


def _person(by: Principal) -> User:
    if by.user is None:
        raise Unauthenticated(_("Log in first."), hint=_("Programs send an access token with write scope."))
    if not rules.acts_for_the_person(by):
        raise Forbidden(
            _("This credential does not act for the whole person."),
            hint=_("Log in, or use an access token with write scope that is not bound to one name."),
        )
    return by.user
