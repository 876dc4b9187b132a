"""Credentials in commits."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AccessToken
from accounts.selectors import principal_of_token
from accounts.services import tokens
from hub.models import Notice
from hub.services import commits, discussions
from hub.services.secrets import SecretsRefused
from tests.factories import hub as make
from tests.hub.algorithms.test_secrets import FOUND

pytestmark = pytest.mark.django_db

GITHUB = FOUND["GitHub token"].encode()


def put(repository, data, by, **more):
    return commits.commit(repository, [commits.AddBytes("a/keys.txt", data)], by=by, **({"message": "Add"} | more))


def test_a_public_commit_is_refused_with_file_and_line():
    ada = make.person("ada")
    repository = make.repository(ada, "tiny")
    with pytest.raises(SecretsRefused, match=r"a/keys.txt:2 \(GitHub token\)") as refused:
        put(repository, b"x\n" + GITHUB, make.as_principal(ada))
    assert refused.value.status == 422
    assert "Allow-Secrets" in str(refused.value)
    assert GITHUB.decode() not in str(refused.value)
    put(repository, b"x\n" + GITHUB, make.as_principal(ada), description="Allow-Secrets: made up")


def test_a_private_commit_is_not_refused():
    ada = make.person("ada")
    put(make.repository(ada, visibility="private"), GITHUB, make.as_principal(ada))


def test_a_pull_request_is_refused_before_it_is_opened():
    ada, bob = make.person("ada"), make.person("bob")
    repository = make.repository(ada)
    with pytest.raises(SecretsRefused):
        discussions.propose(repository, [commits.AddBytes("k", GITHUB)], by=make.as_principal(bob), message="Add a key")
    assert not repository.discussions.exists()


def test_an_own_token_that_works_is_revoked_and_its_owner_told():
    ada, bob = make.person("ada"), make.person("bob")
    token = tokens.issue_token(bob, name="laptop", scope="write")
    repository = make.repository(ada, "tiny")
    for _time in range(2):
        with pytest.raises(SecretsRefused):
            put(repository, token.encode(), make.as_principal(ada))
    assert principal_of_token(token).is_anonymous
    notice = Notice.objects.get(namespace__name="bob")
    assert notice.facts["path"] == "a/keys.txt"
    assert token not in str(notice.facts)


def test_nothing_lets_a_working_token_through():
    ada = make.person("ada")
    token = tokens.issue_token(ada, name="x", scope="read")
    repository = make.repository(ada)
    with pytest.raises(SecretsRefused, match="revoked"):
        put(repository, token.encode(), make.as_principal(ada), description="Allow-Secrets: yes")
    # Now that it opens nothing any more, its owner may write about it.
    put(repository, token.encode(), make.as_principal(ada), description="Allow-Secrets: revoked")


def test_in_private_no_token_is_revoked():
    ada = make.person("ada")
    token = tokens.issue_token(ada, name="x", scope="read")
    put(make.repository(ada, visibility="private"), token.encode(), make.as_principal(ada))
    assert not principal_of_token(token).is_anonymous


def test_expired_tokens_are_not_told_about():
    ada = make.person("ada")
    token = tokens.issue_token(ada, name="x", scope="read")
    AccessToken.objects.update(expires_at=timezone.now() - timedelta(days=1))
    put(make.repository(ada), token.encode(), make.as_principal(ada), description="Allow-Secrets: expired")
    assert not Notice.objects.exists()
