"""Finding repositories by words, by parts of their names, and in spite of slips.

Every function narrows rows that its caller has already restricted to what a person may
see: nothing here knows about visibility, and nothing here can widen it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.contrib.postgres.search import SearchQuery, SearchQueryCombinable, SearchRank
from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Floor

from hub.algorithms import words
from hub.models import Repository
from hub.selectors import paging
from hub.selectors.paging import Page

MAX_PARTS = 10  # of what is asked for; each is one more condition
MAX_LETTERS = 200
WINDOW = 500  # of the most popular finds that are ordered by how well they fit, then the next ones
_NEAR = 300  # names that are compared with a misspelt one
_WEIGHTS = [0.05, 0.3, 0.5, 1.0]  # card text, title of the card, tags, name
_ALIKE = 0.2  # similarity from which on a name is worth showing
SUGGESTIONS = 6


class _PairQuery(SearchQuery):
    """A query in PostgreSQL's notation, taken as it is: no parser has to know what a letter is."""

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="%(expressions)s::tsquery")


def matching(rows: QuerySet[Repository], text: str, kind: str) -> QuerySet[Repository]:
    """Those of a kind that hold all words, or whose full name holds all parts, of a text. No text finds all."""
    parts = _parts(text)
    if not parts:
        return rows
    asked = _query(parts)
    found = Q(document__words=asked) if asked is not None else Q()
    numbers = {number for part in parts for number in words.part_fragments(part)}
    if numbers and all(part.isascii() for part in parts):
        named = Q(document__fragments__contains=sorted(numbers))
        for part in parts:
            named &= Q(document__full_name__contains=part)
        found |= named
    return rows.filter(found, document__kind=kind) if found else rows.none()


def best(rows: QuerySet[Repository], text: str, *, size: int, after: str = "", columns: Sequence[str] = ()) -> Page:
    """The page after a cursor of rows that match a text, best first.

    The most popular WINDOW finds are ordered by how well they fit, then the next WINDOW,
    and so on: so a word that a million repositories hold costs no more than a rare one. A
    window keeps its bounds from page to page, so rows that come or go shift nothing. Raises Invalid.
    """
    found = rows.annotate(fit=_fit(_parts(text)))
    start, end, last = _place(after)
    shown: list[tuple[_Find, list[int] | None, list[int] | None]] = []
    while len(shown) <= size:
        window = _window(found, start, end)
        if end is None and len(window) == WINDOW:
            end = [window[-1].popularity, window[-1].pk]
        ordered = sorted(window, key=_Find.order, reverse=True)
        shown += [(find, start, end) for find in ordered if last is None or find.order() < tuple(last)]
        if end is None:
            break
        start, end, last = end, None, None
    # What was found is not asked for again: only to be loaded, as far as it is still there.
    loaded = Repository.objects.select_related("namespace").only(*columns) if columns else rows.all()
    by_pk = loaded.in_bulk([find.pk for find, _start, _end in shown[:size]])
    cursor = ""
    if len(shown) > size:
        find, start, end = shown[size - 1]
        cursor = paging.encode([start, end, find.order()])
    return Page([by_pk[find.pk] for find, *_ in shown[:size] if find.pk in by_pk], next=cursor)


def suggestions(rows: QuerySet[Repository], text: str) -> list[Repository]:
    """Repositories whose names resemble what was asked for, the most alike first."""
    near = _near(rows, text)
    alike = {pk: _likeness(text, name) for pk, name in near.items()}
    chosen = sorted((pk for pk in alike if alike[pk] >= _ALIKE), key=lambda pk: (-alike[pk], -pk))[:SUGGESTIONS]
    by_pk = rows.in_bulk(chosen)
    return [by_pk[pk] for pk in chosen if pk in by_pk]


def correction(rows: QuerySet[Repository], text: str) -> str:
    """What was probably meant, in words of names that these rows carry; "" when nothing is like it."""
    known = {word for name in _near(rows, text).values() for word in words.split(name).spaced}
    asked = words.split(text)
    better = [words.corrected(word, known) for word in asked.spaced]
    return " ".join([*better, *asked.runs]) if better != list(asked.spaced) else ""


@dataclass(frozen=True)
class _Find:
    """A row that was found: how well it fits, how popular it is, which it is."""

    fit: int
    popularity: int
    pk: int

    def order(self) -> tuple[int, int, int]:
        return (self.fit, self.popularity, self.pk)


def _window(found: QuerySet[Any], start: list[int] | None, end: list[int] | None) -> list[_Find]:
    """The finds after `start` in order of popularity, down to `end` where that is known."""
    if start is not None:
        found = found.filter(_popularity("lt", *start))
    if end is not None:
        found = found.filter(_popularity("gt", *end) | Q(document=end[1]))
    rows = found.order_by("-document__popularity", "-document__repository")
    values = rows.values_list("fit", "document__popularity", "pk")
    return [_Find(*row) for row in values[: WINDOW if end is None else 4 * WINDOW]]


def _popularity(word: str, popularity: int, pk: int) -> Q:
    edge = Q(**{f"document__popularity__{word}e": popularity})
    return edge & (Q(**{f"document__popularity__{word}": popularity}) | Q(**{f"document__repository__{word}": pk}))


def _place(cursor: str) -> tuple[list[int] | None, list[int] | None, list[int] | None]:
    if not cursor:
        return None, None, None
    place = paging.decode(cursor)
    if not isinstance(place, list) or len(place) != 3:
        raise paging.bad_cursor()
    for numbers, length in zip(place, (2, 2, 3), strict=True):
        if numbers is None and length == 2:
            continue
        if not isinstance(numbers, list) or len(numbers) != length or not all(map(_is_small, numbers)):
            raise paging.bad_cursor()
    return cast(tuple[list[int] | None, list[int] | None, list[int] | None], tuple(place))


def _is_small(value: Any) -> bool:
    return paging.is_number(value) and value >= 0


def _parts(text: str) -> list[str]:
    return words.plain(text[:MAX_LETTERS]).split()[:MAX_PARTS]


def _query(parts: list[str]) -> SearchQueryCombinable | None:
    """All words: by their English stem, or as they stand in a name; pairs of characters as they are."""
    asked = words.split(" ".join(parts), limit=2 * MAX_PARTS)
    query: SearchQueryCombinable | None = None
    if asked.spaced:
        spaced = " ".join(asked.spaced)
        query = SearchQuery(spaced, config="english") | SearchQuery(spaced, config="simple")
    if asked.runs:
        pairs = _PairQuery(words.asked_pairs(asked.runs))
        query = query & pairs if query is not None else pairs
    return query


def _fit(parts: list[str]) -> Cast:
    """An exact name before a part of a name before words, names before tags before cards; in coarse steps."""
    text = " ".join(parts)
    named = Case(
        When(Q(document__full_name=text) | Q(document__full_name__endswith=f"/{text}"), then=Value(300)),
        When(document__full_name__contains=text, then=Value(100)),
        default=Value(0),
        output_field=IntegerField(),
    )
    query = _query(parts)
    if query is None:
        return Cast(named, IntegerField())
    rank = Floor(SearchRank(F("document__words"), query, weights=_WEIGHTS) * 20)
    return Cast(named + Cast(rank, IntegerField()), IntegerField())


def _near(rows: QuerySet[Repository], text: str) -> dict[int, str]:
    """The most popular names in which some word is that of the text but for one letter."""
    asked = words.split(text[:MAX_LETTERS], limit=MAX_PARTS).spaced
    numbers = {number for word in asked for number in words.misspelling_fragments(word)}
    if not numbers:
        return {}
    near = rows.filter(document__fragments__overlap=sorted(numbers))
    near = near.order_by("-document__popularity", "-document__repository")
    return dict(near.values_list("pk", "document__full_name")[:_NEAR])


def _likeness(text: str, full_name: str) -> float:
    """How much the words asked for resemble the nearest words of a name, on average; whole names decide ties."""
    asked, known = words.split(text, limit=MAX_PARTS).spaced, words.split(full_name).spaced
    nearest = [max(words.similarity(one, other) for other in known) for one in asked if known]
    whole = words.similarity(text, full_name.partition("/")[2])
    return sum(nearest) / max(len(nearest), 1) + whole / 1000
