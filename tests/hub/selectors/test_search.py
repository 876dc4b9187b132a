"""What a search finds, and in which order."""

import pytest

from accounts.principal import ANONYMOUS
from common.errors import Invalid
from hub.api.written import TAG
from hub.models import Repository, SearchDocument
from hub.selectors import listing, paging, search
from hub.selectors.listing import Filters
from hub.selectors.paging import objects
from hub.services import repositories
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


def card(text="", **facts):
    lines = "".join(f"{key}: {value}\n" for key, value in facts.items())
    return {"README.md": f"---\n{lines}---\n{text}".encode()}


def found(text, principal=ANONYMOUS, kind="model"):
    rows = listing.listed(principal, kind, Filters(search=(text,)))
    return [row.full_name for row in search.best(rows, text, objects(), size=100).rows]


def suggested(rows, text):
    return search.suggestions(search.resembling(rows, text), text, objects())


@pytest.fixture
def ada():
    return make.person("ada")


def test_names_come_before_tags_before_cards(ada):
    make.repository(ada, "other-one", files=card("All about lattices, a lattice it is."))
    make.repository(ada, "other-two", files=card("# Nothing", tags="[lattice]"))
    make.repository(ada, "small-lattice-7b")
    make.repository(ada, "lattice")
    make.repository(ada, "cedar")

    assert found("lattice") == ["ada/lattice", "ada/small-lattice-7b", "ada/other-two", "ada/other-one"]


def test_popularity_decides_between_equals(ada):
    for name, downloads in (("lattice-a", 0), ("lattice-b", 900), ("lattice-c", 20)):
        repository = make.repository(ada, name)
        SearchDocument.objects.filter(pk=repository.pk).update(popularity=downloads.bit_length())

    assert found("lattice") == ["ada/lattice-b", "ada/lattice-c", "ada/lattice-a"]


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("stable diffusion", True),
        ("diffusion stable", True),
        ("StableDiffusion", False),  # one word that stands nowhere
        ("stable-diffusion-XL", True),
        ("ada/stable", True),
        ("ADA", True),
        ("iffusio", True),  # a part of the name
        ("tabl sion", True),  # two parts
        ("xl 1", True),
        ("1.0", True),
        ("painting", True),  # the card says "paintings"
        ("paintings of foxes", True),
        ("the", False),
        ("diffusers", True),  # a tag
        ("diffusion whisper", False),
        ("bob/stable", False),
        ("???", False),
        ("%", False),
        ("_", False),
    ],
)
def test_words_parts_and_stems(ada, text, fits):
    make.repository(ada, "stable-diffusion-xl-1.0", files=card("It makes paintings of a fox.", tags="[diffusers]"))

    assert found(text) == (["ada/stable-diffusion-xl-1.0"] if fits else [])


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("扩散模型", True),
        ("扩散", True),
        ("模型", True),
        ("型", True),
        ("图像", True),  # a tag
        ("扩散 图像", True),
        ("fox 扩散", True),
        ("fox扩散", True),
        ("散扩", False),
        ("语音", False),
        ("fox 语音", False),
    ],
)
def test_chinese_and_mixed_queries_find_chinese_cards(ada, text, fits):
    files = card("# 一个扩散模型\n\nIt paints a fox. 它画狐狸。", tags="[图像生成]")
    make.repository(ada, "painter", files=files)

    assert found(text) == (["ada/painter"] if fits else [])


def test_slips_are_forgiven_by_suggestions(ada):
    make.repository(ada, "stable-diffusion")
    make.repository(ada, "whisper-large")
    rows = listing.listed(ANONYMOUS, "model", Filters())

    assert found("stabel difusion") == []
    assert [row.name for row in suggested(rows, "stabel difusion")] == ["stable-diffusion"]
    assert search.correction(search.resembling(rows, "stabel difusion"), "stabel difusion") == "stable diffusion"
    assert [row.name for row in suggested(rows, "whsiper")] == ["whisper-large"]
    assert suggested(rows, "qqqq") == []
    assert search.correction(search.resembling(rows, "whisper"), "whisper") == ""


def test_what_is_private_shows_nowhere(ada):
    make.repository(ada, "secret-lattice", visibility="private", files=card("# Hidden", tags="[hush]"))
    bob = make.as_principal(make.person("bob"))
    own = make.as_principal(ada)

    for text in ("secret", "ecre", "hidden", "hush", "ada/secret-lattice"):
        assert found(text) == found(text, bob) == []
        assert found(text, own) == ["ada/secret-lattice"]
    for principal, count in ((ANONYMOUS, 0), (bob, 0), (own, 1)):
        rows = listing.listed(principal, "model", Filters())
        assert len(suggested(rows, "secert latice")) == count
        assert bool(search.correction(search.resembling(rows, "secert latice"), "secert latice")) == bool(count)
        assert listing.facets(rows, "model", "trending").counted == count
    assert listing.used_tags("model", TAG) == {}


def test_a_move_renames_what_is_found(ada):
    repository = make.repository(ada, "lattice")
    repositories.move(repository, repository.namespace, "cedar", by=make.as_principal(ada))

    assert found("lattice") == []
    assert found("cedar") == ["ada/cedar"]


def test_the_kind_is_kept_apart(ada):
    make.repository(ada, "lattice", kind="dataset")

    assert found("lattice") == []
    assert found("lattice", kind="dataset") == ["ada/lattice"]


def pages(text, size, between=lambda: None):
    rows = listing.listed(ANONYMOUS, "model", Filters(search=(text,)))
    seen, cursor = [], ""
    while True:
        page = search.best(rows, text, objects(), size=size, after=cursor)
        seen += [row.name for row in page.rows]
        cursor = page.next
        if not cursor:
            return seen
        between()


@pytest.fixture
def many(ada, monkeypatch):
    """Eleven finds in windows of four."""
    monkeypatch.setattr(search, "WINDOW", 4)
    for number in range(11):
        repository = make.repository(ada, f"lattice-{number:02}")
        SearchDocument.objects.filter(pk=repository.pk).update(popularity=number % 3)
    return ada


@pytest.mark.parametrize("size", [1, 3, 4, 5, 20])
def test_pages_of_a_search_show_everything_once(many, size):
    seen = pages("lattice", size)

    assert sorted(seen) == [f"lattice-{number:02}" for number in range(11)]


def walked(size, step=lambda: None):
    """The pages of a search to its end, and those of the way back."""
    rows = listing.listed(ANONYMOUS, "model", Filters(search=("lattice",)))
    forth = [search.best(rows, "lattice", objects(), size=size)]
    while forth[-1].next:
        step()
        forth.append(search.best(rows, "lattice", objects(), size=size, after=forth[-1].next))
    back = [forth[-1]]
    while back[-1].previous:
        step()
        back.append(search.best(rows, "lattice", objects(), size=size, before=back[-1].previous))
    return [[row.name for row in page.rows] for page in forth], [[row.name for row in page.rows] for page in back]


@pytest.mark.parametrize("size", [1, 3, 4, 5, 20])
def test_pages_of_a_search_forth_and_back_show_the_same(many, size):
    """Ties of fit and popularity among them, over the edges of windows."""
    forth, back = walked(size)
    assert back == forth[::-1]


def test_the_way_back_and_forth_again_shows_the_same(many):
    rows = listing.listed(ANONYMOUS, "model", Filters(search=("lattice",)))
    first = search.best(rows, "lattice", objects(), size=5)
    second = search.best(rows, "lattice", objects(), size=5, after=first.next)
    back = search.best(rows, "lattice", objects(), size=5, before=second.previous)

    assert (back.rows, back.previous) == (first.rows, "")
    assert search.best(rows, "lattice", objects(), size=5, after=back.next).rows == second.rows


def test_rows_that_come_and_go_shift_nothing_on_the_way_back(many):
    numbers = iter(range(50, 99))
    before = {f"lattice-{number:02}" for number in range(11)}

    def change():
        number = next(numbers)
        SearchDocument.objects.filter(pk=make.repository(many, f"lattice-{number}").pk).update(popularity=number % 3)
        for gone in Repository.objects.filter(name=f"lattice-{number - 3}"):
            repositories.delete(gone, by=make.as_principal(many))

    forth, back = walked(2, change)

    for pages in (forth, back):
        seen = [name for page in pages for name in page]
        assert len(seen) == len(set(seen))
        assert before <= set(seen)


def test_a_long_way_back_is_forgotten_and_says_so(many, monkeypatch):
    monkeypatch.setattr(search, "TRAIL", 1)
    forth, back = walked(2)
    assert [name for page in forth for name in page] == pages("lattice", 20)
    assert back == forth[::-1][: len(back)]
    assert 1 < len(back) < len(forth)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_pages_of_a_search_are_stable_while_rows_come_and_go(many, size):
    numbers = iter(range(50, 99))

    def change():
        number = next(numbers)
        repository = make.repository(many, f"lattice-{number}")
        SearchDocument.objects.filter(pk=repository.pk).update(popularity=number % 3)
        for gone in Repository.objects.filter(name=f"lattice-{number - 3}"):
            repositories.delete(gone, by=make.as_principal(many))

    seen = pages("lattice", size, change)

    assert len(seen) == len(set(seen))
    assert {f"lattice-{number:02}" for number in range(11)} <= set(seen)


FORGED = [
    paging.encode(place)
    for place in (
        [[[1, 2, 3]], None, [1, 2, 3], False],
        [None, None, [1, 2, 3], False],
        [[], [1], [1, 2, 3], False],
        [[], None, [1, -2, 3], False],
        [[[1, 2]] * (search.TRAIL + 1), None, [1, 2, 3], False],
    )
]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "W10",
        "WzFd",
        "W251bGwsbnVsbCxbMSwyXV0",
        "WzEsMiwzXQ",
        "W1sxLDJdLFsxLDJdLFsiYSIsMSwyXV0",
        "é",
        "=" * 9,
        *FORGED,
    ],
)
@pytest.mark.parametrize("way", ["after", "before"])
def test_forged_cursors_are_refused(ada, cursor, way):
    with pytest.raises(Invalid):
        search.best(listing.listed(ANONYMOUS, "model", Filters()), "lattice", objects(), size=2, **{way: cursor})


def test_odd_cards_and_texts_are_survived(ada):
    text = "NUL \x00, half \ud800".encode("utf-8", "surrogatepass") + b"\xff\xfe" + b"'quoted' \\ & | ! :* <->" * 50
    make.repository(ada, "odd", files={"README.md": text})

    assert found("quoted") == ["ada/odd"]
    for asked in ("'", "\\", "a & b", "!x", "x:*", "扩'散", "\x00", "\ud800", "x" * 10_000, "扩" * 1000, "a " * 1000):
        found(asked)
