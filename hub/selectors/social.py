"""Likes and follows, as far as the person who asks may see what they are about."""

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import Namespace, User
from accounts.principal import Principal
from hub.models import Discussion, Follow, Like, Repository
from hub.selectors.repositories import repositories_visible_to


@dataclass(frozen=True)
class Standing:
    """How a name stands with others, and with who asks."""

    followers: int
    is_followed: bool


def likers_of(repository: Repository) -> QuerySet[Like]:
    """Who likes it, latest first. The caller has checked that the repository may be read."""
    return Like.objects.filter(repository=repository).select_related("user").order_by("-id")


def likes_of(user: User, principal: Principal) -> QuerySet[Like]:
    """What a person likes, latest first, without what is hidden from who asks."""
    rows = Like.objects.filter(user=user, repository__in=repositories_visible_to(principal))
    return rows.select_related("repository__namespace").order_by("-id")


def likes(principal: Principal, repository: Repository) -> bool:
    return principal.user is not None and Like.objects.filter(user=principal.user, repository=repository).exists()


def followers_of(namespace: Namespace) -> QuerySet[Follow]:
    return Follow.objects.filter(namespace=namespace).select_related("user").order_by("-id")


def following_of(user: User) -> QuerySet[Follow]:
    """Whom a person follows: people and organisations, latest first."""
    rows = Follow.objects.filter(user=user).select_related("namespace__user", "namespace__organisation")
    return rows.order_by("-id")


def standing_of(namespace: Namespace, principal: Principal) -> Standing:
    followers = Follow.objects.filter(namespace=namespace)
    is_followed = principal.user is not None and followers.filter(user=principal.user).exists()
    return Standing(followers.count(), is_followed)


def discussions_by(user: User, principal: Principal) -> QuerySet[Discussion]:
    """What a person opened, without what is hidden from who asks."""
    return Discussion.objects.filter(author=user, repository__in=repositories_visible_to(principal))
