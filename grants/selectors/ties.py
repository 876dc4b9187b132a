"""What ties a person to nominations: whoever has a tie neither scores the nomination nor decides its round."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.models import Membership, User
from grants.enums import SubjectKind
from grants.models import Nomination, Proposal, Review, TeamMember
from hub.enums import CreditState
from hub.models import Credit


@dataclass(frozen=True)
class Ties:
    """Of one person, gathered for some nominations at once, in as many queries for one as for a hundred."""

    user_id: int
    organisations: frozenset[int]
    colleagues: frozenset[int]
    teams: dict[int, frozenset[int]]
    reviewed: frozenset[int]
    credited: frozenset[str]

    def conflict(self, nomination: Nomination) -> str:
        """Why this person must not judge it, in words; empty when nothing is known against it."""
        holder = nomination.holder
        team = self.teams.get(proposal_of(nomination), frozenset())
        if nomination.nominator_id == self.user_id:
            return _("You nominated it yourself.")
        if holder.user_id == self.user_id:
            return _("It is your own.")
        if holder.organisation_id in self.organisations:
            return _("It belongs to an organisation of yours.")
        if self.user_id in team:
            return _("You are on its team.")
        if proposal_of(nomination) in self.reviewed:
            return _("You were asked to review this proposal.")
        if nomination.subject in self.credited:
            return _("You are credited as a contributor.")
        if self.colleagues & {nomination.nominator_id, holder.user_id, *team}:
            return _("You share an organisation with its holder, its team or its nominator.")
        return ""


def ties_of(user: User, nominations: Iterable[Nomination]) -> Ties:
    """The nominations come with their `holder`."""
    rows = list(nominations)
    numbers = {proposal_of(row) for row in rows} - {0}
    teams = _teams(numbers)
    people = {row.nominator_id for row in rows} | {row.holder.user_id for row in rows if row.holder.user_id}
    people = people.union(*teams.values()) - {user.pk}
    memberships = Membership.objects.filter(user=user).values_list("organisation_id", flat=True)
    organisations = frozenset(memberships)
    colleagues = Membership.objects.filter(organisation_id__in=organisations, user_id__in=people)
    subjects = {row.subject for row in rows}
    credited = Credit.objects.filter(user=user, state=CreditState.ACCEPTED, version__asset__in=subjects)
    return Ties(
        user_id=user.pk,
        organisations=organisations,
        colleagues=frozenset(colleagues.values_list("user_id", flat=True)),
        teams=teams,
        reviewed=frozenset(
            Review.objects.filter(reviewer=user, proposal_id__in=numbers).values_list("proposal_id", flat=True)
        ),
        credited=frozenset(credited.values_list("version__asset", flat=True)),
    )


def proposal_of(nomination: Nomination) -> int:
    """The number of the nominated proposal, 0 for repositories."""
    return int(nomination.name) if nomination.kind == SubjectKind.PROPOSAL else 0


def _teams(numbers: set[int]) -> dict[int, frozenset[int]]:
    """Applicant and team of each proposal: whoever agreed to be on it, also those who left."""
    members = TeamMember.objects.filter(proposal_id__in=numbers, accepted_at__isnull=False)
    pairs = [
        *Proposal.objects.filter(pk__in=numbers).values_list("pk", "applicant_id"),
        *members.values_list("proposal_id", "user_id"),
    ]
    found: dict[int, set[int]] = {}
    for number, user_id in pairs:
        found.setdefault(number, set()).add(user_id)
    return {number: frozenset(people) for number, people in found.items()}
