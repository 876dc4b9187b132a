"""Documents and tags follow the repositories."""

import pytest
from django.core.management import call_command

from accounts.principal import ANONYMOUS
from hub.enums import RepositoryKind
from hub.models import Repository, SearchDocument, UsedTag
from hub.selectors import listing, search
from hub.selectors.listing import Filters
from hub.selectors.paging import objects
from hub.services import repositories
from hub.services import search as services
from tests.factories import hub as make

pytestmark = pytest.mark.django_db

CARD = (
    b"---\ntags: [lattice, zh]\nlibrary_name: diffusers\npipeline_tag: text-to-image\nlicense: mit\n---\n# Title\nWords"
)


def used():
    return {row.tag: (row.group, row.repositories) for row in UsedTag.objects.all()}


def test_the_document_is_written_with_the_commit():
    ada = make.person("ada")
    repository = make.repository(ada, "Lattice")
    assert SearchDocument.objects.get().full_name == "ada/lattice"

    make.put(repository, {"README.md": CARD}, by=make.as_principal(ada))

    rows = listing.listed(ANONYMOUS, RepositoryKind.MODEL, Filters(search=("title words",)))
    assert search.best(rows, "title words", objects(), size=5).rows == [repository]


def test_all_documents_can_be_written_anew():
    ada = make.person("ada")
    repository = make.repository(ada, "lattice", files={"README.md": CARD})
    before = SearchDocument.objects.values().get()
    SearchDocument.objects.all().delete()
    UsedTag.objects.all().delete()
    Repository.objects.update(downloads=9)

    call_command("hub_reindex", "ada/lattice", "--search")

    assert SearchDocument.objects.values().get() == before
    assert used()["lattice"] == ("other", 1)
    assert repository.document.full_name == "ada/lattice"


def test_tags_of_public_repositories_are_offered_by_group():
    ada = make.person("ada")
    make.repository(ada, "one", files={"README.md": CARD})

    assert used() == {
        "lattice": ("other", 1),
        "zh": ("language", 1),
        "diffusers": ("library", 1),
        "text-to-image": ("pipeline_tag", 1),
        "license:mit": ("license", 1),
    }


def test_tags_are_counted_and_forgotten():
    ada = make.person("ada")
    for name in ("one", "two"):
        make.repository(ada, name, files={"README.md": CARD})
    make.repository(ada, "three", files={"README.md": CARD.replace(b"lattice", b"hush")}, visibility="private")
    UsedTag.objects.create(kind="model", tag="gone", group="other")
    UsedTag.objects.filter(tag="zh").delete()

    services.count_tags()

    assert used()["lattice"] == ("other", 2)
    assert used()["zh"] == ("language", 2)
    assert not {"gone", "hush"} & set(used())


def test_tags_follow_the_visibility():
    ada = make.person("ada")
    by = make.as_principal(ada)
    repository = make.repository(ada, "one", files={"README.md": CARD}, visibility="private")
    assert used() == {}

    repositories.update_settings(repository, by=by, visibility="public")
    assert "lattice" in used()

    repositories.update_settings(repository, by=by, visibility="private")
    assert used() == {}

    repositories.update_settings(repository, by=by, visibility="public")
    repositories.delete(repository, by=by)
    assert used() == {}
