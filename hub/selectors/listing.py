"""Lists of repositories: what is asked for, in which order, and what else there is to choose from."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.compiled import Compiled, Holds, Step, rows_of
from common.errors import Invalid
from hub.algorithms.cards import DATASET_TAGS
from hub.algorithms.tags import group_of
from hub.enums import EdgeKind, Evidence, GateMode, RepositoryKind
from hub.git.refs import BRANCH
from hub.models import LineageEdge, Repository, TreeEntry, UsedTag
from hub.selectors import search
from hub.selectors.paging import Page, Reading, by_column
from hub.selectors.repositories import repositories_visible_to, visible_to

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


_owner = Compiled(lambda name: Namespace.objects.alias(small=Lower("name")).filter(small=name).only("pk"), str)


def listed(principal: Principal, kind: RepositoryKind | str, filters: Filters) -> list[Step]:
    """What a person may see of what is asked for, in no order. Raises Invalid for a size or gate that is none."""
    steps = [*visible_to(principal), Step(_of_kind, (str(kind),))]
    for text in filters.search:
        steps += search.matching(text, str(kind))
    if filters.author:
        owner = next(iter(_owner(filters.author.lower())), None)
        steps.append(Step(_of_owner, values=(owner.pk,)) if owner is not None else search.NOTHING)
    columns = {"library_name": filters.library, "license": filters.licence}
    tags = list(filters.tags)
    if kind == RepositoryKind.DATASET:
        tags += [f"task_categories:{filters.task}"] if filters.task else []
        tags += [f"language:{filters.language}"] if filters.language else []
    else:
        columns["pipeline_tag"] = filters.task
        tags += [filters.language] if filters.language else []
    steps += [Step(_with_value, (name,), (value,)) for name, value in columns.items() if value]
    if tags:
        steps.append(Step(_with_tags, values=(tags,)))
    if filters.gated:
        steps.append(Step(_gated, (_checked_gate(filters.gated),)))
    if filters.size:
        least, most = size_range(filters.size)
        steps += [Step(_no_smaller, values=(least,))] if least is not None else []
        steps += [Step(_no_larger, values=(most,))] if most is not None else []
    return steps


def page_of(
    rows: Sequence[Step],
    filters: Filters,
    order: str,
    reading: Reading,
    *,
    size: int,
    after: str = "",
    before: str = "",
) -> Page:
    """A page of `listed` rows, read in this way. Without a text, relevance is what trends.

    Raises Invalid for a bad cursor.
    """
    if order == RELEVANCE and filters.text:
        return search.best(rows, filters.text, reading, size=size, after=after, before=before)
    return by_column(rows, COLUMNS.get(order, "trending"), reading, size=size, after=after, before=before)


def facets(rows: Sequence[Step], kind: RepositoryKind | str, order: str) -> Facets:
    """Counted over the first SAMPLE rows of the list that the visitor sees, by one query."""
    found = rows_of([*rows, Step(_sample, (order,))], around=_COUNTS)
    counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
    total = 0
    for group, value, number in found:
        name, shown = _facet_of(value, str(kind)) if group == "tag" else (group, value)
        if group == "all":
            total = number
        elif name and shown:
            counts[name][shown] += number
    values = {
        name: sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:SHOWN] for name, counter in counts.items()
    }
    return Facets(min(total, SAMPLE), total <= SAMPLE, values)


# One row more than is counted tells whether there are others. What is counted as a task or library is no tag here.
_COUNTS = f"""
    WITH found AS MATERIALIZED ({{rows}}), counted AS (SELECT * FROM found LIMIT {SAMPLE})
    SELECT 'all', '', count(*) FROM found
    UNION ALL SELECT 'task', pipeline_tag, count(*) FROM counted GROUP BY pipeline_tag
    UNION ALL SELECT 'library', library_name, count(*) FROM counted GROUP BY library_name
    UNION ALL SELECT 'licence', license, count(*) FROM counted GROUP BY license
    UNION ALL SELECT 'gated', CASE gated WHEN '{GateMode.OPEN.value}' THEN 'false' ELSE gated END, count(*)
        FROM counted GROUP BY gated
    UNION ALL SELECT 'tag', tag, count(*) FROM counted, unnest(tags) AS tag
        WHERE tag NOT IN (pipeline_tag, library_name) GROUP BY tag
"""  # noqa: S608 - nothing of it is given from outside


def _sample(rows: QuerySet[Repository], order: str) -> QuerySet[Any]:
    if order == RELEVANCE:
        rows = rows.order_by("-document__popularity", "-document__repository")
    else:
        rows = rows.order_by(f"-{COLUMNS[order]}", "-id")
    return rows.values_list("pipeline_tag", "library_name", "license", "gated", "tags")[: SAMPLE + 1]


def _of_kind(rows: QuerySet[Repository], kind: str) -> QuerySet[Repository]:
    return rows.filter(kind=kind)


def _of_owner(rows: QuerySet[Repository], owner: int) -> QuerySet[Repository]:
    return rows.filter(namespace=owner)


def _with_value(rows: QuerySet[Repository], column: str, value: str) -> QuerySet[Repository]:
    return rows.filter(**{column: value})


def _with_tags(rows: QuerySet[Repository], tags: list[str]) -> QuerySet[Repository]:
    return rows.filter(Holds(F("tags"), tags))


def _no_smaller(rows: QuerySet[Repository], least: int) -> QuerySet[Repository]:
    return rows.filter(parameters__isnull=False, parameters__gte=least)


def _no_larger(rows: QuerySet[Repository], most: int) -> QuerySet[Repository]:
    return rows.filter(parameters__isnull=False, parameters__lte=most)


def _checked_gate(value: str) -> str:
    """Raises Invalid."""
    if value not in GATES:
        raise Invalid(f"gated must be one of {', '.join(GATES)}.", hint="Leave it out to see all.")
    return value


def _gated(rows: QuerySet[Repository], value: str) -> QuerySet[Repository]:
    if value in GateMode.values:
        return rows.filter(gated=value)
    return rows.filter(gated=GateMode.OPEN) if value == "false" else rows.exclude(gated=GateMode.OPEN)


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


def used_tags(kind: RepositoryKind | str, entry: Step) -> dict[str, str]:
    """The tags of public repositories by group, in each the most frequent first: what `entry` writes of
    each as the annotation `entry`, with commas between."""
    groups: dict[str, list[str]] = {}
    for name, text in rows_of([Step(_tags_of, (str(kind),)), entry, Step(_written_tags)]):
        groups.setdefault(name, []).append(text)
    return {name: ",".join(texts[:TAGS_OF_A_GROUP]) for name, texts in groups.items()}


def _tags_of(_rows: None, kind: str) -> QuerySet[UsedTag]:
    return UsedTag.objects.filter(kind=kind).order_by("-repositories", "tag")


def _written_tags(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.values_list("group", "entry")[: 4 * TAGS_OF_A_GROUP]


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


def linked_to(*, models: Sequence[str], datasets: Sequence[str]) -> list[Step]:
    """Spaces whose cards name all of these."""
    given = {"models": models, "datasets": datasets}
    return [Step(_naming, (key, *names)) for key, names in given.items() if names]


def linked() -> list[Step]:
    """Spaces whose cards name some model or data set."""
    return [Step(_naming_some)]


def with_sdk(sdks: Sequence[str]) -> list[Step]:
    """Spaces that say they are made with one of these; none named: all."""
    return [Step(_made_with, tuple(sdks))] if sdks else []


def _naming(rows: QuerySet[Repository], key: str, *names: str) -> QuerySet[Repository]:
    return rows.filter(card__contains={key: list(names)})


def _naming_some(rows: QuerySet[Repository]) -> QuerySet[Repository]:
    return rows.filter(Q(card__has_key="models") | Q(card__has_key="datasets"))


def _made_with(rows: QuerySet[Repository], *sdks: str) -> QuerySet[Repository]:
    return rows.filter(card__sdk__in=sdks)


@lru_cache(maxsize=4096)
def _facet_of(tag: str, kind: str) -> tuple[str, str]:
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


def files_of_heads(page: Sequence[Repository]) -> dict[int, list[str]]:
    """The paths of several repositories by one query; those not indexed right now are left out."""
    heads = {row.pk: BRANCH + row.default_branch for row in page}
    rows = TreeEntry.objects.filter(branch__repository__in=page, is_folder=False).order_by("path")
    found: dict[int, list[str]] = defaultdict(list)
    for pk, ref, path in rows.values_list("branch__repository_id", "branch__ref", "path"):
        if heads[pk] == ref:
            found[pk].append(path)
    return found
