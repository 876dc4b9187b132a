"""An import at work: claimed, checked, copied; taken up again where it broke off.

The row is the truth and messages only hurry: whoever sweeps finds what is due. A worker that dies
keeps its claim for as long as `LEASE`. What a turn copies, and how, is in import_histories.py
and import_files.py.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from common.downloading import DownloadFailed
from common.errors import Refusal
from common.outgoing import AddressRefused
from common.services import audit
from hub.enums import ImportReason, ImportSchedule, ImportState
from hub.errors import BranchMoved, FileTooLarge, StorageFull
from hub.models import Import
from hub.services import import_files, import_histories
from hub.services.import_git import NotGit, Remote
from hub.services.import_sources import SourceClosed, SourceWrong
from hub.services.import_turns import LEASE, Halted, Interrupted, Turn, end, ours
from hub.services.imports import move

PAUSES = (60, 600, 3600, 21600)  # seconds after the first try, the second, …
MAX_LOST = 10  # tries without a single part that arrived
_AT_ONCE = 2  # of one person


def due() -> list[int]:
    """Imports to work on now, a few of each person."""
    now = timezone.now()
    busy = Import.objects.filter(claimed_until__gt=now).values("created_by").annotate(n=Count("pk"))
    busy = busy.filter(n__gte=_AT_ONCE, created_by__isnull=False)
    rows = Import.objects.filter(_due()).exclude(created_by__in=busy.values("created_by"))
    place = Window(RowNumber(), partition_by=F("created_by"), order_by=[F("next_run_at"), F("id")])
    rows = rows.annotate(place=place).filter(place__lte=_AT_ONCE)
    return list(rows.order_by("next_run_at", "id").values_list("pk", flat=True)[:100])


def run(pk: int) -> bool:
    """Work on an import, if it is due and nobody else is at it; returns whether it was."""
    found = _claim(pk)
    if found is None:
        return False
    try:
        _work(Turn(found))
    except Interrupted:
        pass
    except Halted as halted:
        _settle(found, halted.state, halted.reason, halted.detail)
    except SourceClosed as closed:
        _again(found, ImportReason.SOURCE_CLOSED, str(closed), at_once=not found.source_commit)
    except (DownloadFailed, BranchMoved) as failed:
        _again(found, ImportReason.SOURCE_SILENT, str(failed))
    except AddressRefused as refused:
        _settle(found, ImportState.FAILED, ImportReason.ADDRESS, str(refused))
    except SourceWrong as wrong:
        _settle(found, ImportState.FAILED, ImportReason.SOURCE_WRONG, str(wrong))
    except (StorageFull, FileTooLarge) as full:
        _settle(found, ImportState.FAILED, ImportReason.STORAGE, str(full))
    except Refusal as refusal:
        _settle(found, ImportState.FAILED, ImportReason.REFUSED, str(refusal))
    return True


def _work(turn: Turn) -> None:
    found = turn.found
    if found.endpoint not in settings.IMPORT_SOURCES:
        raise Halted(ImportReason.ADDRESS, found.endpoint)
    turn.require_rights()
    info = turn.source.info(found.revision)
    turn.require_licence(info)
    if found.has_history is not False:
        remote = Remote(turn.source)
        try:
            seen = remote.refs()
        except NotGit as refused:
            if found.has_history:
                raise SourceClosed(str(refused)) from refused
        else:
            turn.note(has_history=True)
            import_histories.copy(turn, remote, seen)
            return
        turn.note(has_history=False)
    import_files.copy(turn, info)


@transaction.atomic
def _claim(pk: int) -> Import | None:
    rows = Import.objects.select_for_update(skip_locked=True, of=("self",)).filter(_due(), pk=pk)
    found = rows.select_related("created_by", "namespace", "repository__namespace").first()
    if found is None:
        return None
    if found.state != ImportState.QUEUED:  # a worker was lost, or a mirror is due
        move(found, ImportState.QUEUED)
    found.turn += 1
    found.tries += 1
    if found.tries > MAX_LOST:
        end(found, ImportState.FAILED, ImportReason.LOST)
        return None
    move(found, ImportState.CHECKING)
    found.claimed_until = timezone.now() + LEASE
    found.save()
    return found


@transaction.atomic
def _settle(found: Import, state: ImportState, reason: ImportReason, detail: str) -> None:
    """Write down how a turn ended, unless a later one has begun."""
    row = ours(found).select_for_update().first()
    if row is not None:
        end(row, state, reason, detail)
        audit.record(f"import.{state}", str(row), reason=str(reason), detail=detail[:300])


@transaction.atomic
def _again(found: Import, reason: ImportReason, detail: str, *, at_once: bool = False) -> None:
    """Try later, with growing pauses; give up after the last of them, or at once."""
    row = ours(found).select_for_update().first()
    if row is None:
        return
    if at_once or row.tries > len(PAUSES):
        end(row, ImportState.FAILED, reason, detail)
        audit.record("import.failed", str(row), reason=str(reason), detail=detail[:300])
        return
    move(row, ImportState.QUEUED, reason, detail)
    row.claimed_until = None
    row.next_run_at = timezone.now() + timedelta(seconds=PAUSES[row.tries - 1])
    row.save()


def _due() -> Q:
    now = timezone.now()
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)
    active = Q(state__in=[state for state in ImportState if state.is_active])
    mirror = Q(state=ImportState.DONE) & ~Q(schedule=ImportSchedule.NONE)
    return free & (active | mirror) & Q(next_run_at__lte=now)
