"""Who made a version, who is said to have, who sponsored it, and what is disputed."""

from typing import TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from common.errors import NotFound
from hub.enums import CreditState, DisputeState
from hub.models import Credit, CreditCorrection, Dispute, DisputeEvent, Mention, Repository, Sponsor, Version
from hub.selectors.repositories import repositories_visible_to

Row = TypeVar("Row", Credit, Mention)
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


def credit_for(user: User, number: int) -> Credit:
    """One's own, to answer. Raises NotFound."""
    return _there(Credit.objects.filter(pk=number, user=user).first())


def credit_in(repository: Repository, number: int) -> Credit:
    """Of any version of it. Raises NotFound."""
    rows = Credit.objects.filter(pk=number, version__repository=repository)
    return _there(rows.select_related("version__repository__namespace", "user").first())


def mention_for(principal: Principal, number: int) -> Mention:
    """In a repository that the person may see. Raises NotFound."""
    rows = Mention.objects.filter(pk=number, version__repository__in=repositories_visible_to(principal))
    return _there(rows.select_related("version__repository__namespace").first())


def _there(found: Row | None) -> Row:
    if found is None:
        raise NotFound(_("There is no such credit, or it is not yours to see."))
    return found


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
    return _with_facts(Dispute.objects.filter(version__repository=repository))


def disputes_concerning(user: User) -> QuerySet[Dispute]:
    """Those that a person opened, or that are about a version which credits or credited them; newest first."""
    credited = Credit.objects.filter(user=user, state=CreditState.ACCEPTED).values("version")
    corrected = CreditCorrection.objects.filter(user=user).values("dispute__version")
    rows = Dispute.objects.filter(Q(opened_by=user) | Q(version__in=credited) | Q(version__in=corrected))
    return _with_facts(rows)


def disputes_to_decide() -> QuerySet[Dispute]:
    """For staff: those that are alive, the oldest first."""
    return _with_facts(Dispute.objects.filter(state__in=ALIVE)).order_by("id")


def dispute_for(principal: Principal, number: int) -> Dispute:
    """For who sees the repository; for staff and whoever it concerns also when that is gone. Raises NotFound."""
    rows = _with_facts(Dispute.objects.filter(pk=number)) if number < 2**63 else Dispute.objects.none()
    found = rows.first()
    if found is not None and not principal.is_staff:
        about = rows.filter(version__repository__in=repositories_visible_to(principal))
        mine = principal.user is not None and disputes_concerning(principal.user).filter(pk=number).exists()
        found = found if mine or about.exists() else None
    if found is None:
        raise NotFound(_("There is no such dispute."), hint=_("See /disputes for those that concern you."))
    return found


def _with_facts(rows: QuerySet[Dispute]) -> QuerySet[Dispute]:
    rows = rows.select_related("version__repository__namespace", "opened_by", "credit__user", "edge")
    return rows.order_by("-id")


def events_of(dispute: Dispute) -> QuerySet[DisputeEvent]:
    return dispute.events.select_related("by").order_by("id")


def people_by_id(keys: set[int]) -> dict[int, User]:
    return User.objects.in_bulk(keys)


def users_named(names: list[str]) -> QuerySet[User]:
    """People by user name, without regard to case."""
    return User.objects.alias(key=Lower("username")).filter(key__in=[name.lower() for name in names])


def parties_of(dispute: Dispute) -> set[int]:
    """Who has to agree for a settlement: everybody who shares in the version, and who opened the dispute."""
    return {person for person, _points in contributors_of(dispute.version)} | {dispute.opened_by_id}
