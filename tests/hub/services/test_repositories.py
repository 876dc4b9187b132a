"""The life of a repository."""

import pytest

from accounts.services import organisations
from common.errors import Conflict, Forbidden, Invalid
from common.models import AuditEntry, OutboxEvent
from hub.errors import RepositoryMoved, RepositoryNotFound
from hub.git.repositories import exists
from hub.models import Repository
from hub.selectors import repositories_visible_to, repository_for
from hub.services import repositories
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


def test_names_are_one_without_regard_to_case():
    ada = make.person("ada")
    made = make.repository(ada, "Tiny")
    by = make.as_principal(ada)

    with pytest.raises(repositories.RepositoryExists):
        make.repository(ada, "tINY")
    assert repository_for(by, "model", "ADA/tiny") == made
    make.repository(ada, "tiny", kind="dataset")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "-a", "a..b", "a--b", "x.git", "x.ipynb", "a" * 97, "ü", "a\n"])
def test_bad_names_are_refused(name):
    ada = make.person("ada")

    with pytest.raises(Invalid):
        repositories.create_repository(ada.namespace, name, kind="model", by=make.as_principal(ada))


def test_moving_leaves_a_redirect_until_the_name_is_taken():
    ada = make.person("ada")
    by = make.as_principal(ada)
    made = make.repository(ada, "one")
    path = made.path
    repositories.move(made, ada.namespace, "two", by=by)

    with pytest.raises(RepositoryMoved):
        repository_for(by, "model", "ada/one")
    assert repository_for(by, "model", "ada/two").path == path
    newcomer = make.repository(ada, "one")
    assert repository_for(by, "model", "ada/one") == newcomer
    with pytest.raises(Conflict, match="A model repository called ada/one already exists"):
        repositories.move(Repository.objects.get(name="two"), ada.namespace, "one", by=by)


def test_moving_needs_rights_at_both_ends():
    ada, bob = make.person("ada"), make.person("bob")
    made = make.repository(ada)

    with pytest.raises(Forbidden):
        repositories.move(made, bob.namespace, "mine", by=make.as_principal(bob))
    with pytest.raises(Forbidden):
        repositories.move(made, bob.namespace, "gift", by=make.as_principal(ada))


def test_an_old_name_of_a_private_repository_tells_nothing():
    ada = make.person("ada")
    made = make.repository(ada, "one", visibility="private")
    repositories.move(made, ada.namespace, "two", by=make.as_principal(ada))

    with pytest.raises(RepositoryNotFound):
        repository_for(make.as_principal(make.person()), "model", "ada/one")


def test_deleting_takes_everything(django_capture_on_commit_callbacks):
    ada = make.person("ada")
    made = make.repository(ada, files={"a/b": b"x"})
    path, key = made.path, made.pk

    with pytest.raises(Forbidden):
        repositories.delete(made, by=make.as_principal(make.person()))
    with django_capture_on_commit_callbacks(execute=True):
        repositories.delete(made, by=make.as_principal(ada))

    assert not Repository.objects.filter(pk=key).exists()
    assert not exists(path)
    assert OutboxEvent.objects.get(topic="repository.deleted").payload["repository"] == key
    assert AuditEntry.objects.filter(action="repository.deleted").count() == 1


def test_who_sees_what():
    ada, bob, staff = make.person("ada"), make.person("bob"), make.person(is_staff=True)
    lab = organisations.create_organisation("lab", by=make.as_principal(ada))
    public = make.repository(ada, "public")
    own = make.repository(ada, "own", visibility="private")
    shared = repositories.create_repository(
        lab.namespace, "shared", kind="model", by=make.as_principal(ada), visibility="private"
    )

    def seen(principal):
        return set(repositories_visible_to(principal))

    from accounts.principal import ANONYMOUS

    assert seen(ANONYMOUS) == seen(make.as_principal(bob)) == {public}
    assert seen(make.as_principal(ada)) == seen(make.as_principal(staff)) == {public, own, shared}


def test_hiding_is_for_administrators():
    ada = make.person("ada")
    made = make.repository(ada)

    with pytest.raises(Forbidden):
        repositories.update_settings(made, by=make.as_principal(make.person()), visibility="private")
    assert repositories.update_settings(made, by=make.as_principal(ada), visibility="private").is_private
    with pytest.raises(Invalid):
        repositories.update_settings(made, by=make.as_principal(ada), visibility="protected")
