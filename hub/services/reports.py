"""The desk for reports: from a complaint to a decision, an objection, and its end.

Nothing of what happened is ever changed or deleted (hub/migrations, triggers); what is disabled comes back by
lifting the block.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid, TooManyRequests
from common.services import audit, outbox
from hub.enums import REPORT_MOVES, NoticeKind, ReportKind, ReportState
from hub.models import Block, Report, ReportEvent, Repository
from hub.selectors.reportables import Subject
from hub.selectors.reports import is_concerned
from hub.selectors.revisions import entries_named, revision_of
from hub.services import notices

REVIEW_DAYS = 14  # until staff decide
OBJECTION_DAYS = 14  # until a decision is final without an objection
MAX_TEXT = 20_000
MAX_PATHS = 200
PER_HOUR, PER_DAY = 5, 20  # from one network address
_HEX = frozenset("0123456789abcdef")


@transaction.atomic
def file_report(
    about: Repository | Subject,
    *,
    kind: ReportKind | str,
    statement: str,
    by: Principal,
    contact: str = "",
    address: str = "",
    revision: str = "",
    paths: Sequence[str] = (),
) -> Report:
    """Take in a complaint; whoever has an account or none may make one. Raises Invalid, TooManyRequests.

    `address` is the network address, kept as a keyed hash only.
    """
    if kind not in ReportKind.values:
        raise Invalid(_("Say what kind of report this is."))
    if not statement.strip() or len(statement) > MAX_TEXT:
        raise Invalid(_("Say what is wrong, in up to %(count)s characters.") % {"count": MAX_TEXT})
    if len(paths) > MAX_PATHS:
        raise Invalid(_("Name up to %(count)s files, or the whole repository.") % {"count": MAX_PATHS})
    source = source_of(address)
    require_room(Report.objects.filter(source=source) if source else Report.objects.none())
    report = Report.objects.create(
        key=secrets.token_urlsafe(24),
        **_about(about, revision),
        paths=list(paths),
        kind=kind,
        statement=statement.strip(),
        contact=contact,
        reporter=by.user,
        source=source,
        deadline=timezone.now() + timedelta(days=REVIEW_DAYS),
    )
    ReportEvent.objects.create(report=report, state=ReportState.RECEIVED)
    audit.record("report.received", str(report), actor=by, about=report.asset, kind=str(kind))
    outbox.emit("report.received", f"report:{report.pk}:received", {"report": report.pk})
    return report


@transaction.atomic
def take_up(report: Report, *, by: Principal) -> Report:
    """Begin to look at it. Raises Forbidden, Conflict."""
    report = _locked(report, by)
    _move(report, ReportState.UNDER_REVIEW, by=by, deadline=report.deadline)
    return report


@transaction.atomic
def reject(report: Report, *, reason: str, by: Principal) -> Report:
    """Decide that nothing is wrong; the reason is public. Raises Forbidden, Invalid, Conflict."""
    report = _locked(report, by)
    _decide(report, rule="", reason=reason)
    _move(report, ReportState.REJECTED, by=by, text=report.reason)
    return report


@transaction.atomic
def uphold(
    report: Report,
    *,
    rule: str,
    reason: str,
    by: Principal,
    is_whole: bool = False,
    paths: Sequence[str] = (),
    contents: Sequence[str] = (),
) -> Report:
    """Decide that it is right, and disable the whole repository, files of it, or content wherever it lies.

    `contents` are sha256 or git ids. Raises Forbidden, Invalid, Conflict.
    """
    report = _locked(report, by)
    if not rule.strip():
        raise Invalid(_("Name the rule that the decision rests on."))
    if not (is_whole or paths or contents):
        raise Invalid(_("Say what is disabled: the whole repository, files, or contents."))
    _decide(report, rule=rule, reason=reason)
    if is_whole or paths:
        _block_here(report, is_whole=is_whole, paths=paths)
    for content in contents:
        if len(content) not in {40, 64} or not set(content) <= _HEX:
            raise Invalid(_("%(text)s is no SHA-256 and no id of git.") % {"text": content[:70]})
        Block.objects.create(report=report, content=content, is_everywhere=True)
    _move(report, ReportState.UPHELD, by=by, text=report.reason, deadline=_in(OBJECTION_DAYS))
    _tell_owner(report, NoticeKind.REPORT_UPHELD)
    return report


@transaction.atomic
def object_to(report: Report, *, statement: str, by: Principal) -> Report:
    """The counter-notice of those it concerns. Raises Forbidden, Invalid, Conflict."""
    report = _locked(report)
    if not is_concerned(by, report):
        raise Forbidden(_("Only those who may write to what was disabled can object."))
    if not statement.strip() or len(statement) > MAX_TEXT:
        raise Invalid(_("Say why the decision is wrong."))
    if report.is_overdue:
        raise Conflict(_("The time to object is over."))
    _move(report, ReportState.COUNTER_NOTICED, by=by, text=statement.strip(), deadline=_in(REVIEW_DAYS))
    return report


@transaction.atomic
def restore(report: Report, *, reason: str, by: Principal) -> Report:
    """Follow the objection: everything that was disabled comes back. Raises Forbidden, Invalid, Conflict."""
    report = _locked(report, by)
    _decide(report, rule=report.rule, reason=reason)
    Block.objects.filter(report=report, lifted_at=None).update(lifted_at=timezone.now())
    if report.repository is not None:
        _renew(report.repository)
    _move(report, ReportState.RESTORED, by=by, text=report.reason)
    _tell_owner(report, NoticeKind.REPORT_RESTORED)
    return report


@transaction.atomic
def confirm(report: Report, *, reason: str, by: Principal) -> Report:
    """Dismiss the objection: the decision stands for good. Raises Forbidden, Invalid, Conflict."""
    report = _locked(report, by)
    if report.state != ReportState.COUNTER_NOTICED:
        raise Conflict(_("Nobody objected."), hint=_("Without an objection it becomes final by itself."))
    _decide(report, rule=report.rule, reason=reason)
    _move(report, ReportState.FINAL, by=by, text=report.reason)
    _tell_owner(report, NoticeKind.REPORT_FINAL)
    return report


def settle_overdue() -> int:
    """Decisions that nobody objected to in time become final; returns how many."""
    rows = Report.objects.filter(state=ReportState.UPHELD, deadline__lt=timezone.now())
    return sum(_settle(key) for key in list(rows.values_list("pk", flat=True)))


def source_of(address: str) -> str:
    """A keyed hash, so that the address itself is not kept."""
    return salted_hmac("hub.reports", address, algorithm="sha256").hexdigest() if address else ""


def require_room(rows: QuerySet[Any]) -> None:
    """Raises TooManyRequests when one place has sent too much lately; `rows` are what it sent."""
    now = timezone.now()
    for hours, most in ((1, PER_HOUR), (24, PER_DAY)):
        if rows.filter(received_at__gt=now - timedelta(hours=hours)).count() >= most:
            raise TooManyRequests(
                _("Too many came from your network address."), hint=_("Try again later."), retry_after=hours * 3600
            )


def _about(about: Repository | Subject, revision: str) -> dict[str, Any]:
    """The columns that say what a report is about."""
    facts = {"asset": about.asset if isinstance(about, Subject) else str(about), "is_private": about.is_private}
    if isinstance(about, Subject):
        return facts | {"namespace": about.namespace, "address": about.address, "contents": list(about.contents)}
    return facts | {"repository": about, "revision": revision or about.default_branch}


@transaction.atomic
def _settle(key: int) -> int:
    report = Report.objects.select_for_update().get(pk=key)
    if report.state != ReportState.UPHELD or not report.is_overdue:
        return 0
    _move(report, ReportState.FINAL, by=None)
    _tell_owner(report, NoticeKind.REPORT_FINAL)
    return 1


def _locked(report: Report, staff: Principal | None = None) -> Report:
    """The row as it is now; with a person, who must be staff. Raises Forbidden."""
    if staff is not None and not staff.is_staff:
        raise Forbidden(_("Only staff decide about reports."))
    rows = Report.objects.select_for_update(of=("self",)).select_related("repository__namespace", "namespace")
    return rows.get(pk=report.pk)


def _move(
    report: Report, state: ReportState, *, by: Principal | None, text: str = "", deadline: datetime | None = None
) -> None:
    """The only function that changes a state. Raises Conflict for a move that the table does not have."""
    before = ReportState(report.state)
    if state not in REPORT_MOVES[before]:
        raise Conflict(_("It is %(state)s.") % {"state": before.label}, hint=_("Reload the page to see what changed."))
    report.state, report.deadline = state, deadline
    report.save(update_fields=["state", "deadline", "decided_at", "rule", "reason"])
    ReportEvent.objects.create(report=report, state=state, actor=str(by or ""), text=text)
    audit.record(f"report.{state.value}", str(report), actor=by, before=before.value, about=report.asset)
    outbox.emit("report.moved", f"report:{report.pk}:{state.value}", {"report": report.pk, "state": state.value})


def _decide(report: Report, *, rule: str, reason: str) -> None:
    if not reason.strip() or len(reason) > MAX_TEXT:
        raise Invalid(_("A decision needs a reason."))
    report.rule, report.reason, report.decided_at = rule.strip()[:200], reason.strip(), timezone.now()


def _block_here(report: Report, *, is_whole: bool, paths: Sequence[str]) -> None:
    repository = report.repository
    if repository is None:
        raise Conflict(_("The repository is gone; only contents can be disabled."))
    if is_whole:
        Block.objects.create(report=report, repository=repository)
        _renew(repository)
    files = entries_named(revision_of(repository, report.revision), list(paths)) if paths else []
    missing = set(paths) - {file.path for file in files if not file.is_folder}
    if missing:
        raise Invalid(_("There is no file %(path)s.") % {"path": min(missing)})
    for file in files:
        Block.objects.create(report=report, repository=repository, content=file.etag, path=file.path)


def _renew(repository: Repository) -> None:
    """Let the mark on the repository follow its blocks."""
    whole = Block.objects.filter(repository=repository, content="", is_everywhere=False, lifted_at=None)
    Repository.objects.filter(pk=repository.pk).update(is_disabled=whole.exists())


def _tell_owner(report: Report, kind: NoticeKind) -> None:
    repository = report.repository
    namespace = report.namespace if repository is None else repository.namespace
    if namespace is not None:
        notices.tell(
            namespace,
            kind,
            key=f"report:{report.pk}",
            facts={"number": report.pk, "name": report.asset if repository is None else repository.full_name},
            repository=repository,
            address=report.get_absolute_url(),
        )


def _in(days: int) -> datetime:
    return timezone.now() + timedelta(days=days)
