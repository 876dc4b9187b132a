"""Every page in real Chromium, wide and narrow, in both languages and both colour schemes."""

import pytest

from tests.support.browser import WIDTHS, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PUBLIC = {
    "home": "/",
    "login": "/login",
    "sign-up": "/sign-up",
    "models": "/models",
    "datasets": "/datasets",
    "model": "/researcher/shapes-mmdit",
    "model-files": "/researcher/shapes-mmdit/tree/main",
    "model-file": "/researcher/shapes-mmdit/blob/main/model_index.json",
    "model-history": "/researcher/shapes-mmdit/commits/main",
    "model-file-history": "/researcher/shapes-mmdit/commits/main?path=model_index.json",
    "model-compare": "/researcher/shapes-mmdit/compare/main..main",
    "model-lineage": "/researcher/shapes-mmdit/lineage",
    "dataset": "/datasets/maker/shapes",
    "model-likers": "/researcher/shapes-mmdit/likers",
    "collections": "/collections",
    "followers": "/users/researcher/followers",
    "likes": "/users/researcher/likes",
    "dataset-opt-outs": "/datasets/maker/shapes/opt-outs",
    "dataset-opt-out-new": "/datasets/maker/shapes/opt-outs/new",
    "report": "/report?about=/researcher/shapes-mmdit",
    "register": "/register",
    "dataset-rows": "/datasets/maker/shapes/viewer",
    "dataset-sql": "/datasets/maker/shapes/sql",
    "person": "/researcher",
    "company": "/northwind",
    "grants": "/grants",
    "call": "/grants/calls/first-models",
    "round": "/grants/rounds/demo-round",
    "awards": "/awards",
    "calls": "/grants/calls",
    "licences": "/licences",
    "verify": "/verify",
    "books": "/books",
    "studio": "/studio",
    "gallery": "/gallery",
    "public-albums": "/gallery/albums",
    "check-picture": "/studio/verify",
    "policy": "/policy",
}
OWN = {
    "researcher": {
        "tokens": "/settings/tokens",
        "webhooks": "/settings/webhooks",
        "new-collection": "/collections/new",
        "new-organisation": "/organisations/new",
        "new-repository": "/new",
        "settings": "/researcher/shapes-mmdit/settings",
        "duplicate": "/researcher/shapes-mmdit/duplicate",
        "edit": "/researcher/shapes-mmdit/edit/main/README.md",
        "new-file": "/researcher/shapes-mmdit/new/main",
        "move-file": "/researcher/shapes-mmdit/move/main/model_index.json",
        "delete-file": "/researcher/shapes-mmdit/delete/main/model_index.json",
        "upload": "/researcher/shapes-mmdit/upload/main",
        "requests": "/settings/access",
        "apply": "/grants/calls/first-models/apply",
        "proposals": "/proposals",
        "proposal": "/proposals/{proposal}",
        "award": "/awards/{award}",
        "invitations": "/organisations/invitations",
        "compute": "/compute",
        "allocation": "/compute/allocations/{allocation}",
        "job": "/jobs/researcher/{job}",
        "studio-own": "/studio",
        "studio-history": "/studio/history",
        "albums": "/studio/albums",
        "compare": "/studio/comparisons",
        "statements": "/statements",
        "policy-own": "/policy",
    },
    "reviewer": {"reviews": "/reviews"},
    "buyer": {"licences-own": "/licences", "credits": "/credits", "members": "/organisations/northwind/members"},
}


def address(demo_site, path):
    for name in ("proposal", "award", "allocation", "job"):
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", str(demo_site.state(name)))
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_public_pages(demo_site, browser, width):
    visitor = Visitor(browser, demo_site.url, width=width)
    for name, path in PUBLIC.items():
        visitor.open(path)
        visitor.check_looks(name)
    visitor.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("who", OWN)
def test_own_pages(demo_site, browser, who, width):
    visitor = Visitor(browser, demo_site.url, width=width)
    visitor.log_in(who, demo_site.password(who))
    for name, path in OWN[who].items():
        visitor.open(address(demo_site, path))
        visitor.check_looks(f"{who}-{name}")
    visitor.close()


def test_pages_in_chinese_and_in_the_dark(demo_site, browser):
    visitor = Visitor(browser, demo_site.url, width=390, language="zh-hans", dark=True)
    for name, path in PUBLIC.items():
        page = visitor.open(path)
        assert page.locator("html").get_attribute("lang") == "zh-hans"
        visitor.check_looks(f"zh-{name}")
    visitor.close()


def test_every_statement_and_certificate_page_opens(demo_site, browser):
    """The pages that the demo's table tells people to open next."""
    visitor = Visitor(browser, demo_site.url)
    visitor.log_in("researcher", demo_site.password("researcher"))
    looks = [step["look"] for step in demo_site.report["steps"] if step["look"]]
    for number, path in enumerate(looks):
        if path.startswith(("/licences/orders", "/credits")):
            continue  # the buyer's own
        visitor.open(path)
        visitor.check_looks(f"next-{number}")
    visitor.close()


def test_the_keyboard_reaches_the_content_first(demo_site, browser):
    visitor = Visitor(browser, demo_site.url)
    page = visitor.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    visitor.close()


def test_the_language_is_switched_by_a_button(demo_site, browser):
    visitor = Visitor(browser, demo_site.url)
    page = visitor.open("/models?search=shapes")
    visitor.press("button[value='zh-hans']")
    assert page.locator("html").get_attribute("lang") == "zh-hans"
    assert page.url.endswith("/models?search=shapes")
    visitor.close()
