"""The viewer as pages."""

import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import datasets as make_data
from tests.factories import hub as make

pytestmark = pytest.mark.django_db
PAGE = "/datasets/ada/shapes/viewer"


@pytest.fixture
def shapes():
    card = b"---\npretty_name: Shapes </script><b>\nlicense: mit\n---\n# Shapes\n"
    files = {"README.md": card, "train.parquet": make_data.shapes(60), "test.parquet": make_data.shapes(2)}
    return make_data.dataset(make.person("ada"), "shapes", files=files)


def html(client, address, **query):
    answer = client.get(address, query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_rows_pictures_labels_and_bars(client, shapes):
    page = html(client, PAGE)

    assert 'alt="picture, 40 × 30"' in page
    assert '<span class="badge">circle</span>' in page
    assert 'class="chart bars"' in page
    assert "shape number 49" in page
    assert "shape number 50" not in page
    assert "60 rows" in page
    second = html(client, PAGE, p=1)
    assert "shape number 59" in second
    assert "More rows" not in second
    assert "shape number 1</td>" in html(client, f"{PAGE}/default/test")


def test_searching_and_conditions(client, shapes):
    page = html(client, PAGE, q="number 5", where="label = 1")
    assert "shape number 55" in page
    assert "shape number 56" not in page
    wrong = html(client, PAGE, where="colour = 1")
    assert "colour" in wrong
    assert 'role="alert"' in wrong
    assert "Line 1, sign 1." in wrong


def test_a_view_that_is_not_there_yet_looks_again(client, shapes):
    make.put(shapes, {"train.csv": b"a\n1\n"}, by=make.as_principal(shapes.created_by))
    answer = client.get(PAGE)
    assert answer["Refresh"] == "3"
    assert "being prepared" in answer.content.decode()


@pytest.mark.parametrize("address", [f"{PAGE}/none/train", f"{PAGE}/default/none", "/datasets/ada/shapes/sql?split=x"])
def test_tables_that_are_not_there(client, shapes, address):
    assert client.get(address).status_code == 404


def test_damaged_files_say_so_on_their_page(client):
    make_data.dataset(make.person("ada"), "shapes", files={"train.parquet": b"PAR1 nothing PAR1"})
    page = html(client, PAGE)
    assert "This split cannot be shown." in page
    assert "no Parquet file" in page


def test_sql_runs_when_the_form_is_sent_and_never_by_a_link(client, shapes):
    link = html(client, "/datasets/ada/shapes/sql", query="SELECT 40 + 2 AS answer")
    assert "SELECT 40 + 2 AS answer" in link
    assert "<td" not in link
    sent = client.post("/datasets/ada/shapes/sql", {"query": "SELECT 40 + 2 AS answer, image FROM data LIMIT 1"})
    page = sent.content.decode()
    assert '<td class="cell-number">42</td>' in page
    assert 'alt="picture, 40 × 30"' in page
    wrong = client.post("/datasets/ada/shapes/sql", {"query": "SELEC 1"}).content.decode()
    assert "Line 1, sign 1." in wrong


def test_every_example_runs(client, shapes):
    page = html(client, "/datasets/ada/shapes/sql")
    examples = re.findall(r'<li><a href="\?query=([^"]+)"', page)
    assert len(examples) == 5
    for example in examples:
        from urllib.parse import unquote_plus

        sent = client.post("/datasets/ada/shapes/sql", {"query": unquote_plus(example)}).content.decode()
        assert 'role="alert"' not in sent, example


def test_the_card_page_describes_the_data_set_to_machines(client, shapes):
    page = html(client, "/datasets/ada/shapes")
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    found = json.loads(text)
    assert found["@type"] == "Dataset"
    assert found["name"] == "Shapes </script><b>"
    assert found["license"] == "mit"
    assert 'href="/api/datasets/ada/shapes/croissant"' in page
    assert '"Dataset"' not in html(client, make.repository(shapes.created_by, "model").get_absolute_url())


def test_more_rows_and_splits_take_no_more_queries(client):
    asked = []
    for count in (1, 3):
        files = {f"{name}.parquet": make_data.shapes(count) for name in ["train", "test", "dev"][:count]}
        made = make_data.dataset(make.person(), "shapes", files=files)
        address = f"{made.get_absolute_url()}/viewer"
        html(client, address)
        with CaptureQueriesContext(connection) as queries:
            html(client, address)
        asked.append(len(queries))
    assert asked[0] == asked[1]
