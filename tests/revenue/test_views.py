import csv
import hashlib
import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from revenue import tasks
from revenue.algorithms.pools import RULE_SHA256, RULES
from revenue.charts import revenue_bars
from revenue.models import HashBlock, MonthClose, PeriodLock, Sale, Statement
from revenue.selectors import public_books
from revenue.services import auditors, months, sales
from tests.factories import revenue as make
from tests.revenue.conftest import OCTOBER

WHO = ["anonymous", "stranger", "owner", "staff"]
PUBLIC = ["/books", "/books/share-rule-v1.md", "/api/books", "/api/books/blocks"]
OWN = ["/statements/{id}", "/statements/{id}.json", "/statements/{id}.csv"]


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("who", WHO)
def test_the_public_books_are_public_and_name_no_customer(as_who, path, who):
    answer = as_who(who).get(path)
    assert answer.status_code == 200
    assert "secret-company" not in answer.content.decode()


@pytest.mark.parametrize("path", OWN)
@pytest.mark.parametrize(("who", "status"), [("anonymous", 302), ("stranger", 404), ("owner", 200), ("staff", 200)])
def test_statements_are_seen_by_their_owner_and_staff(as_who, world, path, who, status):
    assert as_who(who).get(path.format(id=world.statement.pk)).status_code == status


@pytest.mark.parametrize(
    ("who", "status", "shown"), [("anonymous", 302, 0), ("stranger", 200, 0), ("owner", 200, 1), ("staff", 200, 2)]
)
def test_the_list_shows_ones_own_and_all_to_staff(as_who, who, status, shown):
    answer = as_who(who).get("/statements")
    assert answer.status_code == status
    assert answer.content.decode().count('href="/statements/') == shown


@pytest.mark.parametrize(
    "path", ["/statements", "/books", "/books/share-rule-v1.md", *(path.format(id=1) for path in OWN)]
)
def test_pages_are_for_reading_only(as_who, path):
    assert as_who("owner").post(path).status_code == 405


def test_the_downloads_are_what_was_hashed_and_what_was_said(as_who, world):
    client, statement = as_who("owner"), world.statement
    downloaded = client.get(f"/statements/{statement.pk}.json")
    assert hashlib.sha256(downloaded.content).hexdigest() == statement.sha256
    assert downloaded["Content-Disposition"] == f'attachment; filename="statement-{statement.number}.json"'
    rows = list(csv.DictReader(io.StringIO(client.get(f"/statements/{statement.pk}.csv").content.decode())))
    lines = json.loads(downloaded.content)["lines"]
    assert rows == [{name: str(value) for name, value in line.items()} | {"currency": "eur"} for line in lines]


def test_the_page_shows_hash_signature_and_the_lines(as_who, world):
    page = as_who("owner").get(f"/statements/{world.statement.pk}").content.decode()
    for text in (
        world.statement.sha256,
        world.statement.signature,
        world.graph.root,
        "50.0000 %",
        "2.50 EUR",
        RULE_SHA256,
    ):
        assert text in page


@pytest.mark.parametrize("name", sorted(RULES))
def test_each_rule_is_served_byte_for_byte(as_who, name):
    answer = as_who("anonymous").get(f"/books/{name}.md")
    assert hashlib.sha256(answer.content).hexdigest() == RULES[name]
    assert answer["Content-Type"] == "text/plain; charset=utf-8"


def test_other_texts_are_no_rules(as_who):
    assert as_who("anonymous").get("/books/settings.md").status_code == 404


def test_the_books_page_shows_the_pool_and_the_months(as_who):
    page = as_who("anonymous").get("/books").content.decode()
    for text in (
        "2026-10.1",
        "100.00 EUR",
        "10.00 EUR",
        "5.00 EUR",
        "3.00 EUR",
        "0.30 EUR",
        "10/26",
        f"{timezone.now():%m/%y}",
    ):
        assert text in page


def test_empty_books_have_a_page(client, db):
    assert "Nothing has been sold yet." in client.get("/books").content.decode()


def test_a_statement_tells_what_went_back_since(as_who, world):
    client = as_who("owner")
    before = client.get(f"/statements/{world.statement.pk}").content.decode()
    assert "Went back since" not in before
    reference = Sale.objects.order_by("pk").first().reference
    sales.reverse_sale(reference, amount=119 * make.UNIT // 2, key="re", reason="asked", at=timezone.now())
    page = client.get(f"/statements/{world.statement.pk}").content.decode()
    assert "Went back since" in page
    assert "Left after what went back" in page
    assert page.count("1.25 EUR") == 2  # half of 2.50 went back, and half is left
    staff = as_who("staff").get(f"/statements/{world.statement.pk}").content.decode()
    assert "1.25 EUR" in staff


def _more(world, count):
    """Several further closings, each in another currency, for everybody."""
    for number in range(count):
        make.sale(world.buyer, graph=world.graph, currency=f"xx{chr(97 + number)}", at=OCTOBER)
    now = timezone.now()
    call_command("close_month", str(now.year), str(now.month), "--through", "now")


@pytest.mark.parametrize("path", ["/statements", "/api/statements", "/books", "/api/books"])
@pytest.mark.parametrize("who", ["owner", "staff"])
def test_lists_take_the_same_queries_with_one_row_and_with_more(as_who, world, path, who, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = as_who(who)
    with CaptureQueriesContext(connection) as few:
        client.get(path)
    _more(world, 3)
    with django_assert_num_queries(len(few)):
        client.get(path)


def test_the_chart_reaches_the_top_and_never_below_the_floor(world):
    (book,) = public_books()
    bars = revenue_bars(book.months)
    assert [(bar.licence_height, bar.usage_height) for bar in bars] == [(144, 0), (0, 4)]
    assert revenue_bars([]) == []


def test_months_are_closed_by_command(world, capsys):
    with pytest.raises(CommandError, match="not over"):
        _close_now_without_through()
    with pytest.raises(CommandError, match="time zone"):
        call_command("close_month", "2026", "11", "--through", "2026-11-01T00:00")
    capsys.readouterr()
    call_command("close_month", "2026", "10")
    assert capsys.readouterr().out.startswith("2026-10.1  net 100.00 EUR  pool 10.00 EUR  creators 5.00 EUR (2 people)")


def _close_now_without_through():
    now = timezone.now()
    call_command("close_month", str(now.year), str(now.month))


def test_a_month_without_revenue_says_so(db, capsys):
    call_command("close_month", "2026", "9")
    assert "no revenue" in capsys.readouterr().out


def test_nightly_tasks_may_come_twice(world, capsys):
    for _time in range(2):
        tasks.seal_blocks()
        tasks.mature_shares()
    assert HashBlock.objects.count() == 1
    make.sale(world.buyer)
    call_command("seal_blocks")
    assert capsys.readouterr().out.startswith("block 2: 1 journals, ")
    assert auditors.chain_is_intact() == []


@pytest.mark.django_db(transaction=True)
def test_the_nightly_check_logs_what_is_broken(caplog):
    from common.services.auditing import _auditors

    tasks.reconcile()
    assert caplog.records == []
    _auditors["test"] = lambda: ["Something is off."]
    try:
        tasks.reconcile()
    finally:
        del _auditors["test"]
    assert [record.violation for record in caplog.records] == ["Something is off."]


@pytest.mark.parametrize(
    ("who", "status", "shown"), [("anonymous", 401, None), ("stranger", 200, 0), ("owner", 200, 1), ("staff", 200, 2)]
)
def test_statements_by_api(client, world, token_of, who, status, shown):
    headers = {} if who == "anonymous" else token_of(who)
    answer = client.get("/api/statements", headers=headers)
    assert answer.status_code == status
    if shown is not None:
        assert len(answer.json()["statements"]) == shown


@pytest.mark.parametrize(("who", "status"), [("anonymous", 401), ("stranger", 404), ("owner", 200), ("staff", 200)])
def test_one_statement_by_api(client, world, token_of, who, status):
    headers = {} if who == "anonymous" else token_of(who)
    answer = client.get(f"/api/statements/{world.statement.pk}", headers=headers)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["statement"] == json.loads(world.statement.body)


def test_a_jobs_token_sees_no_money(client, world):
    from datetime import timedelta

    from accounts.services.tokens import issue_job_token

    owner = world.people["owner"]
    token = issue_job_token(owner, namespace=owner.namespace, job="1", expires_at=timezone.now() + timedelta(hours=1))
    answer = client.get("/api/statements", headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {"statements": []}


@pytest.mark.parametrize(("who", "status"), [("anonymous", 401), ("stranger", 403), ("owner", 403), ("staff", 200)])
def test_months_are_closed_by_staff_through_the_api(client, world, token_of, who, status):
    headers = {} if who == "anonymous" else token_of(who)
    form = {"year": timezone.now().year, "month": timezone.now().month, "through": "now"}
    answer = client.post("/api/books/closings", form, content_type="application/json", headers=headers)
    assert answer.status_code == status
    if status == 200:
        assert [(row["sequence"], row["net"]) for row in answer.json()["closings"]] == [(1, 3 * make.UNIT)]
    else:
        assert MonthClose.objects.count() == PeriodLock.objects.count() == 1
        assert answer.json()["error"]


def test_a_read_token_of_staff_closes_nothing(client, world, token_of):
    answer = client.post(
        "/api/books/closings",
        {"year": 2026, "month": 10},
        content_type="application/json",
        headers=token_of("staff", scope="read"),
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "form",
    ["{", "[]", '{"year": 2026}', '{"year": 2026, "month": 11, "through": "soon"}', '{"year": 2026, "month": 13}'],
)
def test_forms_that_say_nothing_are_refused(client, world, token_of, form):
    answer = client.post("/api/books/closings", form, content_type="application/json", headers=token_of("staff"))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_the_books_by_api(client, world):
    body = client.get("/api/books").json()
    (book,) = body["books"]
    assert book["months"][0] == {"month": "2026-10", "licence": 10**8, "usage": 0, "total": 10**8}
    assert book["award_pool"] == {"balance": 5 * make.UNIT, "awarded": 0, "awards": 0}
    assert book["creators"] == {"ever": 5 * make.UNIT, "people": 2, "pending": 5 * make.UNIT, "due": 0}
    assert book["open"] == {"net": 3 * make.UNIT, "pool": 300_000, "creators": 150_000, "awards": 150_000}
    assert body["rule"]["sha256"] == RULE_SHA256


def test_the_blocks_by_api_hold_hashes_and_signatures_only(client, world):
    (block,) = client.get("/api/books/blocks").json()["blocks"]
    assert set(block) == {
        "type",
        "sequence",
        "after_journal",
        "last_journal",
        "journals",
        "previous",
        "sha256",
        "signature",
    }


def test_closed_books_stay_as_they_were(world):
    bodies = list(Statement.objects.values_list("body", flat=True))
    months.close_month(2026, 10)
    assert list(Statement.objects.values_list("body", flat=True)) == bodies
