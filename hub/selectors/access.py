"""Who may have the contents of a gated repository. Every door that lets contents out asks here.

That a gated repository exists, its card, the names and sizes of its files and its history may be
seen by whoever sees the repository; the bytes of files only by those who were let in, by the
members of its owner and by staff. A token counts as its person, whatever name it is bound to:
so what a job may download is what its submitter may. A token of chosen permissions also needs
the one for gated repositories.
"""

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import Permission, Role
from accounts.models import User
from accounts.principal import Principal
from accounts.selectors import namespaces_of, reachable_namespaces, role_in, single_repositories
from common.errors import NotFound
from hub.algorithms import gate_forms
from hub.algorithms.gate_forms import FormInvalid, GateForm
from hub.enums import AccessState, GateMode, OverduePolicy
from hub.errors import GatedRepository
from hub.models import AccessEvent, AccessRequest, Gate, Repository, Terms
from hub.selectors.repositories import repositories_visible_to


def contents_open_to(principal: Principal) -> QuerySet[Repository]:
    """The repositories whose contents this person may have."""
    visible = repositories_visible_to(principal)
    if principal.is_staff:
        return visible
    opened = Q(gated=GateMode.OPEN)
    if principal.user is not None:
        let_in = AccessRequest.objects.filter(user=principal.user, state=AccessState.ACCEPTED)
        own = namespaces_of(principal.user).order_by().values("pk")
        opened |= (Q(namespace__in=own) | Q(pk__in=let_in.values("repository"))) & _reach(principal)
    return visible.filter(opened)


def has_contents(principal: Principal, repository: Repository) -> bool:
    """The same for one repository, of which the caller has checked that the person may see it."""
    if not repository.is_gated or principal.is_staff:
        return True
    if principal.user is None or not _reaches(principal, repository):
        return False
    if role_in(principal.user, repository.namespace) is not None:
        return True
    let_in = AccessRequest.objects.filter(repository=repository, user=principal.user, state=AccessState.ACCEPTED)
    return let_in.exists()


def _reaches(principal: Principal, repository: Repository) -> bool:
    if not principal.is_fine_grained:
        return True
    return principal.allows(Permission.GATED_READ, repository.namespace, repository.reference)


def _reach(principal: Principal) -> Q:
    """The same as a filter."""
    if not principal.is_fine_grained or principal.allows(Permission.GATED_READ):
        return Q()
    names = reachable_namespaces(principal, Permission.GATED_READ).order_by().values("pk")
    found = Q(namespace__in=names)
    for reference in single_repositories(principal, Permission.GATED_READ):
        kind, _colon, full_name = reference.partition(":")
        owner, _slash, name = full_name.partition("/")
        found |= Q(kind=kind, namespace__name__iexact=owner, name__iexact=name)
    return found


def require_contents(principal: Principal, repository: Repository) -> None:
    """Raises GatedRepository."""
    if not has_contents(principal, repository):
        raise GatedRepository(repository, anonymous=principal.is_anonymous)


def gate_of(repository: Repository) -> Gate:
    """Its settings; the defaults, unsaved, when nobody changed them."""
    return Gate.objects.filter(repository=repository).first() or Gate(repository=repository)


def form_of(repository: Repository, gate: Gate | None = None) -> GateForm:
    """What those who want in are asked: each part from the settings, else from the card."""
    gate = gate or gate_of(repository)
    card = gate_forms.of_card(repository.card)
    try:
        questions = gate_forms.read_questions(gate.form) if gate.form.strip() else card.questions
    except FormInvalid:
        questions = card.questions
    return GateForm(
        heading=gate.heading or card.heading,
        prompt=gate.prompt or card.prompt,
        button=gate.button or card.button,
        questions=questions,
    )


def terms_of(repository: Repository) -> Terms | None:
    """The text that counts now; None when there is none, or it was taken back."""
    newest = Terms.objects.filter(repository=repository).order_by("-version").first()
    return newest if newest is not None and newest.text else None


def request_of(user: User | None, repository: Repository) -> AccessRequest | None:
    if user is None:
        return None
    return _requests().filter(repository=repository, user=user).first()


def requests_for(repository: Repository, states: Iterable[str]) -> QuerySet[AccessRequest]:
    """Those of one repository, the oldest first. The caller has checked that the asker may decide."""
    return _requests().filter(repository=repository, state__in=list(states)).order_by("pk")


def request_numbered(repository: Repository, pk: int) -> AccessRequest:
    """Raises NotFound."""
    found = _requests().filter(repository=repository, pk=pk).first() if pk < 2**63 else None
    if found is None:
        raise NotFound(_("There is no such request."), hint=_("Look for it in the list of requests."))
    return found


def events_of(request: AccessRequest) -> QuerySet[AccessEvent]:
    return AccessEvent.objects.filter(request=request).select_related("by").order_by("pk")


def requests_of(user: User) -> QuerySet[AccessRequest]:
    """All that a person ever asked for or was granted, the newest first."""
    return _requests().filter(user=user).order_by("-pk")


def requests_to_decide(principal: Principal) -> QuerySet[AccessRequest]:
    """Those that wait for this person, the most urgent first: of names they administer, of
    repositories whose writers may decide, and appeals against what somebody else decided."""
    user = principal.user
    if user is None or not principal.may_manage:
        return AccessRequest.objects.none()
    administered = _names_of(principal, Role.ADMIN)
    written = _names_of(principal, Role.WRITE)
    by_role = Q(repository__namespace__in=administered) | Q(
        repository__namespace__in=written, repository__gate__writers_decide=True
    )
    appeal_by_role = Q(repository__namespace__in=administered, repository__namespace__organisation__isnull=False)
    mine = Q(state=AccessState.PENDING) & by_role
    if principal.is_staff:
        appeal_by_role |= Q(pk__isnull=False)
    not_mine = ~Q(decided_by=user) | Q(decided_by__isnull=True)
    appeals = Q(state=AccessState.APPEALED) & appeal_by_role & not_mine & ~Q(user=user)
    return _requests().filter(mine | appeals).order_by("due_at", "pk")


def overdue_requests() -> QuerySet[AccessRequest]:
    """Requests whose deadline is over and about which a rule decides; appeals never are."""
    late = AccessRequest.objects.filter(state=AccessState.PENDING, due_at__lt=timezone.now())
    ruled = late.filter(repository__gate__overdue__in=[OverduePolicy.ACCEPT, OverduePolicy.REJECT])
    return ruled.exclude(repository__gated=GateMode.OPEN).order_by("pk")


def _requests() -> QuerySet[AccessRequest]:
    return AccessRequest.objects.select_related(
        "user", "decided_by", "terms", "repository__namespace", "repository__gate"
    )


def _names_of(principal: Principal, role: Role) -> QuerySet:
    """Primary keys of the names where the person has at least this role and their token reaches."""
    assert principal.user is not None
    names = namespaces_of(principal.user, at_least=role).order_by()
    if principal.token is not None and principal.token.namespace_id is not None:
        names = names.filter(pk=principal.token.namespace_id)
    return names.values("pk")
