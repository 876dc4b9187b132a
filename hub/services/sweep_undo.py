"""What a sweep took comes back while it lies in the trash; later it is gone for good."""

import shutil
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from common.errors import NotFound, Refusal
from common.services import audit
from hub import stores
from hub.enums import SweepState, SweptKind
from hub.git import repositories as git
from hub.models import Bucket, LargeObject, Repository, Sweep, SweptItem
from hub.services import holdings
from hub.services.sweeping import move, trash_of

# Bytes first, then rows that promise them, then those who hold the rows.
_ORDER = (
    SweptKind.FOLDER,
    SweptKind.UPLOAD,
    SweptKind.XORB,
    SweptKind.RECIPE,
    SweptKind.PLAIN,
    SweptKind.OBJECT,
    SweptKind.HOLDING,
)


def undo(number: int) -> tuple[Sweep, list[str]]:
    """Put back all that a sweep took; gives the run, and what could not come back and why.

    What came anew meanwhile stays as it is. Raises NotFound, Conflict when nothing of it is left.
    """
    run = Sweep.objects.filter(pk=number).first()
    if run is None:
        raise NotFound(_("There is no sweep %(number)s.") % {"number": number})
    with transaction.atomic():
        run = Sweep.objects.select_for_update().get(pk=number)
        move(run, SweepState.UNDONE)
        failures = [
            fault for kind in _ORDER for item in run.items.filter(kind=kind).order_by("pk") if (fault := _restore(item))
        ]
        audit.record("storage.sweep_undone", str(run), failures=len(failures))
    return run, failures


def purge(*, now: datetime | None = None) -> int:
    """Remove for good what was swept longer ago than the settings say; gives the number of sweeps."""
    limit = (now or timezone.now()) - timedelta(days=settings.SWEEP_UNDO_DAYS)
    old = Sweep.objects.filter(state__in=[SweepState.SWEPT, SweepState.FAILED], ended_at__lt=limit)
    return sum(_purge(pk) for pk in list(old.values_list("pk", flat=True)))


def _purge(number: int) -> bool:
    with transaction.atomic():
        run = Sweep.objects.select_for_update().get(pk=number)
        if run.state not in {SweepState.SWEPT, SweepState.FAILED}:
            return False
        move(run, SweepState.PURGED)
        run.items.all().delete()
    shutil.rmtree(trash_of(run, SweptKind.FOLDER).parent, ignore_errors=True)
    stores.empty_trash(trash_of(run, SweptKind.PLAIN).parent)
    return True


def _restore(item: SweptItem) -> str:
    """Put one thing back; why not, when it cannot."""
    kind, trash = SweptKind(item.kind), trash_of(item.sweep, item.kind)
    match kind:
        case SweptKind.FOLDER:
            done = git.put_back(settings.REPOSITORIES_ROOT / item.name, trash)
        case SweptKind.UPLOAD:
            done = stores.partial_uploads().put_back(item.name, trash)
        case SweptKind.XORB:
            store = stores.xet_store()
            done = store.put_back_xorb(item.name, trash) or store.has_xorb(item.name)
        case SweptKind.RECIPE:
            store = stores.xet_store()
            done = store.put_back_file(item.name, trash) or store.recipes.get(item.name) is not None
        case SweptKind.PLAIN:
            plain = stores.plain_objects()
            done = plain.put_back(item.name, trash) or plain.exists(item.name)
        case SweptKind.OBJECT:
            return _restore_row(item)
        case SweptKind.HOLDING:
            return _restore_holding(item)
    return "" if done else f"{kind.value} {item.name}: it is not in the trash"


def _restore_row(item: SweptItem) -> str:
    facts = item.facts
    row, created = LargeObject.objects.get_or_create(
        sha256=item.name,
        defaults={
            "size": facts["size"],
            "is_plain": facts["is_plain"],
            "xet_hash": facts["xet_hash"],
            "idle_since": timezone.now(),
        },
    )
    if not created:
        # It was uploaded anew through one door; the other form is back as well.
        row.is_plain = row.is_plain or facts["is_plain"]
        row.xet_hash = row.xet_hash or facts["xet_hash"]
        row.save(update_fields=["is_plain", "xet_hash"])
    return ""


def _restore_holding(item: SweptItem) -> str:
    facts = item.facts
    found = LargeObject.objects.filter(pk=facts["object"]).first()
    fault = f"{item.kind} {item.name}: who held it is gone"
    if found is None:
        return fault
    try:
        if "bucket" in facts:
            bucket = Bucket.objects.select_related("namespace").filter(pk=facts["bucket"]).first()
            if bucket is None:
                return fault
            holdings.hold_in_bucket(bucket, {facts["xet_hash"]: found})
            return ""
        repository = Repository.objects.select_related("namespace").filter(pk=facts["repository"]).first()
        if repository is None:
            return fault
        if "user" not in facts:
            holdings.hold(repository, [found])
            return ""
        user = User.objects.filter(pk=facts["user"]).first()
        if user is None:
            return fault
        holdings.offer(repository, [found], by=user)
    except Refusal as refusal:
        return f"{item.kind} {item.name}: {refusal}"
    return ""
