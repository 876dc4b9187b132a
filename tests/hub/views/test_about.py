"""What the page of a repository says beside its card."""

import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import hub as make
from tests.factories.accounts import UserFactory
from tests.hub.gated import scene

pytestmark = pytest.mark.django_db
CARD = b"""---
license: mit
language: [en, zh]
base_model: [bob/base, bob/hidden]
datasets: [bob/shapes]
metrics: [fid]
model-index:
- name: shapes
  results:
  - task: {type: text-to-image}
    dataset: {type: bob/shapes, name: Shapes}
    metrics: [{type: fid, value: 12.5, args: {seed: 41, recipe: "<b>"}}]
---
# Shapes
"""
RESULT = b"- dataset: {id: bob/shapes, task_id: default}\n  value: 0.75\n"
CITATION = b"title: Shapes\nauthors: [{family-names: Lovelace, given-names: Ada}]\ndate-released: 2025-01-01\n"


@pytest.fixture
def repository():
    bob = UserFactory(username="bob")
    make.repository(bob, "base")
    make.repository(bob, "hidden", visibility="private")
    make.repository(bob, "shapes", kind="dataset")
    files = {"README.md": CARD, "LICENSE": b"MIT", ".eval_results/a.yaml": RESULT, "CITATION.cff": CITATION}
    return make.repository(UserFactory(username="ada"), "shapes", files=files)


def test_relations_results_and_the_licence_are_links(client, repository):
    page = client.get("/ada/shapes").content.decode()
    assert 'href="/bob/base"' in page
    assert 'href="/bob/hidden"' not in page
    assert page.count('href="/datasets/bob/shapes"') == 3
    assert 'href="/models?language=zh"' in page
    assert 'href="/ada/shapes/blob/main/LICENSE"' in page
    assert "12.5" in page
    assert "0.75" in page
    assert "<dt>seed</dt><dd>41</dd><dt>recipe</dt><dd>&lt;b&gt;</dd>" in page


def test_the_api_has_the_results(client, repository):
    info = client.get("/api/models/ada/shapes?expand=evalResults&expand=model-index").json()
    assert [one["data"]["value"] for one in info["evalResults"]] == [0.75]
    assert info["model-index"][0]["results"][0]["metrics"][0]["args"]["seed"] == 41


def test_it_is_cited_as_its_authors_say(client, repository):
    page = client.get("/ada/shapes").content.decode()
    assert "Lovelace, A. (2025). Shapes" in page
    bib = client.get("/ada/shapes/cite.bib")
    assert bib["Content-Type"] == "application/x-bibtex; charset=utf-8"
    assert "author = {Lovelace, Ada}" in bib.content.decode()
    assert repository.head in bib.content.decode()
    assert 'family-names: "Lovelace"' in client.get("/ada/shapes/cite.cff").content.decode()
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    about = json.loads(found.group(1))
    assert (about["@type"], about["license"], about["creator"][0]["name"]) == (
        "SoftwareSourceCode", "mit", "Ada Lovelace",
    )  # fmt: skip


def test_the_file_behind_a_gate_is_not_cited(client):
    found = scene()
    make.put(found.repository, {"CITATION.cff": CITATION}, by=found.by("owner"))
    assert b"Lovelace" not in client.get("/lab/gated/cite.bib").content
    client.force_login(found.people["accepted"])
    assert b"Lovelace" in client.get("/lab/gated/cite.bib").content


@pytest.mark.parametrize(("who", "status"), [("anonymous", 401), ("stranger", 404), ("owner", 200)])
def test_a_private_repository_is_cited_by_its_own_people(client, who, status):
    ada = UserFactory(username="ada")
    make.repository(ada, "secret", visibility="private")
    if who != "anonymous":
        client.force_login(ada if who == "owner" else UserFactory())
    assert client.get("/ada/secret/cite.cff").status_code == status


def test_more_results_need_no_more_queries(client, repository):
    def count():
        with CaptureQueriesContext(connection) as queries:
            client.get("/ada/shapes")
        return len(queries)

    client.get("/ada/shapes")
    one = count()
    more = {f".eval_results/{name}.yaml": RESULT.replace(b"bob/shapes", f"bob/{name}".encode()) for name in "abc"}
    make.put(repository, more, by=make.as_principal(repository.namespace.user))
    assert count() == one
