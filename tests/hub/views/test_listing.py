"""The lists of models and data sets, as people see them."""

import re
from html import unescape

import pytest

from hub.models import Repository
from hub.selectors import listing, search
from hub.views import listing as views
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


def card(**facts):
    return {"README.md": ("---\n" + "".join(f"{key}: {value}\n" for key, value in facts.items()) + "---\n").encode()}


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def names(client):
    def ask(address):
        html = client.get(address).content.decode()
        return re.findall(r'<div class="title">[^/<]*/([^<]*)</div>', html)

    return ask


def links(client, address):
    html = client.get(address).content.decode()
    return {text: unescape(href) for href, text in re.findall(r'href="(\?[^"]*)"[^>]*>([^<]*)', html)}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("query", "queries"), [("", 2), ("?search=lattice", 3), ("?task=translation&tag=x", 2)])
def test_a_list_takes_the_same_number_of_queries(client, ada, count, query, queries, django_assert_num_queries):
    for number in range(count):
        make.repository(ada, f"lattice-{number}", files=card(pipeline_tag="translation", tags="[x]"))
    with django_assert_num_queries(queries):
        client.get(f"/models{query}")


def test_facets_add_and_take_away(client, ada, names):
    make.repository(ada, "a", files=card(pipeline_tag="translation", language="zh", license="mit", tags="[red, blue]"))
    make.repository(ada, "b", files=card(pipeline_tag="translation", language="en", license="mit"))
    html = client.get("/models").content.decode()
    assert 'translation <span class="muted">2</span>' in html
    assert 'zh <span class="muted">1</span>' in html

    assert names("/models" + links(client, "/models")["zh "]) == ["a"]
    chosen = "/models" + links(client, "/models")["red "]
    both = "/models" + links(client, chosen)["blue "]
    assert names(chosen) == names(both) == ["a"]
    assert both.count("tag=") == 2
    assert set(names("/models" + links(client, chosen)["red ×"])) == {"a", "b"}
    assert set(names("/models" + links(client, both)["Take all away"])) == {"a", "b"}


def test_data_sets_have_their_own_facets(client, ada, names):
    make.repository(ada, "a", kind="dataset", files=card(task_categories="[translation]", language="zh"))
    make.repository(ada, "b", kind="dataset")

    found = links(client, "/datasets")

    assert names("/datasets" + found["translation "]) == names("/datasets" + found["zh "]) == ["a"]
    assert "Parameters" not in client.get("/datasets").content.decode()


def test_gates_are_a_facet_with_numbers(client, ada, names):
    for name, gated in (("a", "auto"), ("b", "manual"), ("c", "open"), ("d", "open")):
        Repository.objects.filter(pk=make.repository(ada, name).pk).update(gated=gated)
    html = client.get("/models").content.decode()
    assert 'open to all who see it <span class="muted">2</span>' in html
    assert 'gated, decided by its owners <span class="muted">1</span>' in html

    found = links(client, "/models")
    assert names("/models" + found["gated, open at once "]) == ["a"]
    assert names("/models" + found["gated, decided by its owners "]) == ["b"]
    assert set(names("/models" + found["open to all who see it "])) == {"c", "d"}
    assert set(names("/models?gated=true")) == {"a", "b"}
    assert len(names("/models" + links(client, "/models?gated=true")["gated ×"])) == 4
    assert len(names("/models?gated=nonsense")) == 4
    assert "open to all" not in client.get("/models?gated=manual").content.decode()


def test_a_range_of_parameters(client, ada, names):
    for name, count in (("small", 10**8), ("large", 9 * 10**9)):
        made = make.repository(ada, name)
        Repository.objects.filter(pk=made.pk).update(parameters=count)

    assert names("/models" + links(client, "/models")["7 B to 40 B"]) == ["large"]
    assert names("/models?size=max:1B") == ["small"]
    assert set(names("/models?size=nonsense")) == {"small", "large"}


def test_next_previous_and_first_page(client, ada, names, monkeypatch):
    monkeypatch.setattr(views, "SIZE", 2)
    for number in range(5):
        make.repository(ada, f"m{number}")
    order = "/models?order=created"
    second = "/models" + links(client, order)["Next"]
    third = "/models" + links(client, second)["Next"]

    assert [names(order), names(second), names(third)] == [["m4", "m3"], ["m2", "m1"], ["m0"]]
    assert "Next" not in links(client, third)
    back = "/models" + links(client, third)["Previous"]
    assert names(back) == ["m2", "m1"]
    assert names("/models" + links(client, back)["Previous"]) == ["m4", "m3"]
    later = "/models" + links(client, "/models?search=ada")["Next"]
    assert len(names(later)) == 2
    assert "First page" not in links(client, later)
    back = "/models" + links(client, later)["Previous"]
    assert names(back) == names("/models?search=ada") == ["m4", "m3"]
    assert "Previous" not in links(client, back)


def test_the_search_box_keeps_filters_and_the_order_is_relevance(client, ada):
    make.repository(ada, "lattice", files=card(tags="[red, blue]", license="mit"))
    html = client.get("/models?search=lattice&licence=mit&tag=red&tag=blue").content.decode()
    assert '<input type="hidden" name="licence" value="mit">' in html
    assert html.count('<input type="hidden" name="tag"') == 2
    assert re.search(r'aria-current="true">Best match', html)


def test_nothing_found_offers_other_ways(client, ada, names):
    make.repository(ada, "stable-diffusion")
    html = client.get("/models?search=stabel+difusion").content.decode()
    assert "Did you mean" in html
    assert "search=stable+diffusion" in html
    assert names("/models?search=stabel+difusion") == ["stable-diffusion"]

    filtered = client.get("/models?search=stable&licence=mit").content.decode()
    assert "Search without the filters" in filtered
    assert "Try fewer or other words" in client.get("/models?search=qqqq").content.decode()


def test_counts_say_what_they_count(client, ada, monkeypatch):
    for number in range(3):
        make.repository(ada, f"m{number}")
    assert "The numbers count all results" in client.get("/models").content.decode()
    assert "3 results" in client.get("/models").content.decode()

    monkeypatch.setattr(listing, "SAMPLE", 2)
    html = client.get("/models").content.decode()
    assert "More than 2 results" in html
    assert "The numbers count the first 2 results" in html


def test_private_repositories_leak_neither_by_facets_nor_by_suggestions(client, ada):
    files = card(pipeline_tag="secret-task", library_name="secret-library", license="bsl-1.0", tags="[hush]")
    make.repository(ada, "hidden-lattice", visibility="private", files=files)
    pages = ["/models", "/models?search=hiden+latice", "/models?search=lattice", "/models?tag=hush"]

    def shown():
        html = "".join(client.get(page).content.decode() for page in pages)
        return any(word in html for word in ("secret-", "hidden-lattice", "hidden lattice", "1 result"))

    assert not shown()
    client.force_login(make.person("bob"))
    assert not shown()
    client.force_login(ada)
    assert shown()


@pytest.mark.parametrize(
    "query",
    [
        "search=" + "a+" * 500,
        "search=%E6%89%A9%27%22%5C",
        "search=%ED%A0%80",
        "tag=" + "&tag=".join("abcdefghijklmnop"),
        "order=beauty",
        "size=min:9999999999999999B",
        "after=x",
        "before=W10",
        "search=a&after=W10",
        "author=%00",
        "task=%27",
    ],
)
def test_odd_questions_break_nothing(client, ada, query):
    make.repository(ada, "a")
    assert client.get(f"/models?{query}").status_code in {200, 400}


def test_suggestions_are_bounded(client, ada):
    for number in range(search.SUGGESTIONS + 2):
        make.repository(ada, f"lattice-{number}")
    assert client.get("/models?search=latice").content.decode().count('class="title"') == search.SUGGESTIONS
