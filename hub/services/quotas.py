"""May this much more be kept here? Whoever adds bytes asks first, in the transaction that adds them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.models import Namespace
from common.quantities import format_bytes
from common.services import audit
from hub.enums import Visibility
from hub.errors import FileTooLarge, StorageFull
from hub.models import Bucket, Repository, RepositoryObject, StorageLimit
from hub.selectors.storage import Limits, limits_of, usage_of
from hub.services.locks import lock_storage


def lock_home(home: Repository | Bucket) -> None:
    """Hold the right to change what the owner of a repository or bucket keeps, whoever owns it by now."""
    rows = type(home).objects.filter(pk=home.pk).values_list("namespace_id", flat=True)
    locked: int | None = None
    owner: int | None = home.namespace_id
    while owner is not None and owner != locked:
        lock_storage(owner)
        locked, owner = owner, rows.first()


def require_room(home: Repository | Bucket, added: int, *, files: Iterable[int] = ()) -> None:
    """Refuse `added` bytes, or a file of one of these lengths, that would pass a limit.

    Exact under `lock_home`; without it, early advice that spares an upload in vain.
    Raises FileTooLarge, StorageFull.
    """
    room = room_of(home)
    room.require_files(files)
    room.require(added)


def advise(repository: Repository, sizes: Iterable[int]) -> None:
    """Refuse files of these lengths before they are sent, if they cannot find room. Raises FileTooLarge, StorageFull.

    Their content is not known yet: one that is as long as an object held here may be that object.
    """
    wanted = list(sizes)
    held = RepositoryObject.objects.filter(repository=repository, object__size__in=set(wanted))
    known = set(held.values_list("object__size", flat=True))
    require_room(repository, sum(size for size in wanted if size not in known), files=wanted)


def require_place(namespace: Namespace) -> None:
    """Refuse one more repository or bucket past the limit; the caller creates it. Raises StorageFull."""
    lock_storage(namespace.pk)
    limits, usage = limits_of(namespace.pk), usage_of(namespace.pk)
    if limits.repositories and usage.repositories >= limits.repositories:
        raise StorageFull(
            _("%(name)s has %(count)s repositories and buckets, as many as are allowed.")
            % {"name": namespace.name, "count": usage.repositories},
            hint=_("Delete one that nobody needs, or ask the staff of this site for more."),
            used=usage.repositories,
            limit=limits.repositories,
            asked=1,
        )


def require_move(home: Repository | Bucket, namespace: Namespace, visibility: Visibility | str) -> None:
    """Refuse that all of a repository or bucket counts for another owner or visibility, past their limits.

    The caller moves it. Raises StorageFull.
    """
    lock_storage(home.namespace_id, namespace.pk)
    if home.namespace_id != namespace.pk:
        require_place(namespace)
    if home.namespace_id != namespace.pk or home.visibility != visibility:
        used = usage_of(namespace.pk).of(visibility)
        _require(namespace.name, limits_of(namespace.pk), visibility, used, _used_by(home))


def require_offer(namespace_id: int, added: int) -> None:
    """What somebody offers to a repository of others counts as their own private storage. Raises StorageFull."""
    lock_storage(namespace_id)
    name = Namespace.objects.values_list("name", flat=True).get(pk=namespace_id)
    used = usage_of(namespace_id).private_bytes
    _require(name, limits_of(namespace_id), Visibility.PRIVATE, used, added)


@dataclass(frozen=True)
class Room:
    """What is left for one repository or bucket, as of now."""

    full_name: str
    owner: str
    visibility: str
    limits: Limits
    used: int
    owner_used: int

    def require_files(self, sizes: Iterable[int]) -> None:
        """Raises FileTooLarge."""
        largest, limit = max(sizes, default=0), self.limits.file_bytes
        if limit and largest > limit:
            raise FileTooLarge(
                _("A file has %(size)s, and one file may have %(limit)s.")
                % {"size": format_bytes(largest), "limit": format_bytes(limit)},
                hint=_("Split it into several files, or ask the staff of this site for a higher limit."),
                limit=limit,
                asked=largest,
            )

    def require(self, added: int) -> None:
        """Raises StorageFull."""
        limit = self.limits.repository_bytes
        if limit and added > 0 and self.used + added > limit:
            raise _full(_("%(name)s is full") % {"name": self.full_name}, self.used, limit, added)
        _require(self.owner, self.limits, self.visibility, self.owner_used, added)


def room_of(home: Repository | Bucket) -> Room:
    """Three short queries, whatever is asked of it then."""
    kept = ("used_storage", "git_size") if isinstance(home, Repository) else ("used_storage",)
    rows = type(home).objects.filter(pk=home.pk)
    row = rows.values_list("namespace_id", "namespace__name", "name", "visibility", *kept)
    owner_id, owner, name, visibility, *used = row.get()
    usage = usage_of(owner_id).of(visibility)
    return Room(f"{owner}/{name}", owner, visibility, limits_of(owner_id), sum(used), usage)


@transaction.atomic
def take_git(repository: Repository, added: int) -> None:
    """A commit or push brings `added` bytes into git itself. Raises StorageFull."""
    if added > 0:
        lock_home(repository)
        require_room(repository, added)
        Repository.objects.filter(pk=repository.pk).update(git_size=F("git_size") + added)


@transaction.atomic
def set_limits(namespace: Namespace, *, by: object, reason: str = "", **limits: int | None) -> StorageLimit:
    """Allow a name more or less than others: bytes or counts by field, None for the default, 0 for no limit."""
    row, _created = StorageLimit.objects.select_for_update().get_or_create(namespace=namespace)
    before = {field: getattr(row, field) for field in limits}
    for field, value in limits.items():
        setattr(row, field, value)
    row.reason = reason
    row.full_clean()
    row.save()
    audit.record("storage.limits", namespace.name, actor=by, before=before, after=limits, reason=reason)
    return row


def _used_by(home: Repository | Bucket) -> int:
    return home.used_storage + (home.git_size if isinstance(home, Repository) else 0)


def _require(name: str, limits: Limits, visibility: Visibility | str, used: int, added: int) -> None:
    limit = limits.of(visibility)
    if limit and added > 0 and used + added > limit:
        what = (
            _("The private storage of %(name)s is full")
            if visibility == Visibility.PRIVATE
            else _("The public storage of %(name)s is full")
        )
        raise _full(what % {"name": name}, used, limit, added)


def _full(what: str, used: int, limit: int, added: int) -> StorageFull:
    return StorageFull(
        _("%(what)s: %(used)s of %(limit)s are used, and this needs %(added)s more.")
        % {
            "what": what,
            "used": format_bytes(used),
            "limit": format_bytes(limit),
            "added": format_bytes(added),
        },
        hint=_("See /settings/storage for what takes the room, delete what nobody needs, or ask the staff for more."),
        used=used,
        limit=limit,
        asked=added,
    )
