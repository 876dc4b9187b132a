"""Lineage, credits and disputes in real Chromium, wide and narrow, light and dark."""

import pytest
from django.utils import timezone

from accounts.services import people
from hub.enums import Matter
from hub.services import crediting, disputes, lineage, sponsors
from tests.factories import hub as make
from tests.hub.services.test_crediting import ORCID
from tests.hub.services.test_versions import publish
from tests.support.browser import WIDTHS, Visitor, chromium

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
PASSWORD = "a long enough password"
by = make.as_principal


def card(licence):
    return {"README.md": f"---\nlicense: {licence}\n---\n# Words\n".encode()}


@pytest.fixture
def dispute():
    ada, bob = (people.sign_up(name, password=PASSWORD, email=f"{name}@example.org") for name in ("ada", "bob"))
    bob.orcid, bob.orcid_verified_at = "0000-0001-5109-3700", timezone.now()
    bob.save()
    base = make.repository(bob, "base", files=card("cc-by-nc-4.0"))
    publish(base, bob)
    data = make.repository(bob, "shapes", kind="dataset")
    publish(data, bob, content="5")
    model = make.repository(ada, "model", files=card("apache-2.0"))
    claims = {
        "base_models": [{"id": "bob/base"}, {"id": "elsewhere/teacher", "kind": "distilled"}],
        "datasets": [{"id": "bob/shapes", "weight": 2}],
        "credits": [
            {"user": "ada", "roles": ["software", "methodology"], "points": 2},
            {"user": "bob", "roles": ["data-curation"]},
            {"name": "Grace", "orcid": ORCID},
        ],
    }
    version = publish(model, ada, content="2", provenance=claims)
    crediting.answer(version.credits.get(user=bob), accept=True, by=by(bob))
    sponsors.record(version, namespace=bob.namespace, job="job:1", source="award:1", gpu_seconds=7200)
    lineage.confirm(version.edges.get(parent=base), by=by(bob))
    for number in range(4):
        child = make.repository(bob, f"child-with-a-rather-long-name-{number}")
        claims = {"base_models": [{"id": "ada/model", "kind": "merge" if number else "adapter"}]}
        publish(child, bob, content=str(6 + number % 3), provenance=claims)
    opened = disputes.open_dispute(version, Matter.ORDER, reason="Bob should come first.", by=by(bob))
    lines = [disputes.Line(bob, ("data-curation",)), disputes.Line(ada, ("software",), 2)]
    return disputes.answer(opened, text="Agreed, so:", by=by(ada), proposal=lines)


def test_lineage_credits_and_disputes(site, dispute):
    pages = {
        "lineage": "/ada/model/lineage?depth=3",
        "conflict": "/ada/model",
        "credits-edit": "/ada/model/credits",
        "dispute": f"/ada/model/disputes/{dispute.pk}",
        "dispute-new": "/ada/model/disputes/new?matter=roles",
        "lineage-filtered": "/ada/model/lineage?type=merge&evidence=claimed",
    }
    with chromium() as browser:
        for width in WIDTHS:
            visitor = Visitor(browser, site.url, width=width, dark=width == 390)
            visitor.log_in("ada", PASSWORD)
            for name, path in pages.items():
                visitor.open(path)
                visitor.check_looks(f"credits-{name}")
            page = visitor.open(pages["lineage"])
            page.locator(".lineage-graph a[aria-label='bob/base']").focus()
            page.keyboard.press("Enter")
            page.wait_for_url("**/bob/base/lineage")
            visitor.close()
