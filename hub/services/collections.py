"""Collections: made, changed, filled, ordered, deleted."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid, NotFound
from common.services import audit
from hub import rules
from hub.enums import Theme, Visibility
from hub.models import Collection, CollectionItem
from hub.models.collections import MAX_DESCRIPTION, MAX_NOTE, MAX_TITLE
from hub.selectors.collections import Thing, field_of
from hub.services.locks import lock_collections

MAX_ITEMS = 1000


class CollectionExists(Conflict):
    """The owner has a collection of this title; `collection` is it."""

    code = "already_exists"

    def __init__(self, collection: Collection) -> None:
        super().__init__(
            _("There is already a collection of this title: %(slug)s.") % {"slug": collection.slug},
            hint=_("Choose another title, or use the collection that is there."),
            slug=collection.slug,
        )


@transaction.atomic
def create(
    namespace: Namespace,
    title: str,
    *,
    by: Principal,
    description: str = "",
    visibility: Visibility = Visibility.PUBLIC,
    theme: str = Theme.ORANGE,
) -> Collection:
    """A new, empty collection, last among those of its owner. Raises Forbidden, Invalid, CollectionExists."""
    if not rules.may_curate(by, namespace):
        raise Forbidden(
            _("You may not make collections under %(name)s.") % {"name": namespace.name},
            hint=_("Use your own name, or ask an administrator of the organisation for write access."),
        )
    title, description = _checked_title(title), _checked(description, MAX_DESCRIPTION)
    lock_collections(namespace)
    _require_free(namespace, title)
    last = namespace.collections.aggregate(last=Max("position"))["last"]
    collection = Collection.objects.create(
        namespace=namespace,
        title=title,
        description=description,
        visibility=visibility,
        theme=_checked_theme(theme),
        position=0 if last is None else last + 1,
        created_by=by.user,
    )
    audit.record("collection.created", str(collection), actor=by, visibility=str(visibility))
    return collection


@transaction.atomic
def update(
    collection: Collection,
    *,
    by: Principal,
    title: str | None = None,
    description: str | None = None,
    visibility: Visibility | None = None,
    theme: str | None = None,
    position: int | None = None,
) -> Collection:
    """Change what is given; a new title changes the slug but not its end.

    Raises Forbidden, Invalid, CollectionExists.
    """
    lock_collections(collection.namespace)
    collection = _locked(collection, by)
    if title is not None:
        collection.title = _checked_title(title)
        _require_free(collection.namespace, collection.title, collection)
    if description is not None:
        collection.description = _checked(description, MAX_DESCRIPTION)
    if visibility is not None:
        collection.visibility = visibility
    if theme is not None:
        collection.theme = _checked_theme(theme)
    collection.updated_at = timezone.now()
    collection.save()
    if position is not None:
        rows = collection.namespace.collections.order_by("position", "id")
        _place(list(rows.exclude(pk=collection.pk)), collection, position)
    audit.record("collection.updated", str(collection), actor=by, visibility=str(collection.visibility))
    return collection


@transaction.atomic
def delete(collection: Collection, *, by: Principal) -> None:
    """Delete the list, not what it lists. Raises Forbidden."""
    collection = _locked(collection, by)
    name = str(collection)
    collection.delete()
    audit.record("collection.deleted", name, actor=by)


@transaction.atomic
def add(collection: Collection, thing: Thing, *, by: Principal, note: str = "") -> CollectionItem:
    """Put something at the end. Raises Forbidden, NotFound for what the person may not read, Invalid, Conflict."""
    collection = _locked(collection, by)
    if not rules.may_read(by, thing):
        raise NotFound(_("There is no such thing to put into a collection."))
    if thing == collection:
        raise Invalid(_("A collection cannot hold itself."))
    if collection.items.filter(**{field_of(thing): thing}).exists():
        raise Conflict(_("This is in the collection already."), code="already_exists", slug=collection.slug)
    count = collection.items.count()
    if count >= MAX_ITEMS:
        raise Invalid(_("A collection holds up to %(most)s things.") % {"most": MAX_ITEMS})
    last = collection.items.aggregate(last=Max("position"))["last"]
    item = CollectionItem.objects.create(
        collection=collection,
        position=0 if last is None else last + 1,
        note=_checked(note, MAX_NOTE),
        **{field_of(thing): thing},
    )
    _touch(collection)
    audit.record("collection.item_added", str(collection), actor=by, item=str(thing))
    return item


@transaction.atomic
def update_item(
    item: CollectionItem, *, by: Principal, note: str | None = None, position: int | None = None
) -> CollectionItem:
    """Change its note, or move it to a place (from 0). Raises Forbidden, Invalid."""
    collection = _locked(item.collection, by)
    item = _locked_item(collection, item)
    if note is not None:
        item.note = _checked(note, MAX_NOTE)
        item.save(update_fields=["note"])
    if position is not None:
        _place(list(collection.items.order_by("position", "id").exclude(pk=item.pk)), item, position)
    _touch(collection)
    audit.record("collection.item_updated", str(collection), actor=by, item=item.key)
    return item


@transaction.atomic
def remove(item: CollectionItem, *, by: Principal) -> None:
    """Raises Forbidden, NotFound when somebody was faster."""
    collection = _locked(item.collection, by)
    _locked_item(collection, item).delete()
    _touch(collection)
    audit.record("collection.item_removed", str(collection), actor=by, item=item.key)


def _place(others: Sequence[Collection | CollectionItem], moved: Collection | CollectionItem, position: int) -> None:
    """Number a list anew with `moved` at a place; past the end means last."""
    if position < 0:
        raise Invalid(_("A place is counted from 0."))
    place = min(position, len(others))
    for number, row in enumerate([*others[:place], moved, *others[place:]]):
        if row.position != number:
            row.position = number
            row.save(update_fields=["position"])


def _locked(collection: Collection, by: Principal) -> Collection:
    """The row as it is now, held until the end of the transaction."""
    rows = Collection.objects.select_for_update(of=("self",), no_key=True).select_related(
        "namespace__user", "namespace__organisation"
    )
    found = rows.filter(pk=collection.pk).first()
    if found is None:
        raise NotFound(_("There is no such collection."))
    if not rules.may_curate(by, found.namespace):
        raise Forbidden(
            _("You may not change this collection."), hint=_("Ask its owner, or make a collection of your own.")
        )
    return found


def _locked_item(collection: Collection, item: CollectionItem) -> CollectionItem:
    found = collection.items.filter(pk=item.pk).first()
    if found is None:
        raise NotFound(_("There is no such item in this collection."))
    return found


def _require_free(namespace: Namespace, title: str, own: Collection | None = None) -> None:
    rows = namespace.collections.select_related("namespace").filter(title__iexact=title)
    taken = rows.first()
    if taken is not None and taken != own:
        raise CollectionExists(taken)


def _touch(collection: Collection) -> None:
    collection.updated_at = timezone.now()
    collection.save(update_fields=["updated_at"])


def _checked_title(title: str) -> str:
    title = " ".join(title.split())
    if not title:
        raise Invalid(_("A collection needs a title."))
    return _checked(title, MAX_TITLE)


def _checked_theme(theme: str) -> str:
    if theme not in Theme.values:
        raise Invalid(_("The colour must be one of %(colours)s.") % {"colours": ", ".join(Theme.values)})
    return theme


def _checked(text: str, most: int) -> str:
    text = text.strip()
    if len(text) > most:
        raise Invalid(_("This text is too long: it may have %(most)s characters.") % {"most": most})
    return text
