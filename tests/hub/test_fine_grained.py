"""What tokens of chosen permissions reach in each room: scope by action, and what lists show."""

import pytest

from accounts.enums import Permission, Role, TokenScope
from accounts.models import Membership
from accounts.selectors import principal_of_token
from accounts.services import tokens
from common.errors import Forbidden
from compute import rules as compute_rules
from compute.selectors import readable_namespaces
from grants import rules as grants_rules
from hub import rules
from hub.errors import RepositoryNotFound
from hub.selectors import access, repositories_visible_to, repository_for
from hub.selectors.buckets import buckets_visible_to
from hub.services import buckets, repositories
from inference import rules as inference_rules
from inference.selectors import may_see_generations
from licensing import rules as licensing_rules
from licensing.selectors.people import sees_purchases_of
from revenue.selectors import shares_of, statements_visible_to
from tests.factories import hub as make
from tests.factories.accounts import OrganisationFactory, fine_token, job_token, principal_of
from tests.hub.gated import scene

pytestmark = pytest.mark.django_db
P = Permission


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def homes(ada):
    """Private and public things of ada's, of her laboratory's, and of a stranger."""
    lab = OrganisationFactory(name="lab", admin=ada).namespace
    bob = make.person("bob")
    by = make.as_principal(ada)
    return {
        "secret": make.repository(ada, "secret", visibility="private"),
        "other": make.repository(ada, "other", visibility="private"),
        "open": make.repository(ada, "open"),
        "bucket": make.bucket(ada, "store", visibility="private"),
        "lab": repositories.create_repository(lab, "lab-secret", kind="model", visibility="private", by=by),
        "foreign": make.repository(bob, "theirs"),
        "hidden": make.repository(bob, "hidden", visibility="private"),
    }


def seen(principal):
    return {row.name for row in repositories_visible_to(principal)}


def using(user, *permissions, **places):
    return principal_of_token(fine_token(user, *permissions, **places))


def actions(principal, home):
    """Which of these the rules let through."""
    checks = {
        "read": rules.may_read(principal, home),
        "write": rules.may_write(principal, home),
        "create": rules.may_create(principal, home.namespace),
        "administer": rules.may_administer(principal, home),
        "discuss": rules.may_discuss(principal, home),
        "jobs": compute_rules.may_see_jobs_of(principal, home.namespace),
        "submit": compute_rules.may_submit_for(principal, home.namespace),
        "generate": inference_rules.may_generate(principal, home.namespace),
        "purchases": sees_purchases_of(principal, home.namespace),
        "buy": licensing_rules.may_buy_for(principal, home.namespace),
        "offer": licensing_rules.may_offer(principal, home),
        "apply": grants_rules.may_apply_for(principal, home.namespace),
    }
    return {name for name, allowed in checks.items() if allowed}


EVERYTHING = {
    "read", "write", "create", "administer", "discuss", "jobs", "submit", "generate", "purchases", "buy", "offer",
    "apply",
}  # fmt: skip
MATRIX = {
    P.REPO_READ: {"read"},
    P.REPO_WRITE: {"write", "create", "discuss"},
    P.REPO_MANAGE: {"administer"},
    P.GATED_READ: set(),
    P.DISCUSSION_WRITE: set(),
    P.COLLECTION_WRITE: set(),
    P.WEBHOOK_WRITE: set(),
    P.INFERENCE: {"generate"},
    P.JOB_READ: {"jobs"},
    P.JOB_WRITE: {"submit"},
    P.BILLING_READ: {"purchases"},
}


@pytest.mark.parametrize("permission", list(P))
@pytest.mark.parametrize("place", ["everywhere", "name", "repository"])
def test_each_permission_opens_its_own_doors_and_no_others(ada, homes, permission, place):
    places = {
        "everywhere": {},
        "name": {"namespaces": [ada.namespace]},
        "repository": {"repositories": [homes["secret"].reference]},
    }[place]
    if place == "repository" and permission not in tokens.OF_REPOSITORIES:
        with pytest.raises(tokens.Invalid):
            using(ada, permission, **places)
        return
    principal = using(ada, permission, **places)
    expected = MATRIX[permission] - ({"create"} if place == "repository" else set())
    assert actions(principal, homes["secret"]) == expected
    public = expected | {"read"} | ({"discuss"} if permission == P.DISCUSSION_WRITE else set())
    if place != "repository":
        assert actions(principal, homes["open"]) == public
    else:
        assert actions(principal, homes["open"]) == {"read"}
        assert actions(principal, homes["other"]) == set()
    if place == "everywhere":
        assert actions(principal, homes["lab"]) == expected
    else:
        assert actions(principal, homes["lab"]) == set()
    assert actions(principal, homes["hidden"]) == set()


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        ("session", EVERYTHING),
        ("write", EVERYTHING),
        ("read", {"read", "jobs", "purchases"}),
        ("job", {"read", "write", "create", "discuss", "jobs"}),
    ],
)
def test_sessions_and_older_tokens_do_what_they_did(ada, homes, credential, expected):
    if credential == "job":
        principal = principal_of_token(job_token(ada))
    else:
        principal = principal_of(ada, scope=None if credential == "session" else TokenScope(credential))
    assert actions(principal, homes["secret"]) == expected


def test_lists_show_what_the_token_reaches(ada, homes):
    public = {"open", "theirs"}
    assert seen(using(ada, P.DISCUSSION_WRITE)) == public
    assert seen(using(ada, P.REPO_READ)) == public | {"secret", "other", "lab-secret"}
    assert seen(using(ada, P.REPO_READ, namespaces=[ada.namespace])) == public | {"secret", "other"}
    one = using(ada, P.REPO_READ, repositories=["model:ADA/secret", "model:bob/hidden", "dataset:ada/other"])
    assert seen(one) == public | {"secret"}
    assert list(buckets_visible_to(one)) == []
    assert list(buckets_visible_to(using(ada, P.REPO_READ, repositories=["bucket:ada/store"]))) == [homes["bucket"]]
    with pytest.raises(RepositoryNotFound):
        repository_for(one, "model", "ada/other")
    assert repository_for(one, "model", "ada/secret") == homes["secret"]


def test_a_token_for_one_repository_of_a_stranger_opens_nothing_private(ada, homes):
    principal = using(ada, P.REPO_READ, P.REPO_WRITE, repositories=[homes["hidden"].reference])
    assert actions(principal, homes["hidden"]) == set()
    assert "hidden" not in seen(principal)


def test_the_person_must_still_be_let_in_themselves(ada, homes):
    principal = using(ada, P.REPO_READ, P.REPO_WRITE, namespaces=[homes["lab"].namespace])
    assert rules.may_write(principal, homes["lab"])
    Membership.objects.filter(user=ada).update(role=Role.READ)
    assert not rules.may_write(principal, homes["lab"])
    Membership.objects.filter(user=ada).delete()
    assert not rules.may_read(principal, homes["lab"])
    assert "lab-secret" not in seen(principal)


def test_money_and_jobs_are_read_by_permission(ada):
    assert not may_see_generations(using(ada, P.REPO_READ))
    assert may_see_generations(using(ada, P.INFERENCE, namespaces=[ada.namespace]))
    assert list(readable_namespaces(using(ada, P.JOB_READ))) == [ada.namespace]
    assert list(readable_namespaces(using(ada, P.JOB_WRITE))) == []
    assert shares_of(using(ada, P.REPO_READ)) == []
    assert statements_visible_to(using(ada, P.REPO_READ)).count() == 0


def test_staff_rights_come_with_no_small_token():
    staff = make.person("staff-ada", is_staff=True)
    principal = using(staff, *list(P))
    hidden = make.repository(make.person("bob"), "hidden", visibility="private")
    assert not principal.is_staff
    assert not principal.may_manage
    assert not rules.may_read(principal, hidden)


def test_tokens_follow_a_repository_that_moves_and_not_its_successor(ada, homes):
    principal = using(ada, P.REPO_WRITE, repositories=["model:ada/secret"])
    by = make.as_principal(ada)
    repositories.move(homes["secret"], ada.namespace, "renamed", by=by)
    successor = make.repository(ada, "secret", visibility="private")
    again = principal_of_token_of(principal)
    homes["secret"].refresh_from_db()
    assert rules.may_write(again, homes["secret"])
    assert not rules.may_write(again, successor)


def test_a_deleted_repository_takes_the_permission_with_it(ada, homes):
    principal = using(ada, P.REPO_READ, P.REPO_WRITE, repositories=["model:ada/secret", "bucket:ada/store"])
    by = make.as_principal(ada)
    repositories.delete(homes["secret"], by=by)
    buckets.delete(homes["bucket"], by=by)
    successor = make.repository(ada, "secret", visibility="private")
    again = principal_of_token_of(principal)
    assert again.token.held == []
    assert actions(again, successor) == set()


def principal_of_token_of(principal):
    """The same token as the next request sees it."""
    from accounts.models import AccessToken
    from accounts.principal import Principal

    return Principal(user=principal.user, token=AccessToken.objects.get(pk=principal.token.pk))


def test_whoami_tells_what_a_fine_grained_token_may(client, ada, homes):
    text = fine_token(ada, P.REPO_READ, P.GATED_READ)
    access = client.get("/api/whoami-v2", HTTP_AUTHORIZATION=f"Bearer {text}").json()["auth"]["accessToken"]
    assert access["role"] == "fineGrained"
    assert access["createdAt"].endswith("Z")
    expected = {"canReadGatedRepos": True, "global": ["repo.content.read", "repo.access.read"], "scoped": []}
    assert access["fineGrained"] == expected
    lab = homes["lab"].namespace
    text = fine_token(ada, P.REPO_WRITE, namespaces=[lab], repositories=["model:ada/secret"])
    access = client.get("/api/whoami-v2", HTTP_AUTHORIZATION=f"Bearer {text}").json()["auth"]["accessToken"]
    assert access["fineGrained"]["global"] == []
    assert access["fineGrained"]["scoped"] == [
        {"entity": {"_id": f"{lab.pk:024x}", "type": "org", "name": "lab"}, "permissions": ["repo.write"]},
        {"entity": {"_id": "", "type": "model", "name": "ada/secret"}, "permissions": ["repo.write"]},
    ]


def test_over_http_a_token_for_one_repository_stays_there(client, ada, homes):
    make.put(homes["other"], {"a.txt": b"a"}, by=make.as_principal(ada))
    token = {"HTTP_AUTHORIZATION": f"Bearer {fine_token(ada, P.REPO_READ, repositories=['model:ada/secret'])}"}
    assert client.get("/api/models/ada/secret", **token).status_code == 200
    assert client.get("/api/models/ada/other", **token).status_code == 404
    assert client.get("/ada/other/resolve/main/a.txt", **token).status_code == 404
    assert {row["id"] for row in client.get("/api/models?author=ada", **token).json()} == {"ada/secret", "ada/open"}
    body = {"name": "new", "type": "model"}
    assert client.post("/api/repos/create", body, content_type="application/json", **token).status_code == 403
    assert client.get("/settings/tokens", **token).status_code == 302


@pytest.mark.parametrize("count", [1, 3])
def test_single_repositories_cost_no_further_queries(ada, count, django_assert_num_queries):
    for number in range(count):
        make.repository(ada, f"r{number}", visibility="private")
    principal = using(ada, P.REPO_READ, repositories=[f"model:ada/r{number}" for number in range(count)])
    with django_assert_num_queries(3):
        assert repositories_visible_to(principal).count() == count


def test_nobody_gets_a_token_for_a_name_that_is_not_theirs(ada):
    bob = make.person("bob")
    with pytest.raises(Forbidden):
        fine_token(ada, P.REPO_READ, namespaces=[bob.namespace])


def test_gated_contents_need_their_own_permission():
    """Somebody who was let in, by tokens of chosen permissions; the door of one is the filter of lists."""
    found = scene()
    person, repository = found.people["accepted"], found.repository
    other = fine_token(person, P.REPO_READ)
    everywhere = fine_token(person, P.GATED_READ)
    here = fine_token(person, P.GATED_READ, repositories=[repository.reference])
    elsewhere = fine_token(person, P.GATED_READ, repositories=["model:lab/other"])

    for token, expected in [(other, False), (everywhere, True), (here, True), (elsewhere, False)]:
        principal = principal_of_token(token)
        assert access.has_contents(principal, repository) is expected
        assert access.contents_open_to(principal).filter(pk=repository.pk).exists() is expected
