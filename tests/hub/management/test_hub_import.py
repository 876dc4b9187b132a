"""Imports from the command line."""

import io

import pytest
from django.core.management import CommandError, call_command

from hub.models import Import
from tests.factories import hub as make
from tests.hub.imports import CARD, put
from tests.support.second_hub import relaying

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]


@pytest.fixture
def relay(second_hub, settings, tmp_path):
    settings.IMPORTS_FROM_LOOPBACK = True
    settings.OBJECTS_ROOT = tmp_path / "objects"
    settings.REPOSITORIES_ROOT = tmp_path / "repositories"
    with relaying(second_hub.url) as found:
        found.speaks_git = True
        settings.IMPORT_SOURCES = [found.url]
        yield found


def command(*arguments):
    out = io.StringIO()
    call_command("hub_import", *arguments, stdout=out)
    return out.getvalue()


def test_it_brings_a_repository_and_says_what_came(relay, second_hub, monkeypatch):
    make.person("ada")
    api = second_hub.api()
    api.create_repo("grace/commanded", private=True)
    put(second_hub, "grace/commanded", {"README.md": CARD})
    api.create_tag("grace/commanded", tag="v1")

    with pytest.raises(SystemExit):
        command("grace/commanded", "ada/closed")
    monkeypatch.setenv("WELLSPRING_IMPORT_TOKEN", second_hub.tokens["grace"])
    said = command("grace/commanded", "ada/commanded", "--schedule", "weekly")

    found = Import.objects.get(name="commanded")
    assert said.splitlines()[0] == f"done: {relay.url}/grace/commanded → ada/commanded"
    assert f"main: new, {found.source_commit[:10]}" in said
    assert "v1: new" in said
    assert second_hub.tokens["grace"] not in said
    assert (found.schedule, found.repository.is_private) == ("weekly", True)

    said = command("grace/commanded", "ada/one", "--revision", "v1", "--private")
    assert "main: moved on" in said
    assert Import.objects.get(name="one").has_history is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("grace/tiny", "nobody/tiny"), "no such owner"),
        (("grace/tiny", "ada/tiny", "--as", "bob"), "no such owner, or no such person"),
        (("spaces/grace/tiny", "ada/tiny"), "not the address of a model"),
        (("https://elsewhere.example/grace/tiny", "ada/tiny"), "does not import from"),
    ],
)
def test_what_it_refuses(settings, arguments, words):
    make.person("ada")

    with pytest.raises(CommandError, match=words):
        command(*arguments)
    assert Import.objects.count() == 0
