"""What crawlers are told."""

import xml.etree.ElementTree as ET

import pytest

from hub.views import sitemaps
from tests.factories import hub as make

pytestmark = pytest.mark.django_db

NAMES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def addresses(answer):
    return [found.text for found in ET.fromstring(answer.content).findall(".//s:loc", NAMES)]


def test_public_pages_are_listed_and_no_others(client, settings, monkeypatch):
    monkeypatch.setattr(sitemaps, "SPAN", 2)
    ada = make.person("ada")
    made = [make.repository(ada, name, kind=kind) for name, kind in (("one", "model"), ("two", "dataset"))]
    make.repository(ada, "hidden", visibility="private")
    client.force_login(ada)

    pages = addresses(client.get("/sitemap.xml"))
    found = [
        one for page in pages if (answer := client.get(page.removeprefix(settings.BASE_URL))).status_code == 200
        for one in addresses(answer)
    ]  # fmt: skip

    assert found == [f"{settings.BASE_URL}/ada/one", f"{settings.BASE_URL}/datasets/ada/two"]
    assert f"{settings.BASE_URL}/sitemap-{made[0].pk // 2}.xml" in pages
    assert client.get("/sitemap-99999999.xml").status_code == 404
    assert "max-age=3600" in client.get("/sitemap.xml")["Cache-Control"]


def test_robots_are_told_what_costs_much_and_where_the_data_is(client, settings):
    rules = client.get("/robots.txt").content.decode()

    for closed in ("/api/", "/*/commit/", "/*/commits/", "/*/resolve/", "/search", "/*?"):
        assert f"\nDisallow: {closed}\n" in rules
    assert "\nAllow: /api/export/\n" in rules
    assert f"\nSitemap: {settings.BASE_URL}/sitemap.xml\n" in rules


def test_costly_pages_are_for_no_index(client):
    make.repository(make.person("ada"), "tiny")

    assert client.get("/ada/tiny/commits/main")["X-Robots-Tag"] == "noindex"
    assert client.get("/api/models")["X-Robots-Tag"] == "noindex"
    assert "X-Robots-Tag" not in client.get("/ada/tiny")
