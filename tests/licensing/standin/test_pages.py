"""The hosted page, as a browser without JavaScript gets it."""

import urllib.error
import urllib.parse
import urllib.request

import pytest

from licensing.gateway import LineItem
from licensing.standin.pages import money
from licensing.standin.words import WORDS, language
from tests.support.stripe_standin import checkout


def read(address, accept="en", **form):
    data = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(address, data=data, headers={"Accept-Language": accept})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read().decode(), answer.headers


def test_money_is_written_with_its_currency():
    assert [money(4900, "usd"), money(1234567, "eur"), money(5, "usd"), money(500, "jpy"), money(1500, "kwd")] == [
        "49.00 USD",
        "12,345.67 EUR",
        "0.05 USD",
        "500 JPY",
        "1.500 KWD",
    ]


def test_both_languages_have_the_same_words():
    assert WORDS["en"].keys() == WORDS["zh"].keys()


@pytest.mark.parametrize(
    ("asked", "locale", "accepted", "chosen"),
    [
        (None, None, None, "en"),
        ("zh", "en", "en", "zh"),
        (None, "zh-TW", "en", "zh"),
        (None, "auto", "fr, zh-CN;q=0.8", "zh"),
        ("xx", "auto", "de", "en"),
    ],
)
def test_the_language_is_the_readers(asked, locale, accepted, chosen):
    assert language(asked, locale, accepted) == chosen


def test_the_page_says_what_it_is_and_what_is_bought(gateway):
    items = [LineItem("<script>alert(1)</script>", 4900, "usd", 2), LineItem("Seat", 50, "usd")]
    session = checkout(gateway, items=items)
    status, html, headers = read(session.url)
    assert status == 200
    for words in ("no money moves", "&lt;script&gt;", "98.00 USD", "98.50 USD", "order-1", "buyer@example.org"):
        assert words in html
    assert "<script" not in html
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "不会发生真实付款" in read(session.url, "zh-CN,zh;q=0.9")[1]
    assert "不会发生真实付款" in read(session.url + "?lang=zh")[1]


def test_only_test_cards_are_taken(gateway):
    session = checkout(gateway)
    status, html, _ = read(session.url, action="pay", card="5555 5555 5555 4444")
    assert status == 400
    assert "Only the test card numbers" in html
    assert "5555" not in html
    assert gateway.retrieve_checkout(session.id).payment_intent is None


def test_the_page_after_each_ending(gateway, standin):
    paid, declined, waiting, expired, free = (
        checkout(gateway, f"order-{n}", amount=0 if n == 4 else 4900) for n in range(5)
    )
    standin.press(paid.url, "pay")
    standin.press(declined.url, "decline")
    standin.press(waiting.url, "later")
    gateway.expire_checkout(expired.id)
    standin.press(free.url, "pay")
    for session, words in (
        (paid, "This order is paid."),
        (declined, "The last card was declined."),
        (waiting, "The order waits for the bank."),
        (expired, "This checkout has expired."),
        (free, "There was nothing to pay."),
    ):
        assert words in read(f"{standin.url}/c/pay/{session.id}")[1]
    standin.press(f"{standin.url}/c/pay/{waiting.id}", "bank_refuses")
    assert "The bank refused the debit." in read(f"{standin.url}/c/pay/{waiting.id}")[1]
    assert standin.press(f"{standin.url}/c/pay/{waiting.id}", "bank_refuses") == f"/c/pay/{waiting.id}"
    status, html, _ = read(f"{standin.url}/c/pay/cs_test_none")
    assert (status, "There is no such checkout." in html) == (404, True)
