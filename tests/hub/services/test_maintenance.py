import pytest

from hub.git.maintenance import pack_count
from hub.selectors import files_at, revision_of
from hub.services import maintenance
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


def test_tidy_leaves_idle_repositories_alone():
    make.repository()

    assert maintenance.tidy() == 0


def test_tidy_rolls_many_packs_into_few(monkeypatch):
    owner = make.person()
    repository = make.repository(owner)
    monkeypatch.setattr("hub.git.packs.LOOSE_LIMIT", 0)
    monkeypatch.setattr("hub.git.maintenance.MAX_PACKS", 2)
    for number in range(3):
        make.put(repository, {f"{number}.txt": b"x"}, by=make.as_principal(owner))
    before = pack_count(repository.path)

    assert maintenance.tidy() == 1

    assert pack_count(repository.path) < before
    assert len(files_at(revision_of(repository, "main"))) == 4
