import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from hub import stores
from hub.models import LargeObject, StorageLimit, Sweep
from hub.services import large_files
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_stores(settings, tmp_path):
    settings.OBJECTS_ROOT = tmp_path / "objects"
    settings.REPOSITORIES_ROOT = tmp_path / "repositories"


def command(name, *arguments):
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def test_it_counts_takes_brings_back_and_lists(settings):
    ada = make.person("ada")
    by = make.as_principal(ada)
    repository = make.repository(ada)
    name = make.put_large(repository, {"a.bin": b"a" * 900}, by=by)["a.bin"]
    large_files.delete_for_good(repository, {name}, by=by)
    settings.SWEEP_OBJECTS_DAYS = -1
    LargeObject.objects.update(idle_since=timezone.now())

    said = command("hub_gc")
    assert "Nothing was changed; repeat with --delete." in said
    assert "object          1" in said

    said = command("hub_gc", "--delete")
    run = Sweep.objects.latest("pk")
    assert f"--undo {run.pk}" in said
    assert not LargeObject.objects.filter(pk=name).exists()

    assert "0 things could not come back" in command("hub_gc", "--undo", str(run.pk))
    assert LargeObject.objects.filter(pk=name).exists()
    assert stores.plain_objects().exists(name)
    assert "undone" in command("hub_gc", "--runs")
    with pytest.raises(CommandError, match="undone"):
        command("hub_gc", "--undo", str(run.pk))
    with pytest.raises(CommandError, match="no sweep"):
        command("hub_gc", "--undo", "99999999")


def test_limits_are_shown_and_set():
    make.person("ada")

    assert "of 2.0 TB" in command("hub_limits", "ada")
    said = command("hub_limits", "ada", "--public", "3TB", "--private=0", "--repositories=7", "--reason", "grant 12")
    assert "of 3.0 TB" in said
    assert "of any size" in said
    assert StorageLimit.objects.get().reason == "grant 12"
    assert "of 2.0 TB" in command("hub_limits", "ADA", "--public=default")
    for wrong in (("nobody",), ("ada", "--public", "much")):
        with pytest.raises(CommandError):
            command("hub_limits", *wrong)
