"""What members of staff do not read about proposals in which they have a part, not even in the admin."""

from django.db.models import Q, QuerySet

from accounts.models import Membership, User
from accounts.selectors import namespaces_of
from grants.enums import ProposalState, Track
from grants.models import Proposal, TeamMember


def kept_from(user: User) -> QuerySet[Proposal]:
    """Their own side's and their organisations', and those they judge or stepped aside from: all with which they
    have a conflict. The pages show what they may know of them."""
    shared = Membership.objects.filter(user=user).values("organisation")
    people = Membership.objects.filter(organisation__in=shared).values("user")
    behind = Q(applicant=user) | Q(applicant__in=people) | Q(holder__in=namespaces_of(user).values("pk"))
    members = TeamMember.objects.filter(Q(user=user) | Q(user__in=people), accepted_at__isnull=False)
    own = behind | Q(pk__in=members.values("proposal"))
    numbers = Proposal.objects.filter(own | Q(reviews__reviewer=user), call__track=Track.STANDARD).values("pk")
    return Proposal.objects.filter(pk__in=numbers)


def hidden_in_log(user: User) -> Q:
    """The lines about these proposals: who reviewed, with which score, what was decided; and what their call lost
    while a decision waits for its announcement."""
    proposals = list(kept_from(user).values_list("pk", "call__slug", "state"))
    calls = [f"call:{slug}" for _number, slug, state in proposals if state == ProposalState.DECIDED]
    about = Q(target__in=[f"proposal:{number}" for number, _slug, _state in proposals])
    return about | Q(action="call.budget_taken", target__in=calls)
