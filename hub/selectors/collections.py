"""Which collections a person sees, and what in them."""

from django.db.models import Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.enums import Permission, Role
from accounts.models import Namespace
from accounts.principal import Principal
from accounts.rules import may_read_namespace
from accounts.selectors import namespaces_of, reachable_namespaces
from common.errors import Invalid, NotFound
from hub.enums import RepositoryKind, Visibility
from hub.models import Bucket, Collection, CollectionItem, Repository
from hub.selectors.buckets import bucket_for, buckets_visible_to
from hub.selectors.repositories import repositories_visible_to, repository_for

KEY_LENGTH = 24
_SHOWN_IN_LISTS = 4
_HEX = frozenset("0123456789abcdef")

Thing = Repository | Bucket | Collection


def collections_visible_to(principal: Principal) -> QuerySet[Collection]:
    """Public ones, and private ones of the names that the person and their token reach."""
    every = Collection.objects.select_related("namespace__user", "namespace__organisation")
    if principal.is_staff:
        return every
    own = reachable_namespaces(principal, Permission.REPO_READ).order_by().values("pk")
    return every.filter(Q(visibility=Visibility.PUBLIC) | Q(namespace__in=own))


def listed(
    principal: Principal, *, owners: list[str] | None = None, things: list[Thing] | None = None
) -> QuerySet[Collection]:
    """Those of any of the owners that hold any of the things, with their first items; latest change first."""
    rows = collections_visible_to(principal)
    if owners:
        wanted = Q()
        for owner in owners:
            wanted |= Q(namespace__name__iexact=owner)
        rows = rows.filter(wanted)
    if things is not None:
        held = CollectionItem.objects.filter(_any_of(things))
        rows = rows.filter(pk__in=held.values("collection_id"))
    first = Prefetch("items", items_visible_to(principal)[:_SHOWN_IN_LISTS], to_attr="first_items")
    return rows.prefetch_related(first).order_by("-updated_at", "-id")


def collections_of(namespace: Namespace, principal: Principal) -> QuerySet[Collection]:
    """In the order that the owner gave them."""
    return listed(principal, owners=[namespace.name]).order_by("position", "id")


def collection_for(principal: Principal, slug: str) -> Collection:
    """By the end of its slug, whatever title stands before. Raises NotFound when it is missing or hidden."""
    owner, _slash, rest = slug.partition("/")
    key = rest[-KEY_LENGTH:].lower()
    found = None
    if len(key) == KEY_LENGTH and not set(key) - _HEX:
        rows = Collection.objects.select_related("namespace__user", "namespace__organisation")
        found = rows.filter(key=key, namespace__name__iexact=owner).first()
    if found is None or (found.is_private and not may_read_namespace(principal, found.namespace)):
        raise NotFound(_("There is no such collection."), hint=_("Look for it in the list of its owner."))
    return found


def items_visible_to(principal: Principal) -> QuerySet[CollectionItem]:
    """Items whose thing the person may see, in their order."""
    return (
        CollectionItem.objects.filter(
            Q(repository__in=repositories_visible_to(principal).order_by().values("pk"))
            | Q(bucket__in=buckets_visible_to(principal).order_by().values("pk"))
            | Q(other__in=collections_visible_to(principal).order_by().values("pk"))
        )
        .select_related("repository__namespace", "bucket__namespace", "other__namespace")
        .order_by("position", "id")
    )


def items_of(collection: Collection, principal: Principal) -> list[CollectionItem]:
    return list(items_visible_to(principal).filter(collection=collection))


def item_of(collection: Collection, key: str) -> CollectionItem:
    """Raises NotFound."""
    found = CollectionItem.objects.filter(collection=collection, key=key).first() if len(key) <= KEY_LENGTH else None
    if found is None:
        raise NotFound(_("There is no such item in this collection."))
    return found


def thing_named(principal: Principal, kind: str, name: str) -> Thing:
    """What can be put into a collection. Raises Invalid for a kind that is not kept here, and as finding does."""
    if kind in RepositoryKind.values:
        return repository_for(principal, kind, name.removeprefix(RepositoryKind(kind).prefix))
    if kind == "bucket":
        return bucket_for(principal, name.removeprefix("buckets/"))
    if kind == "collection":
        return collection_for(principal, name.removeprefix("collections/"))
    kinds = ", ".join([*RepositoryKind.values, "bucket", "collection"])
    raise Invalid(_("A collection holds things of these kinds: %(kinds)s.") % {"kinds": kinds})


def holding(thing: Thing, principal: Principal) -> QuerySet[Collection]:
    """The collections that a thing is in, latest change first."""
    held = CollectionItem.objects.filter(_any_of([thing]))
    return collections_visible_to(principal).filter(pk__in=held.values("collection_id")).order_by("-updated_at", "-id")


def collections_to_fill(principal: Principal) -> QuerySet[Collection]:
    """Those that a person may put something into, their own first."""
    if principal.user is None:
        return Collection.objects.none()
    names = namespaces_of(principal.user, at_least=Role.WRITE).order_by().values("pk")
    rows = Collection.objects.select_related("namespace").filter(namespace__in=names)
    return rows.order_by("-namespace__kind", "namespace__name", "position", "id")


def field_of(thing: Thing) -> str:
    """The column of an item that holds a thing of this kind."""
    if isinstance(thing, Repository):
        return "repository"
    return "bucket" if isinstance(thing, Bucket) else "other"


def _any_of(things: list[Thing]) -> Q:
    found = Q(pk__in=[])
    for thing in things:
        found |= Q(**{field_of(thing): thing})
    return found
