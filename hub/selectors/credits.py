"""Who made a version, who is said to have, who sponsored it, and what is disputed."""

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Lower

from accounts.models import User
from accounts.principal import Principal
from hub.enums import CreditState, DisputeState
from hub.models import Credit, CreditCorrection, Dispute, DisputeEvent, Mention, Repository, Sponsor, Version
from hub.selectors.repositories import repositories_visible_to

ALIVE = [state for state in DisputeState if state.is_alive]


def accepted_credits(version: Version) -> QuerySet[Credit]:
    return version.credits.filter(state=CreditState.ACCEPTED).order_by("position", "id")


def credits_of(version: Version) -> QuerySet[Credit]:
    """In their order; those who declined are not named."""
    alive = Dispute.objects.filter(credit=OuterRef("pk"), state__in=ALIVE)
    rows = version.credits.exclude(state=CreditState.DECLINED).select_related("user", "mention")
    return rows.annotate(is_disputed=Exists(alive)).order_by("position", "id")


def corrections_of(version: Version) -> list[CreditCorrection | Credit]:
    """The credits as the last decided dispute left them, and who agreed since; empty when none changed them."""
    rows = CreditCorrection.objects.filter(dispute__version=version).select_related("user", "dispute")
    last = rows.order_by("-dispute__decided_at", "-dispute_id").first()
    if last is None:
        return []
    corrected = list(rows.filter(dispute=last.dispute_id).order_by("position", "id"))
    since = accepted_credits(version).filter(answered_at__gt=last.dispute.decided_at).select_related("user")
    return [*corrected, *since.exclude(user__in=[row.user_id for row in corrected])]


def contributors_of(version: Version) -> list[tuple[int, int]]:
    """(person, points) of whoever shares in what a version earns."""
    if corrected := corrections_of(version):
        return [(row.user_id, row.points) for row in corrected]
    return list(accepted_credits(version).values_list("user_id", "points"))


def credits_awaiting(user: User) -> QuerySet[Credit]:
    """What a person was named for and has not answered yet."""
    return Credit.objects.filter(user=user, state=CreditState.ASKED).select_related("version__repository__namespace")


def mentions_of(version: Version) -> QuerySet[Mention]:
    """People who were named from outside and have not claimed it."""
    return version.mentions.filter(credit__isnull=True).order_by("position", "id")


def mentions_to_claim(principal: Principal) -> QuerySet[Mention]:
    """Where a person is named by the ORCID iD that is confirmed to be theirs, as far as they may see it."""
    user = principal.user
    if user is None or not user.orcid or user.orcid_verified_at is None:
        return Mention.objects.none()
    named = Mention.objects.filter(orcid=user.orcid, credit__isnull=True)
    visible = named.filter(version__repository__in=repositories_visible_to(principal))
    return visible.exclude(version__credits__user=user).select_related("version__repository__namespace")


def sponsors_of(version: Version) -> QuerySet[Sponsor]:
    return version.sponsors.order_by("id")


def disputes_of(repository: Repository) -> QuerySet[Dispute]:
    """About any version, newest first. Who sees the repository sees them."""
    rows = Dispute.objects.filter(version__repository=repository)
    return rows.select_related("version", "opened_by", "credit__user", "edge").order_by("-id")


def events_of(dispute: Dispute) -> QuerySet[DisputeEvent]:
    return dispute.events.select_related("by").order_by("id")


def users_named(names: list[str]) -> QuerySet[User]:
    """People by user name, without regard to case."""
    return User.objects.alias(key=Lower("username")).filter(key__in=[name.lower() for name in names])


def parties_of(dispute: Dispute) -> set[int]:
    """Who has to agree for a settlement: everybody who shares in the version, and who opened the dispute."""
    return {person for person, _points in contributors_of(dispute.version)} | {dispute.opened_by_id}
