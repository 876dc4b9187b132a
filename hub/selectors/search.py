"""Finding repositories by words, by parts of their names, and in spite of slips.

Every function narrows rows that its caller has already restricted to what a person may
see: nothing here knows about visibility, and nothing here can widen it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

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
TRAIL = 100  # windows that a cursor remembers to lead back through; 50,000 finds
_NEAR = 300  # names that are compared with a misspelt one
_WEIGHTS = [0.05, 0.3, 0.5, 1.0]  # card text, title of the card, tags, name
_ALIKE = 0.2  # similarity from which on a name is worth showing
SUGGESTIONS = 6

Place = tuple[int, int]  # popularity and key of a find


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


def best(
    rows: QuerySet[Repository], text: str, *, size: int, after: str = "", before: str = "", columns: Sequence[str] = ()
) -> Page:
    """The page after (or before) a cursor of rows that match a text, best first.

    The most popular WINDOW finds are ordered by how well they fit, then the next WINDOW,
    and so on: so a word that a million repositories hold costs no more than a rare one. A
    window keeps its bounds from page to page, so rows that come or go shift nothing. Raises Invalid.
    """
    found = rows.annotate(fit=_fit(_parts(text)))
    if before:
        above = _above(found, _place(before), size + 1)
        shown, is_more = above[-size:], len(above) > size
    else:
        below = _below(found, _place(after) if after else None, size + 1)
        shown, is_more = below[:size], len(below) > size
    # What was found is not asked for again: only to be loaded, as far as it is still there.
    loaded = Repository.objects.select_related("namespace").only(*columns) if columns else rows.all()
    by_pk = loaded.in_bulk([find.pk for find, _window in shown])
    return Page(
        [by_pk[find.pk] for find, _window in shown if find.pk in by_pk],
        next=_cursor(*shown[-1]) if shown and (is_more or before) else "",
        previous=_cursor(*shown[0]) if shown and (after or (before and is_more)) else "",
    )


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


@dataclass(frozen=True)
class _Window:
    """A stretch of the finds in order of popularity: those after `start`, down to `end` where that is known.

    `trail` are the ends of the windows before it; `is_cut` when there were more than a cursor remembers.
    """

    trail: tuple[Place, ...] = ()
    end: Place | None = None
    is_cut: bool = False

    @property
    def start(self) -> Place | None:
        return self.trail[-1] if self.trail else None

    def after(self, end: Place) -> "_Window":
        """The next one."""
        return _Window((*self.trail, end)[-TRAIL:], None, self.is_cut or len(self.trail) >= TRAIL)

    def before(self) -> "_Window | None":
        """The one above, None where there is none or it is not remembered."""
        if len(self.trail) <= self.is_cut:
            return None
        return _Window(self.trail[:-1], self.trail[-1], self.is_cut)

    def finds(self, found: QuerySet[Any]) -> list[_Find]:
        """By popularity."""
        if self.start is not None:
            found = found.filter(_popularity("lt", *self.start))
        if self.end is not None:
            found = found.filter(_popularity("gt", *self.end) | Q(document=self.end[1]))
        rows = found.order_by("-document__popularity", "-document__repository")
        values = rows.values_list("fit", "document__popularity", "pk")
        return [_Find(*row) for row in values[: WINDOW if self.end is None else 4 * WINDOW]]


def _below(found: QuerySet[Any], place: tuple[_Find, _Window] | None, count: int) -> list[tuple[_Find, _Window]]:
    """The first finds after a place (None: from the beginning), each with its window."""
    last, window = place or (None, _Window())
    shown: list[tuple[_Find, _Window]] = []
    while len(shown) < count:
        finds = window.finds(found)
        if window.end is None and len(finds) == WINDOW:
            window = replace(window, end=(finds[-1].popularity, finds[-1].pk))
        ordered = sorted(finds, key=_Find.order, reverse=True)
        shown += [(find, window) for find in ordered if last is None or find.order() < last.order()]
        if window.end is None:
            break
        window, last = window.after(window.end), None
    return shown


def _above(found: QuerySet[Any], place: tuple[_Find, _Window], count: int) -> list[tuple[_Find, _Window]]:
    """The last finds before a place, each with its window."""
    first: _Find | None = place[0]
    window: _Window | None = place[1]
    shown: list[tuple[_Find, _Window]] = []
    while window is not None and len(shown) < count:
        ordered = sorted(window.finds(found), key=_Find.order, reverse=True)
        shown = [(find, window) for find in ordered if first is None or find.order() > first.order()] + shown
        window, first = window.before(), None
    return shown[-count:]


def _popularity(word: str, popularity: int, pk: int) -> Q:
    edge = Q(**{f"document__popularity__{word}e": popularity})
    return edge & (Q(**{f"document__popularity__{word}": popularity}) | Q(**{f"document__repository__{word}": pk}))


def _cursor(find: _Find, window: _Window) -> str:
    return paging.encode([window.trail, window.end, find.order(), window.is_cut])


def _place(cursor: str) -> tuple[_Find, _Window]:
    """The find and window that a cursor names. Raises Invalid."""
    place = paging.decode(cursor)
    if not isinstance(place, list) or len(place) != 4 or not isinstance(place[0], list) or len(place[0]) > TRAIL:
        raise paging.bad_cursor()
    trail, end, order, is_cut = place
    pairs = [*trail, *([] if end is None else [end])]
    for numbers, length in [*((pair, 2) for pair in pairs), (order, 3)]:
        if not isinstance(numbers, list) or len(numbers) != length or not all(map(_is_small, numbers)):
            raise paging.bad_cursor()
    known = tuple((one[0], one[1]) for one in trail)
    return _Find(*order), _Window(known, None if end is None else (end[0], end[1]), bool(is_cut))


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
