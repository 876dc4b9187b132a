"""Finding repositories by words, by parts of their names, and in spite of slips.

Every function narrows rows that its caller has already restricted to what a person may
see: nothing here knows about visibility, and nothing here can widen it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from django.contrib.postgres.search import SearchQuery, SearchQueryCombinable, SearchRank
from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Floor

from common.compiled import EqualsAny, Holds, Like, Overlaps, Step, pattern, rows_of
from hub.algorithms import words
from hub.models import Repository
from hub.selectors import paging
from hub.selectors.paging import Page, Reading

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


def matching(text: str, kind: str) -> list[Step]:
    """Those of a kind that hold all words, or whose full name holds all parts, of a text. No text finds all."""
    parts = _parts(text)
    if not parts:
        return []
    asked = _asked(parts)
    numbers = sorted({number for part in parts for number in words.part_fragments(part)})
    named: list[Any] = (
        [numbers, *(f"%{pattern(part)}%" for part in parts)] if numbers and all(map(str.isascii, parts)) else []
    )
    if not asked.values and not named:
        return [NOTHING]
    return [Step(_matching, (kind, asked.shape, bool(named)), (*asked.values, *named))]


def best(listed: Sequence[Step], text: str, reading: Reading, *, size: int, after: str = "", before: str = "") -> Page:
    """The page after (or before) a cursor of rows that match a text, best first.

    The most popular WINDOW finds are ordered by how well they fit, then the next WINDOW,
    and so on: so a word that a million repositories hold costs no more than a rare one. A
    window keeps its bounds from page to page, so rows that come or go shift nothing. Raises Invalid.
    """
    found = [*listed, _fit(_parts(text))]
    if before:
        above = _above(found, _place(before), size + 1)
        shown, is_more = above[-size:], len(above) > size
    else:
        below = _below(found, _place(after) if after else None, size + 1)
        shown, is_more = below[:size], len(below) > size
    return Page(
        _loaded([find.pk for find, _window in shown], reading),
        next=_cursor(*shown[-1]) if shown and (is_more or before) else "",
        previous=_cursor(*shown[0]) if shown and (after or (before and is_more)) else "",
    )


def resembling(listed: Sequence[Step], text: str) -> dict[int, str]:
    """The most popular names, by key, in which some word is that of the text but for one letter."""
    asked = words.split(text[:MAX_LETTERS], limit=MAX_PARTS).spaced
    numbers = sorted({number for word in asked for number in words.misspelling_fragments(word)})
    return dict(rows_of([*listed, Step(_near, values=(numbers,))])) if numbers else {}


def suggestions(near: dict[int, str], text: str, reading: Reading) -> list[Any]:
    """The repositories of the most alike of these names first."""
    alike = {pk: _likeness(text, name) for pk, name in near.items()}
    chosen = sorted((pk for pk in alike if alike[pk] >= _ALIKE), key=lambda pk: (-alike[pk], -pk))[:SUGGESTIONS]
    return _loaded(chosen, reading)


def correction(near: dict[int, str], text: str) -> str:
    """What was probably meant, in words of these names; "" when nothing is like it."""
    known = {word for name in near.values() for word in words.split(name).spaced}
    asked = words.split(text)
    better = [words.corrected(word, known) for word in asked.spaced]
    return " ".join([*better, *asked.runs]) if better != list(asked.spaced) else ""


def _loaded(keys: list[int], reading: Reading) -> list[Any]:
    """What was found is not asked for again: only read, as far as it is still there."""
    rows = rows_of([Step(_of_keys, values=(keys,)), reading.step, Step(_keyed, (reading.text,))]) if keys else []
    by_key = dict(rows) if reading.text else {row.pk: row for row in rows}
    return [by_key[key] for key in keys if key in by_key]


def _nothing(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.none()


NOTHING = Step(_nothing)


def _of_keys(_rows: None, keys: list[int]) -> QuerySet[Any]:
    return Repository.objects.select_related("namespace").filter(EqualsAny(F("pk"), keys))


def _keyed(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    return rows.values_list("pk", text) if text else rows


def _near(rows: QuerySet[Any], numbers: list[int]) -> QuerySet[Any]:
    near = rows.filter(Overlaps(F("document__fragments"), numbers))
    return near.order_by("-document__popularity", "-document__repository").values_list("pk", "document__full_name")[
        :_NEAR
    ]


def _matching(rows: QuerySet[Any], kind: str, shape: "_Shape", is_named: bool, *values: Any) -> QuerySet[Any]:
    count = sum(shape)
    found = Q(document__words=_query(shape, values[:count])) if count else Q()
    if is_named:
        numbers, *patterns = values[count:]
        named = Q(Holds(F("document__fragments"), numbers))
        for one in patterns:
            named &= Q(Like(F("document__full_name"), one))
        found |= named
    return rows.filter(found, document__kind=kind)


class _Find(NamedTuple):
    """A row that was found: how well it fits, how popular it is, which it is. The greatest is shown first."""

    fit: int
    popularity: int
    pk: int


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

    def finds(self, found: Sequence[Step]) -> list[_Find]:
        """By popularity."""
        steps = list(found)
        if self.start is not None:
            steps.append(Step(_less_popular, (), self.start))
        if self.end is not None:
            steps.append(Step(_down_to, (), self.end))
        rows = rows_of([*steps, Step(_by_popularity, (WINDOW if self.end is None else 4 * WINDOW,))])
        return list(map(_Find._make, rows))


def _below(found: Sequence[Step], place: tuple[_Find, _Window] | None, count: int) -> list[tuple[_Find, _Window]]:
    """The first finds after a place (None: from the beginning), each with its window."""
    last, window = place or (None, _Window())
    shown: list[tuple[_Find, _Window]] = []
    while len(shown) < count:
        finds = window.finds(found)
        if window.end is None and len(finds) == WINDOW:
            window = replace(window, end=(finds[-1].popularity, finds[-1].pk))
        ordered = sorted(finds, reverse=True)
        shown += [(find, window) for find in ordered if last is None or find < last]
        if window.end is None:
            break
        window, last = window.after(window.end), None
    return shown


def _above(found: Sequence[Step], place: tuple[_Find, _Window], count: int) -> list[tuple[_Find, _Window]]:
    """The last finds before a place, each with its window."""
    first: _Find | None = place[0]
    window: _Window | None = place[1]
    shown: list[tuple[_Find, _Window]] = []
    while window is not None and len(shown) < count:
        ordered = sorted(window.finds(found), reverse=True)
        shown = [(find, window) for find in ordered if first is None or find > first] + shown
        window, first = window.before(), None
    return shown[-count:]


def _by_popularity(rows: QuerySet[Any], count: int) -> QuerySet[Any]:
    ordered = rows.order_by("-document__popularity", "-document__repository")
    return ordered.values_list("fit", "document__popularity", "pk")[:count]


def _less_popular(rows: QuerySet[Any], popularity: int, pk: int) -> QuerySet[Any]:
    return rows.filter(_beyond("lt", popularity, pk))


def _down_to(rows: QuerySet[Any], popularity: int, pk: int) -> QuerySet[Any]:
    return rows.filter(_beyond("gt", popularity, pk) | Q(document=pk))


def _beyond(word: str, popularity: int, pk: int) -> Q:
    edge = Q(**{f"document__popularity__{word}e": popularity})
    return edge & (Q(**{f"document__popularity__{word}": popularity}) | Q(**{f"document__repository__{word}": pk}))


def _cursor(find: _Find, window: _Window) -> str:
    return paging.encode([window.trail, window.end, find, window.is_cut])


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


@lru_cache(maxsize=256)
def _parts(text: str) -> tuple[str, ...]:
    """A list asks for the same text twice: what fits, and how well."""
    return tuple(words.plain(text[:MAX_LETTERS]).split()[:MAX_PARTS])


_Shape = tuple[bool, bool]  # whether words, and pairs of characters, are asked for


@dataclass(frozen=True)
class _Asked:
    """All words of a text: by their English stem, or as they stand in a name; pairs of characters as they are."""

    spaced: str
    pairs: str

    @property
    def shape(self) -> _Shape:
        return bool(self.spaced), bool(self.pairs)

    @property
    def values(self) -> list[str]:
        return [text for text in (self.spaced, self.pairs) if text]


@lru_cache(maxsize=256)
def _asked(parts: tuple[str, ...]) -> _Asked:
    asked = words.split(" ".join(parts), limit=2 * MAX_PARTS)
    return _Asked(" ".join(asked.spaced), words.asked_pairs(asked.runs) if asked.runs else "")


def _query(shape: _Shape, values: Sequence[str]) -> SearchQueryCombinable:
    queries: list[SearchQueryCombinable] = []
    if shape[0]:
        queries.append(SearchQuery(values[0], config="english") | SearchQuery(values[0], config="simple"))
    if shape[1]:
        queries.append(_PairQuery(values[-1]))
    return queries[0] & queries[1] if len(queries) > 1 else queries[0]


def _fit(parts: tuple[str, ...]) -> Step:
    """An exact name before a part of a name before words, names before tags before cards; in coarse steps."""
    text, asked = " ".join(parts), _asked(parts)
    return Step(_with_fit, asked.shape, (text, f"%/{pattern(text)}", f"%{pattern(text)}%", *asked.values))


def _with_fit(
    rows: QuerySet[Any], has_words: bool, has_pairs: bool, name: str, end: str, part: str, *asked: str
) -> QuerySet[Any]:
    full_name = F("document__full_name")
    named = Case(
        When(Q(document__full_name=name) | Q(Like(full_name, end)), then=Value(300)),
        When(Like(full_name, part), then=Value(100)),
        default=Value(0),
        output_field=IntegerField(),
    )
    if not asked:
        return rows.annotate(fit=Cast(named, IntegerField()))
    rank = Floor(SearchRank(F("document__words"), _query((has_words, has_pairs), asked), weights=_WEIGHTS) * 20)
    return rows.annotate(fit=Cast(named + Cast(rank, IntegerField()), IntegerField()))


def _likeness(text: str, full_name: str) -> float:
    """How much the words asked for resemble the nearest words of a name, on average; whole names decide ties."""
    asked, known = words.split(text, limit=MAX_PARTS).spaced, words.split(full_name).spaced
    nearest = [max(words.similarity(one, other) for other in known) for one in asked if known]
    whole = words.similarity(text, full_name.partition("/")[2])
    return sum(nearest) / max(len(nearest), 1) + whole / 1000
