"""Which repositories a person sees."""

from collections.abc import Iterable
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Lower

from accounts.enums import Permission
from accounts.principal import Principal
from accounts.rules import may_read_namespace
from accounts.selectors import namespaces_of, reachable_keys, single_repositories
from common.compiled import Compiled, EqualsAny, Step, Value, queryset_of
from hub.enums import RepositoryKind, Visibility
from hub.errors import RepositoryDisabled, RepositoryMoved, RepositoryNotFound
from hub.models import OldName, Repository


def _by_name(rows: QuerySet[Repository]) -> Compiled[Repository]:
    """Small letters on both sides, as in the index: `iexact` compares capitals and would read every name."""
    small = rows.alias(owner=Lower("namespace__name"), small=Lower("name"))
    return Compiled(lambda kind, namespace, name: small.filter(kind=kind, owner=namespace, small=name), str, str, str)


_whole = _by_name(Repository.objects.select_related("namespace__user", "namespace__organisation"))
# What rules and git ask for; the rest is read when somebody asks for it.
_small = _by_name(
    Repository.objects.select_related("namespace").only(
        "namespace__name",
        "namespace__kind",
        "namespace__user_id",
        "namespace__organisation_id",
        "name",
        "kind",
        "visibility",
        "gated",
        "is_disabled",
        "default_branch",
    )
)


def visible_to(principal: Principal) -> list[Step]:
    """Public ones, and private ones of the names that the person and their token reach."""
    if principal.is_anonymous:
        return [_all, _public]
    if principal.is_staff:
        return [_all]
    names, single = reachable_keys(principal, Permission.REPO_READ), _singles(principal, RepositoryKind)
    reach: tuple[Value, ...] = (names,) if names else ()
    return [_all, Step(_seen, (bool(names), len(single)), (*reach, *(part for one in single for part in one)))]


def repositories_visible_to(principal: Principal) -> QuerySet[Repository]:
    """The same as a query."""
    return queryset_of(visible_to(principal))


def _every(_rows: None) -> QuerySet[Repository]:
    return Repository.objects.select_related("namespace")


def _seen(rows: QuerySet[Repository], has_names: bool, singles: int, *values: Any) -> QuerySet[Repository]:
    seen, left = Q(visibility=Visibility.PUBLIC), list(values)
    if has_names:
        seen |= Q(EqualsAny(F("namespace_id"), left.pop(0)))
    for place in range(singles):
        own, kind, namespace, name = left[4 * place : 4 * place + 4]
        seen |= _named(own, namespace, name) & Q(kind=kind)
    return rows.filter(is_disabled=False).filter(seen)


_all, _public = Step(_every), Step(_seen, (False, 0))


def repository_for(
    principal: Principal,
    kind: RepositoryKind | str,
    full_name: str,
    *,
    even_disabled: bool = False,
    small: bool = False,
) -> Repository:
    """The repository of that name, without regard to case.

    Raises RepositoryNotFound when it is missing or hidden, RepositoryMoved for a former name,
    RepositoryDisabled for one that a report disabled: only staff see into it, and with
    `even_disabled` its own people see that it exists. `small` brings only what rules and git need,
    for the doors that are asked most.
    """
    found = repository_named(kind, full_name, small=small)
    if found is None:
        old = (
            OldName.objects.select_related("repository__namespace")
            .alias(small=Lower("full_name"))
            .filter(kind=kind, small=full_name.lower())
            .first()
        )
        if old is not None and _may_read(principal, old.repository):
            raise RepositoryMoved(full_name, old.repository)
    if found is None or not _may_read(principal, found):
        raise RepositoryNotFound(anonymous=principal.is_anonymous)
    if found.is_disabled and not _sees_disabled(principal, found, even_disabled):
        raise RepositoryDisabled
    return found


def repository_named(kind: RepositoryKind | str, full_name: str, *, small: bool = False) -> Repository | None:
    """The repository of that name, whoever asks: for services that check rules themselves."""
    namespace, _, name = full_name.partition("/")
    if "\x00" in full_name:
        return None
    by_name = _small if small else _whole
    return next(iter(by_name(str(kind), namespace.lower(), name.lower())), None)


def repository_of_key(key: int) -> Repository | None:
    """The repository that a signed link or credential of our own was made for."""
    return Repository.objects.select_related("namespace").filter(pk=key).first()


def _may_read(principal: Principal, repository: Repository) -> bool:
    return not repository.is_private or may_read_namespace(
        principal, repository.namespace, repository=repository.reference
    )


def _sees_disabled(principal: Principal, repository: Repository, even_disabled: bool) -> bool:
    return principal.is_staff or (
        even_disabled and may_read_namespace(principal, repository.namespace, repository=repository.reference)
    )


def singles(principal: Principal, kinds: Iterable[str]) -> Q:
    """The repositories of these kinds (or buckets) that a token may read one by one, if its person may."""
    found = Q(pk__in=[])
    for own, kind, namespace, name in _singles(principal, kinds):
        one = _named(own, namespace, name)
        found |= one if kind == "bucket" else one & Q(kind=kind)
    return found


def _singles(principal: Principal, kinds: Iterable[str]) -> list[tuple[list[int], str, str, str]]:
    """For each: the names of its person, its kind, and its name in two parts."""
    references = [reference.partition(":")[::2] for reference in single_repositories(principal, Permission.REPO_READ)]
    wanted = [(kind, *name.partition("/")[::2]) for kind, name in references if kind in set(kinds)]
    if not wanted or principal.user is None:
        return []
    own = list(namespaces_of(principal.user).values_list("pk", flat=True))
    return [(own, *one) for one in wanted]


def _named(own: list[int], namespace: str, name: str) -> Q:
    return Q(EqualsAny(F("namespace_id"), own)) & Q(namespace__name__iexact=namespace, name__iexact=name)


def addresses_of(principal: Principal, kind: RepositoryKind, names: Iterable[str]) -> dict[str, str]:
    """The pages of those of the named repositories that this person sees, by the name as given."""
    wanted = {name.lower(): name for name in names if name.count("/") == 1 and "\x00" not in name}
    if not wanted:
        return {}
    some = Q(pk__in=[])
    for name in wanted:
        namespace, _slash, own = name.partition("/")
        some |= Q(namespace__name__iexact=namespace, name__iexact=own)
    rows = repositories_visible_to(principal).filter(some, kind=kind)
    return {wanted[row.full_name.lower()]: row.get_absolute_url() for row in rows}
