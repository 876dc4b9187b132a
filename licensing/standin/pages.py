"""The hosted checkout page: plain HTML, no JavaScript, readable on a telephone and in the dark."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from . import sessions
from .errors import ApiError
from .words import WORDS, language
from .world import World

WORKING_CARD = "4242424242424242"
DECLINED_CARDS = {"4000000000000002": "generic_decline", "4000000000009995": "insufficient_funds"}
_NO_MINOR_UNIT = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"]
)
_THOUSAND_MINOR_UNITS = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])


@dataclass(frozen=True, slots=True)
class Page:
    """An answer for a browser: HTML, or a place to go to."""

    status: int
    html: str = ""
    location: str = ""


def money(amount: int, currency: str) -> str:
    """Minor units as people write them: 4900 usd is "49.00 USD"."""
    digits = 0 if currency in _NO_MINOR_UNIT else 3 if currency in _THOUSAND_MINOR_UNITS else 2
    whole, part = divmod(amount, 10**digits)
    written = f"{whole:,}.{part:0{digits}d}" if digits else f"{whole:,}"
    return f"{written} {currency.upper()}"


def show(world: World, session_id: str, *, asked: str | None, accepted: str | None) -> Page:
    session = world.store.find("checkout.session", session_id)
    if session is None:
        words = WORDS[language(asked, None, accepted)]
        return Page(404, _layout(words, words["checkout"], "", _notice(words["unknown"], "bad")))
    return _page(world, session, asked=asked, accepted=accepted)


def act(world: World, session_id: str, form: dict[str, Any], *, asked: str | None, accepted: str | None) -> Page:
    """A button was pressed. Afterwards the browser goes to the shop or back to this page."""
    session = world.store.find("checkout.session", session_id)
    if session is None:
        return show(world, session_id, asked=asked, accepted=accepted)
    here = Page(303, location=f"/c/pay/{session_id}" + (f"?lang={quote(asked)}" if asked else ""))
    action = form.get("action")
    number = "".join(str(form.get("card", "")).split()) or WORKING_CARD
    if session["status"] == "open" and action == "pay" and session["amount_total"]:
        if number in DECLINED_CARDS:
            sessions.decline(world, session, number, DECLINED_CARDS[number])
            return here
        if number != WORKING_CARD:
            return _page(world, session, asked=asked, accepted=accepted, wrong_card=True)
    if session["status"] == "open" and action == "decline":
        sessions.decline(world, session, "4000000000000002", "generic_decline")
        return here
    if session["status"] == "open" and action == "pay":
        sessions.pay(world, session, number)
    elif session["status"] == "open" and action == "later" and _offers_bank(session):
        sessions.pay_later(world, session)
    elif action in ("bank_confirms", "bank_refuses"):
        try:
            sessions.settle(world, session, arrived=action == "bank_confirms")
        except ApiError:
            return here  # pressed twice: the bank has answered already
        return here
    if session["status"] == "complete" and action in ("pay", "later"):
        return Page(303, location=_success(session))
    return here


def _success(session: dict[str, Any]) -> str:
    address: str = session["success_url"]
    return address.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _offers_bank(session: dict[str, Any]) -> bool:
    return session["amount_total"] > 0 and session["payment_method_types"] != ["card"]


def _page(
    world: World,
    session: dict[str, Any],
    *,
    asked: str | None,
    accepted: str | None,
    wrong_card: bool = False,
) -> Page:
    chosen = language(asked, session["locale"], accepted)
    words = WORDS[chosen]
    other = "en" if chosen == "zh" else "zh"
    switch = f'<a class="switch" lang="{other}" hreflang="{other}" href="?lang={other}">{words["other_language"]}</a>'
    intent = world.store.find("payment_intent", session["payment_intent"] or "")
    body = _order(words, session, sessions.line_items(world, session["id"]))
    body += _next_step(words, session, intent, chosen, wrong_card=wrong_card)
    title = words["title"] if session["status"] == "open" else words["checkout"]
    return Page(400 if wrong_card else 200, _layout(words, title, switch, body, chosen))


def _order(words: dict[str, str], session: dict[str, Any], items: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(item['description'])}</th>"
        f"<td>{item['quantity']}</td><td>{money(item['amount_total'], item['currency'])}</td></tr>"
        for item in items
    )
    facts = [
        (words["reference"], session["client_reference_id"]),
        (words["email"], session["customer_email"]),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts if value)
    total = money(session["amount_total"], session["currency"])
    return (
        f"<section aria-labelledby='order'><h2 id='order'>{words['order']}</h2><table><thead><tr>"
        f"<th scope='col'>{words['item']}</th><th scope='col'>{words['quantity']}</th>"
        f"<th scope='col'>{words['amount']}</th></tr></thead><tbody>{rows}</tbody><tfoot><tr>"
        f"<th scope='row' colspan='2'>{words['total']}</th><td>{total}</td></tr></tfoot></table>"
        + (f"<dl>{listed}</dl>" if listed else "")
        + "</section>"
    )


def _next_step(
    words: dict[str, str],
    session: dict[str, Any],
    intent: dict[str, Any] | None,
    chosen: str,
    *,
    wrong_card: bool,
) -> str:
    if session["status"] == "open":
        return _forms(words, session, intent, chosen, wrong_card=wrong_card)
    if session["status"] == "expired":
        return _notice(words["expired"], "bad")
    back = f'<p><a class="button" href="{escape(_success(session))}">{words["back"]}</a></p>'
    if session["payment_status"] == "unpaid" and intent is not None:
        if intent["status"] != "processing":
            return _notice(words["returned"], "bad") + back
        buttons = _button("bank_confirms", words["bank_confirms"]) + _button("bank_refuses", words["bank_refuses"])
        waiting = _notice(words["waiting"], "plain") + f"<p>{words['waiting_help']}</p>"
        return f"{waiting}<form method='post' action='?lang={chosen}'>{buttons}</form>{back}"
    said = words["paid"] if session["payment_status"] == "paid" else words["free"]
    return _notice(said, "good") + back


def _forms(
    words: dict[str, str],
    session: dict[str, Any],
    intent: dict[str, Any] | None,
    chosen: str,
    *,
    wrong_card: bool,
) -> str:
    action = f"method='post' action='?lang={chosen}'"
    leave = (
        f'<a class="button" href="{escape(session["cancel_url"])}">{words["leave"]}</a>'
        if session["cancel_url"]
        else ""
    )
    if session["amount_total"] == 0:
        confirm = _button("pay", words["confirm"], "main")
        return f"<form {action}>{confirm}</form><div class='others'>{leave}</div>"
    said = ""
    if wrong_card:
        said = _notice(words["only_test_cards"], "bad")
    elif intent is not None and intent["last_payment_error"]:
        said = _notice(words["declined"], "bad")
    pay = words["pay"].format(total=money(session["amount_total"], session["currency"]))
    invalid = " aria-invalid='true'" if wrong_card else ""
    later = _button("later", words["later"]) if _offers_bank(session) else ""
    return (
        f"{said}<form {action}><label for='card'>{words['card']}</label>"
        f"<input id='card' name='card' inputmode='numeric' autocomplete='off' maxlength='23'"
        f" placeholder='4242 4242 4242 4242' aria-describedby='card-help'{invalid}>"
        f"<p class='help' id='card-help'>{words['card_help']}</p>"
        f"{_button('pay', pay, 'main')}</form>"
        f"<h2>{words['other_ways']}</h2><form class='others' {action}>{later}"
        f"{_button('decline', words['decline'])}{leave}</form>"
    )


def _button(action: str, text: str, look: str = "") -> str:
    return f"<button class='button {look}' name='action' value='{action}'>{escape(text)}</button>"


def _notice(text: str, look: str) -> str:
    return f"<p class='notice {look}' role='status'>{escape(text)}</p>"


def _layout(words: dict[str, str], title: str, switch: str, body: str, chosen: str = "en") -> str:
    lang = "zh-Hans" if chosen == "zh" else "en"
    return (
        f"<!doctype html><html lang='{lang}'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<meta name='robots' content='noindex'><link rel='icon' href='data:,'>"
        f"<title>{title}</title><style>{STYLE}</style></head><body>"
        f"<header><div><strong>{words['banner']}</strong>{switch}</div></header><main>"
        f"<h1>{title}</h1><p class='help'>{words['explain']}</p>{body}</main></body></html>"
    )


STYLE = """
:root { color-scheme: light dark; --ground: #f6f6f3; --paper: #fff; --ink: #1c1f23; --soft: #5b6068;
 --line: #d9d9d2; --accent: #155e75; --on-accent: #fff; --warn: #fdf3d7; --warn-ink: #5c4306;
 --good: #e3f2e8; --good-ink: #14532d; --bad: #fbe7e4; --bad-ink: #7f1d1d; }
@media (prefers-color-scheme: dark) { :root { --ground: #15181b; --paper: #1d2125; --ink: #e9e9e6;
 --soft: #a4aab2; --line: #353b41; --accent: #67c3dd; --on-accent: #06222b; --warn: #3a2f10;
 --warn-ink: #f4dd9a; --good: #14321f; --good-ink: #b5e6c6; --bad: #3d1b18; --bad-ink: #f8c4bd; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.55;
 font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", "Noto Sans CJK SC", sans-serif; }
header { background: var(--warn); color: var(--warn-ink); }
header div { max-width: 40rem; margin: 0 auto; padding: .75rem 1.5rem; display: flex; gap: 1rem;
 justify-content: space-between; align-items: baseline; }
header a { color: inherit; white-space: nowrap; }
main { max-width: 40rem; margin: 1.5rem auto 3rem; padding: 1.5rem; background: var(--paper);
 border: 1px solid var(--line); border-radius: .75rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
.help { color: var(--soft); font-size: .9rem; margin: .35rem 0 1rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .5rem 0; text-align: left; vertical-align: top; font-weight: 400;
 border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
td { text-align: right; white-space: nowrap; padding-left: 1rem; font-variant-numeric: tabular-nums; }
thead th { font-size: .85rem; color: var(--soft); }
thead th:not(:first-child) { text-align: right; padding-left: 1rem; white-space: nowrap; }
tfoot th, tfoot td { font-weight: 650; border-bottom: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: .75rem 0;
 font-size: .9rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
label { display: block; font-weight: 600; margin-top: 1.5rem; }
input { width: 100%; padding: .65rem .75rem; margin-top: .35rem; font: inherit; color: inherit;
 background: var(--ground); border: 1px solid var(--soft); border-radius: .5rem; }
.button { display: block; width: 100%; min-height: 2.75rem; padding: .6rem 1rem; margin: .5rem 0;
 font: inherit; text-align: center; text-decoration: none; cursor: pointer; color: var(--ink);
 background: transparent; border: 1px solid var(--soft); border-radius: .5rem; }
.button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent);
 font-weight: 650; }
.button:hover { border-color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.notice { padding: .75rem 1rem; border-radius: .5rem; margin: 1.25rem 0 .5rem;
 background: var(--ground); }
.notice.good { background: var(--good); color: var(--good-ink); }
.notice.bad { background: var(--bad); color: var(--bad-ink); }
@media (min-width: 40rem) { .others { display: grid; gap: .75rem;
 grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); } .others .button { margin: 0; } }
@media (max-width: 40rem) { header div { padding: .75rem 1rem; }
 th, td { font-size: .9rem; } td, thead th:not(:first-child) { padding-left: .75rem; }
 main { margin: 0; border: 0; border-radius: 0; padding: 1.25rem 1rem 2rem; } }
"""
