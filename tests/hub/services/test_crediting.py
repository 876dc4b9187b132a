import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.enums import TokenScope
from common import signing
from common.errors import Conflict, Forbidden, Invalid
from hub.algorithms.provenance import CreditClaim
from hub.enums import CreditState
from hub.models import Credit, CreditSeal, Mention, Sponsor
from hub.selectors.credits import contributors_of, credits_of, mentions_of
from hub.services import crediting, sponsors, versions
from tests.factories import hub as make
from tests.factories.accounts import UserFactory, principal_of
from tests.hub.services.test_versions import publish

pytestmark = pytest.mark.django_db
ORCID = "0000-0002-1825-0097"


@pytest.fixture
def ada():
    return UserFactory(username="ada")


@pytest.fixture
def bob():
    return UserFactory(username="bob")


@pytest.fixture
def model(ada):
    return make.repository(ada, "model")


def mention(model, ada):
    version = publish(model, ada, provenance={"credits": [{"name": "Grace", "orcid": ORCID, "roles": ["writing"]}]})
    return version, version.mentions.get()


def test_all_fourteen_roles_are_kept_in_their_order(ada, bob, model):
    roles = [
        "conceptualization", "data-curation", "formal-analysis", "funding-acquisition", "investigation", "methodology",
        "project-administration", "resources", "software", "supervision", "validation", "visualization",
        "writing-original-draft", "writing-review-editing",
    ]  # fmt: skip
    version = publish(model, ada, provenance={"credits": [{"user": "bob", "roles": roles}, {"user": "ada"}]})
    assert [(one.user, one.roles) for one in credits_of(version)] == [(bob, roles), (ada, [])]


def test_who_is_named_from_outside_earns_nothing_before_they_claim_it(ada, bob, model):
    version, named = mention(model, ada)
    assert (named.name, named.orcid, named.roles) == ("Grace", ORCID, ["writing-original-draft"])
    assert contributors_of(version) == [(ada.pk, 1)]
    bob.orcid = ORCID
    bob.save()
    with pytest.raises(Forbidden):
        crediting.claim(named, by=make.as_principal(bob))
    bob.orcid_verified_at = timezone.now()
    bob.save()
    with pytest.raises(Forbidden):
        crediting.claim(named, by=make.as_principal(ada))
    credit = crediting.claim(named, by=make.as_principal(bob))
    assert crediting.claim(named, by=make.as_principal(bob)) == credit
    assert (credit.state, contributors_of(version)) == (CreditState.ASKED, [(ada.pk, 1)])
    assert list(mentions_of(version)) == []
    crediting.answer(credit, accept=True, by=make.as_principal(bob))
    assert sorted(contributors_of(version)) == sorted([(ada.pk, 1), (bob.pk, 1)])


def test_mentions_go_on_to_the_next_version(ada, model):
    mention(model, ada)
    following = publish(model, ada, content="2", provenance={})
    assert [(one.name, one.orcid) for one in mentions_of(following)] == [("Grace", ORCID)]


def test_a_read_token_answers_and_claims_nothing(ada, bob, model):
    version = publish(model, ada, provenance={"credits": [{"user": "bob"}]})
    with pytest.raises(Forbidden):
        crediting.answer(version.credits.get(user=bob), accept=True, by=principal_of(bob, scope=TokenScope.READ))


def test_each_acceptance_is_sealed_and_chained(ada, bob, model):
    version = publish(model, ada, provenance={"credits": [{"user": "ada"}, {"user": "bob", "points": 3}]})
    credit = version.credits.get(user=bob)
    for _time in range(2):
        crediting.answer(credit, accept=True, by=make.as_principal(bob))
    first, second = version.seals.all()
    assert [second.sequence, signing.verify(second.signature)] == [
        2,
        crediting.claims_of(version.key, 2, second.sha256),
    ]
    assert first.sha256 in second.body
    assert '"user":"bob"' in second.body
    assert '"bob"' not in first.body


@pytest.mark.parametrize("change", ["update", "delete"])
def test_accepted_credits_and_their_records_cannot_be_changed_by_any_path(ada, bob, model, change):
    version, _named = mention(model, ada)
    sponsors.record(version, namespace=bob.namespace, job="job:1", source="award:1", gpu_seconds=5)
    changes = {Credit: {"points": 9}, CreditSeal: {"sha256": "0"}, Mention: {"name": "x"}, Sponsor: {"gpu_seconds": 6}}
    for model_class, fields in changes.items():
        rows = model_class.objects.all()
        assert rows.exists()
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            rows.update(**fields) if change == "update" else rows._raw_delete(rows.db)


def test_a_sponsor_is_an_author_only_by_consenting_to_a_credit(ada, bob, model):
    version = publish(model, ada, provenance={"credits": [{"user": "ada", "roles": ["resources"]}]}, job="job:1")
    for _time in range(2):
        sponsors.record(version, namespace=bob.namespace, job="job:1", source="award:1", gpu_seconds=50)
    assert [(one.name, one.gpu_seconds) for one in version.sponsors.all()] == [("bob", 50)]
    following = publish(model, ada, content="2", provenance={"sponsors": [{"user": "bob"}]})
    for made in (version, following):
        assert {one.user for one in credits_of(made)} == {ada}
        assert contributors_of(made) == [(ada.pk, 1)]
        assert "bob" not in made.seals.last().body
    named = publish(model, ada, content="3", provenance={"credits": [{"user": "bob"}]})
    assert bob.pk not in dict(contributors_of(named))
    crediting.answer(named.credits.get(user=bob), accept=True, by=make.as_principal(bob))
    assert bob.pk in dict(contributors_of(named))


def test_the_list_is_written_by_a_commit_that_leaves_the_rest(ada, bob, model):
    publish(model, ada, provenance={"recipe": "text_to_image", "datasets": [{"id": "ada/shapes"}]})
    claims = [CreditClaim("bob", ("software",), 2), CreditClaim("", (), 1, "Grace", ORCID)]
    with pytest.raises(Forbidden):
        crediting.write_list(model, claims, by=make.as_principal(bob))
    oid = crediting.write_list(model, claims, by=make.as_principal(ada))
    version = versions.record_version(model, oid, user=ada)
    assert (version.recipe, version.edges.get().parent_name) == ("text_to_image", "ada/shapes")
    assert [(one.user, one.points) for one in credits_of(version)] == [(bob, 2), (ada, 1)]
    assert [one.name for one in mentions_of(version)] == ["Grace"]


@pytest.mark.parametrize("claims", [[CreditClaim("nobody", ())], [CreditClaim("ada", ()), CreditClaim("ADA", ())]])
def test_a_list_that_names_nobody_or_somebody_twice_is_refused(ada, model, claims):
    publish(model, ada)
    with pytest.raises(Invalid):
        crediting.write_list(model, claims, by=make.as_principal(ada))


def test_a_file_that_is_no_json_is_not_overwritten(ada, model):
    make.put(model, {"wellspring.json": b"{"}, by=make.as_principal(ada))
    with pytest.raises(Invalid):
        crediting.write_list(model, [CreditClaim("ada", ())], by=make.as_principal(ada))


def test_an_answer_to_a_declined_credit_may_change_until_it_is_accepted(ada, bob, model):
    credit = publish(model, ada, provenance={"credits": [{"user": "bob"}]}).credits.get(user=bob)
    crediting.answer(credit, accept=False, by=make.as_principal(bob))
    crediting.answer(credit, accept=True, by=make.as_principal(bob))
    with pytest.raises(Conflict):
        crediting.answer(credit, accept=False, by=make.as_principal(bob))
