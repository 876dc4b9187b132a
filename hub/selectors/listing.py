"""Lists of repositories: what is asked for, in which order, and what else there is to choose from."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Invalid
from hub.algorithms.cards import DATASET_TAGS
from hub.algorithms.tags import group_of
from hub.enums import EdgeKind, Evidence, GateMode, RepositoryKind
from hub.git.refs import BRANCH
from hub.models import LineageEdge, Repository, TreeEntry, UsedTag
from hub.selectors import search
from hub.selectors.paging import Page, by_column
from hub.selectors.repositories import repositories_visible_to

RELEVANCE = "relevance"
# The column behind each order.
COLUMNS = {
    "trending": "trending",
    "downloads": "downloads",
    "likes": "likes",
    "updated": "updated_at",
    "created": "created_at",
}
ORDERS = {
    "trending": _("Trending"),
    "downloads": _("Most downloaded"),
    "likes": _("Most liked"),
    "updated": _("Recently changed"),
    "created": _("Newest"),
}
# Rows that facets are counted over: enough to choose by, few enough for any size of hub.
SAMPLE = 1000
SHOWN = 12  # values of a facet
COUNTED = ("task", "library", "language", "licence", "gated", "tag")
SIZES = {
    "max:1B": _("below 1 B"),
    "min:1B,max:7B": _("1 B to 7 B"),
    "min:7B,max:40B": _("7 B to 40 B"),
    "min:40B": _("40 B and more"),
}
# What may be asked for, and how the choice is called. The protocol's words, but for its numbers.
GATES = {
    "false": _("open to all who see it"),
    "true": _("gated"),
    GateMode.AUTO.value: _("gated, open at once"),
    GateMode.MANUAL.value: _("gated, decided by its owners"),
}
TAGS_OF_A_GROUP = 5000
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)([KMBT]?)", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
_NO_FACETS = ("arxiv", "base_model", "dataset", "region", "doi")  # tags that name one thing are no choice


@dataclass(frozen=True)
class Filters:
    """What is asked for, all of it at once; what is empty asks for nothing."""

    search: tuple[str, ...] = ()
    author: str = ""
    task: str = ""
    library: str = ""
    language: str = ""
    licence: str = ""
    tags: tuple[str, ...] = ()
    size: str = ""
    gated: str = ""

    @property
    def text(self) -> str:
        return " ".join(self.search).strip()


@dataclass(frozen=True)
class Facets:
    """How often values occur among the first `counted` rows of a list; `is_all` when there are no others."""

    counted: int
    is_all: bool
    values: dict[str, list[tuple[str, int]]]


def listed(principal: Principal, kind: RepositoryKind | str, filters: Filters) -> QuerySet[Repository]:
    """What a person may see of what is asked for, in no order. Raises Invalid for a size or gate that is none."""
    rows = repositories_visible_to(principal).filter(kind=kind)
    for text in filters.search:
        rows = search.matching(rows, text, kind)
    if filters.author:
        owner = Namespace.objects.alias(small=Lower("name")).filter(small=filters.author.lower()).first()
        rows = rows.filter(namespace=owner) if owner is not None else rows.none()
    columns = {"library_name": filters.library, "license": filters.licence}
    tags = list(filters.tags)
    if kind == RepositoryKind.DATASET:
        tags += [f"task_categories:{filters.task}"] if filters.task else []
        tags += [f"language:{filters.language}"] if filters.language else []
    else:
        columns["pipeline_tag"] = filters.task
        tags += [filters.language] if filters.language else []
    rows = rows.filter(**{name: value for name, value in columns.items() if value})
    if tags:
        rows = rows.filter(tags__contains=tags)
    if filters.gated:
        rows = rows.filter(_gated(filters.gated))
    if filters.size:
        least, most = size_range(filters.size)
        rows = rows.filter(parameters__isnull=False)
        rows = rows.filter(parameters__gte=least) if least is not None else rows
        rows = rows.filter(parameters__lte=most) if most is not None else rows
    return rows


def page_of(
    rows: QuerySet[Repository],
    filters: Filters,
    order: str,
    *,
    columns: Sequence[str],
    size: int,
    after: str = "",
    before: str = "",
) -> Page:
    """A page of `listed` rows, with these columns. Without a text, relevance is what trends.

    Raises Invalid for a bad cursor.
    """
    if order == RELEVANCE and filters.text:
        return search.best(rows, filters.text, size=size, after=after, before=before, columns=columns)
    return by_column(rows.only(*columns), COLUMNS.get(order, "trending"), size=size, after=after, before=before)


def facets(rows: QuerySet[Repository], kind: RepositoryKind | str, order: str) -> Facets:
    """Counted over the first SAMPLE rows of the list that the visitor sees, by one query."""
    if order == RELEVANCE:
        rows = rows.order_by("-document__popularity", "-document__repository")
    else:
        rows = rows.order_by(f"-{COLUMNS[order]}", "-id")
    sample = list(rows.values_list("pipeline_tag", "library_name", "license", "gated", "tags")[: SAMPLE + 1])
    counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
    tags: Counter[str] = Counter()
    for task, library, licence, gated, carried in sample[:SAMPLE]:
        counts["task"][task] += 1
        counts["library"][library] += 1
        counts["licence"][licence] += 1
        counts["gated"]["false" if gated == GateMode.OPEN else gated] += 1
        tags.update(carried)
        tags.subtract(name for name in {library, task} if name in carried)  # what is counted there is no tag here
    for tag, number in tags.items():
        name, value = _facet_of(tag, kind)
        if name:
            counts[name][value] += number
    for counter in counts.values():
        counter.pop("", None)
    values = {
        name: sorted((+counter).items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
        for name, counter in counts.items()
    }
    return Facets(min(len(sample), SAMPLE), len(sample) <= SAMPLE, values)


def _gated(value: str) -> Q:
    """Raises Invalid."""
    if value not in GATES:
        raise Invalid(f"gated must be one of {', '.join(GATES)}.", hint="Leave it out to see all.")
    if value in GateMode.values:
        return Q(gated=value)
    return Q(gated=GateMode.OPEN) if value == "false" else ~Q(gated=GateMode.OPEN)


def size_range(text: str) -> tuple[int | None, int | None]:
    """The bounds of `min:6B,max:128B`, either of which may be left out. Raises Invalid."""
    bounds: dict[str, int] = {}
    for part in text.split(","):
        name, _colon, number = part.strip().partition(":")
        found = _SIZE.fullmatch(number.strip())
        if name not in {"min", "max"} or name in bounds or found is None:
            raise Invalid(
                "num_parameters must be a range such as min:6B,max:128B, min:500M or max:1B.",
                hint="Leave it out to see all sizes.",
            )
        bounds[name] = min(int(float(found.group(1)) * _UNITS[found.group(2).lower()]), 2**63 - 1)
    return bounds.get("min"), bounds.get("max")


def without(filters: Filters, *names: str) -> Filters:
    """The same wish with some of it taken back."""
    empty = Filters()
    return replace(filters, **{name: getattr(empty, name) for name in names})


def used_tags(kind: RepositoryKind | str) -> dict[str, list[str]]:
    """The tags of public repositories by group, in each the most frequent first."""
    groups: dict[str, list[str]] = {}
    rows = UsedTag.objects.filter(kind=kind).order_by("-repositories", "tag").values_list("group", "tag")
    for name, tag in rows[: 4 * TAGS_OF_A_GROUP]:
        group = groups.setdefault(name, [])
        if len(group) < TAGS_OF_A_GROUP:
            group.append(tag)
    return groups


def children_counts(principal: Principal, repositories: list[Repository]) -> dict[int, int]:
    """How many models that this person sees were made out of each, by one query."""
    edges = LineageEdge.objects.filter(
        parent__in=repositories, version__repository__in=repositories_visible_to(principal)
    ).exclude(kind=EdgeKind.DATASET)
    edges = edges.exclude(evidence=Evidence.DENIED)
    rows = edges.values_list("parent").annotate(count=Count("version__repository", distinct=True))
    return dict(rows.order_by())


def newest(principal: Principal, kind: RepositoryKind | str, count: int) -> list[Repository]:
    return list(repositories_visible_to(principal).filter(kind=kind).order_by("-updated_at", "-id")[:count])


def trending(principal: Principal, kind: RepositoryKind | str, count: int) -> list[Repository]:
    return list(repositories_visible_to(principal).filter(kind=kind).order_by("-trending", "-id")[:count])


def repositories_of(namespace: Namespace, principal: Principal) -> QuerySet[Repository]:
    return repositories_visible_to(principal).filter(namespace=namespace).order_by("kind", "-updated_at", "-id")


def linked_to(rows: QuerySet[Repository], *, models: list[str], datasets: list[str]) -> QuerySet[Repository]:
    """Spaces whose cards name all of these."""
    for key, names in (("models", models), ("datasets", datasets)):
        if names:
            rows = rows.filter(card__contains={key: names})
    return rows


def linked(rows: QuerySet[Repository]) -> QuerySet[Repository]:
    """Spaces whose cards name some model or data set."""
    return rows.filter(Q(card__has_key="models") | Q(card__has_key="datasets"))


def _facet_of(tag: str, kind: RepositoryKind | str) -> tuple[str, str]:
    """Under which facet a tag is counted, and by which value; ("", "") under none."""
    group, value = group_of(tag), tag.partition(":")[2]
    if group == "language":
        return "language", value or tag
    if group == "task_categories" and kind == RepositoryKind.DATASET:
        return "task", value
    if group in {"library", "pipeline_tag", "license", *_NO_FACETS} or (
        group in DATASET_TAGS and group != "size_categories"
    ):
        return "", ""
    return "tag", tag


def with_sdk(rows: QuerySet[Repository], sdks: Sequence[str]) -> QuerySet[Repository]:
    """Spaces that say they are made with one of these; none named: all."""
    return rows.filter(card__sdk__in=sdks) if sdks else rows


def files_of_heads(page: Sequence[Repository]) -> dict[int, list[str]]:
    """The paths of several repositories by one query; those not indexed right now are left out."""
    heads = {row.pk: BRANCH + row.default_branch for row in page}
    rows = TreeEntry.objects.filter(branch__repository__in=page, is_folder=False).order_by("path")
    found: dict[int, list[str]] = defaultdict(list)
    for pk, ref, path in rows.values_list("branch__repository_id", "branch__ref", "path"):
        if heads[pk] == ref:
            found[pk].append(path)
    return found
