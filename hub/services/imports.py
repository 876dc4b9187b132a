"""Imports as people steer them: asked for, confirmed, paused, cancelled, repeated. The work is in importing.py."""

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace, User
from accounts.principal import Principal
from common import outgoing, sealing
from common.errors import Conflict, Forbidden, Invalid, Unauthenticated
from common.services import audit
from hub import rules
from hub.algorithms.import_sources import SourceAddress, is_revision, parse_source
from hub.enums import IMPORT_MOVES, ImportReason, ImportSchedule, ImportState, RepositoryKind, Visibility
from hub.git import incoming
from hub.git.refs import BRANCH, TAG
from hub.git.repositories import open_repository
from hub.models import Import, Repository
from hub.selectors.repositories import repository_named
from hub.services import refs
from hub.services.locks import lock_name
from hub.services.repositories import RepositoryExists, check_name, default_visibility

MAX_UNDER_WAY = 20  # of one person
MIN_STATEMENT, MAX_STATEMENT, MAX_TOKEN = 20, 2000, 500
_KINDS = {RepositoryKind.MODEL.value, RepositoryKind.DATASET.value}
_PURPOSE = "import tokens"


@transaction.atomic
def create(
    source: str,
    namespace: Namespace,
    name: str = "",
    *,
    by: Principal,
    kind: str = RepositoryKind.MODEL,
    revision: str = "",
    token: str = "",
    visibility: Visibility | str | None = None,
    schedule: ImportSchedule | str = ImportSchedule.NONE,
    statement: str = "",
) -> Import:
    """Bring a repository of another hub here, under a name that is free: all of it, or the files of one revision.

    Nothing is asked of the source yet: a worker does that. Raises Unauthenticated, Forbidden,
    Invalid, RepositoryExists, Conflict.
    """
    user = _require_person(by)
    address = _checked_source(source, kind)
    name = (name or address.name.rpartition("/")[2]).strip()
    if not rules.may_create(by, namespace):
        raise Forbidden(_("You may not create repositories under %(name)s.") % {"name": namespace.name})
    check_name(name)
    full_name = f"{namespace.name}/{name}"
    lock_name(address.kind, full_name)
    taken = repository_named(address.kind, full_name)
    if taken is not None:
        raise RepositoryExists(taken)
    if _under_way().filter(namespace=namespace, kind=address.kind, name__iexact=name, repository=None).exists():
        raise Conflict(_("An import under this name is under way."), hint=_("Wait for it, or cancel it."))
    if _under_way().filter(created_by=user).count() >= MAX_UNDER_WAY:
        raise Conflict(_("You have %(most)s imports under way, which is the limit.") % {"most": MAX_UNDER_WAY})
    revision = revision or address.revision
    made = Import.objects.create(
        created_by=user,
        endpoint=address.endpoint,
        kind=address.kind,
        source_name=address.name,
        revision=_checked_revision(revision) if revision else "",
        has_history=False if revision else None,
        sealed_token=_sealed(token),
        namespace=namespace,
        name=name,
        visibility=_checked_visibility(visibility, namespace),
        schedule=_checked_schedule(schedule),
        statement=_checked_statement(statement) if statement.strip() else "",
    )
    facts = {"source": made.source_url, "copy": full_name, "statement": made.statement}
    audit.record("import.created", str(made), actor=by, **facts)
    return made


@transaction.atomic
def confirm(found: Import, statement: str, *, by: Principal) -> Import:
    """Say why copies are allowed although the licence does not clearly say so; then it goes on."""
    found = _locked(found, by)
    if found.reason != ImportReason.LICENCE_UNCLEAR:
        raise Conflict(_("Nothing is asked about its licence."))
    found.statement = _checked_statement(statement)
    _queue(found)
    audit.record("import.confirmed", str(found), actor=by, statement=found.statement, licence=found.licence)
    return found


@transaction.atomic
def run_now(found: Import, *, by: Principal) -> Import:
    """Go on, try again, or look for something new.

    After commits of others here it goes on top of them; where it brings the history it sets them aside,
    on branches of their own, and follows the source again.
    """
    found = _locked(found, by)
    if found.reason == ImportReason.LICENCE_UNCLEAR and not found.statement:
        raise Conflict(_("Say first why copies are allowed."))
    if found.repository is not None and found.reason == ImportReason.DIVERGED:
        if found.has_history:
            _set_aside(found, found.repository, by)
        found.local_commit = found.repository.head
    _queue(found)
    audit.record("import.run", str(found), actor=by)
    return found


@transaction.atomic
def pause(found: Import, *, by: Principal) -> Import:
    found = _locked(found, by)
    move(found, ImportState.PAUSED)
    found.claimed_until = None
    found.save()
    audit.record("import.paused", str(found), actor=by)
    return found


@transaction.atomic
def cancel(found: Import, *, by: Principal) -> Import:
    """Stop it. What was copied before stays, and it does not look at its source again."""
    found = _locked(found, by)
    move(found, ImportState.CANCELLED)
    found.claimed_until = None
    found.schedule = ImportSchedule.NONE
    found.sealed_token = ""
    found.save()
    audit.record("import.cancelled", str(found), actor=by)
    return found


@transaction.atomic
def set_schedule(found: Import, schedule: ImportSchedule | str, *, by: Principal) -> Import:
    """How often it looks at its source; once: the mirror ends and its files stay."""
    found = _locked(found, by)
    found.schedule = _checked_schedule(schedule)
    found.save()
    audit.record("import.schedule", str(found), actor=by, schedule=str(found.schedule))
    return found


def move(found: Import, state: ImportState, reason: ImportReason | str = "", detail: str = "") -> None:
    """The only function that changes a state. Raises Conflict for a move that the table does not have."""
    before = ImportState(found.state)
    if state not in IMPORT_MOVES[before]:
        raise Conflict(_("It is %(state)s.") % {"state": before.label}, hint=_("Reload the page to see what changed."))
    found.state, found.reason, found.detail = state, reason, detail[:500]


def token_of(found: Import) -> str:
    """The token for the source, to be sent to it and shown to nobody."""
    return sealing.unseal(found.sealed_token, purpose=_PURPOSE)


def _set_aside(found: Import, repository: Repository, by: Principal) -> None:
    """Keep what was changed here under another name; from then on the source may take the old one."""
    here = incoming.targets(open_repository(repository.path))
    for ref in found.diverged:
        if ref not in here:
            continue
        is_tag = ref.startswith(TAG)
        name = f"kept/{ref.removeprefix(BRANCH).removeprefix(TAG)}-{here[ref][:10]}"
        if is_tag and f"{TAG}{name}" not in here:
            refs.create_tag(repository, name, by=by, revision=ref)
        elif not is_tag:
            refs.create_branch(repository, name, by=by, start=ref, exist_ok=True)
        found.refs[ref] = here[ref]
    found.diverged = []


def _under_way() -> QuerySet[Import]:
    return Import.objects.filter(state__in=[state for state in ImportState if state.is_active or state == "paused"])


def _queue(found: Import) -> None:
    move(found, ImportState.QUEUED)
    found.tries = 0
    found.next_run_at = timezone.now()
    found.save()


def _locked(found: Import, by: Principal) -> Import:
    found = (
        Import.objects.select_for_update(of=("self",))
        .select_related("repository__namespace", "namespace")
        .get(pk=found.pk)
    )
    user = _require_person(by)
    home = found.repository.namespace if found.repository is not None else found.namespace
    if found.created_by_id != user.pk or not rules.may_create(by, home):
        raise Forbidden(_("This import belongs to somebody else."))
    return found


def _require_person(by: Principal) -> User:
    """An import goes on when the credential is gone, so it takes one that may do all that its person may."""
    if by.user is None:
        raise Unauthenticated(_("Log in first."))
    if not by.may_manage:
        raise Forbidden(
            _("Imports are steered by their person."), hint=_("Log in, or use an access token with write scope.")
        )
    return by.user


def _checked_source(text: str, kind: str) -> SourceAddress:
    if not settings.IMPORT_SOURCES:
        raise Forbidden(_("This site imports from no other hub."))
    if kind not in _KINDS:
        raise Invalid(_("Models and data sets can be imported."))
    found = parse_source(text, endpoint=settings.IMPORT_SOURCES[0], kind=kind)
    if found is None:
        raise Invalid(
            _("This is not the address of a model or data set."),
            hint=_("Paste the address of its page, or its name as owner/name."),
        )
    if found.endpoint not in settings.IMPORT_SOURCES:
        raise Forbidden(
            _("This site does not import from %(source)s.") % {"source": found.endpoint},
            hint=_("It imports from: %(sources)s.") % {"sources": ", ".join(settings.IMPORT_SOURCES)},
        )
    try:
        outgoing.check(found.endpoint, loopback=settings.IMPORTS_FROM_LOOPBACK)
    except outgoing.AddressRefused as refused:
        raise Invalid(str(refused)) from refused
    return found


def _checked_revision(text: str) -> str:
    if not is_revision(text):
        raise Invalid(_("The revision must be the name of a branch, a tag or a commit."), code="revision")
    return text


def _checked_visibility(visibility: str | None, namespace: Namespace) -> str:
    visibility = visibility or default_visibility(namespace)
    if visibility not in Visibility.values:
        raise Invalid(_("The visibility must be public or private."))
    return visibility


def _checked_schedule(schedule: str) -> str:
    if schedule not in ImportSchedule.values:
        raise Invalid(_("The schedule must be none, daily or weekly."))
    return schedule


def _checked_statement(text: str) -> str:
    text = text.strip()
    if not MIN_STATEMENT <= len(text) <= MAX_STATEMENT or "\x00" in text:
        raise Invalid(
            _("Say in a sentence or two why you may copy it: %(least)s to %(most)s characters.")
            % {"least": MIN_STATEMENT, "most": MAX_STATEMENT},
            code="statement",
        )
    return text


def _sealed(token: str) -> str:
    token = token.strip()
    if len(token) > MAX_TOKEN or not token.isascii() or not token.isprintable():
        raise Invalid(_("This is not an access token."), code="token")
    return sealing.seal(token, purpose=_PURPOSE)
