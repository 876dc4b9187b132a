import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from common.errors import Conflict, Forbidden, Invalid, TooManyRequests
from common.models import AuditEntry
from hub.errors import RepositoryNotFound
from inference.algorithms.policy import default_policy, default_text, verdict
from inference.enums import FailureCode
from inference.models import Generation, SafetyPolicy
from inference.selectors.safety import age_of, policy_in_force
from inference.services import running, safety
from tests.factories.accounts import StaffFactory, UserFactory
from tests.factories.hub import as_principal, repository
from tests.factories.inference import drawn, finish, generation, model

pytestmark = pytest.mark.django_db


def text(version="v2", **changes):
    return json.dumps(json.loads(default_text()) | {"version": version} | changes)


def adopt(*, by=None, reason="Because", **changes):
    return safety.adopt(text(**changes), reason=reason, by=as_principal(by or StaffFactory()))


def looked_at_by(model, **rule):
    rule = {"code": "red", "title": "Red pictures", "labels": {"red": 0.5}} | rule
    return {"classifier": {"model": model.full_name, "commit": model.head}, "pictures": [rule]}


@pytest.fixture
def eyes():
    card = b"---\npipeline_tag: image-classification\n---\n"
    made = repository(UserFactory(), name="eyes", files={"README.md": card, "config.json": b"{}"})
    made.refresh_from_db()
    return made


def test_the_policy_of_the_software_holds_until_staff_put_another_one_in_force():
    assert policy_in_force() == default_policy()
    staff = StaffFactory(username="grace")
    adopt(by=staff, reason="Kites are dangerous", categories=[{"code": "kites", "title": "Kites", "terms": ["kite"]}])
    assert policy_in_force().version == "v2"
    ada = UserFactory()
    refused = generation(ada, prompt="a child with a kite")
    assert (refused.state, refused.verdict["policy"], refused.verdict["category"]) == ("refused", "v2", "kites")
    assert generation(ada, prompt="nsfw").state == "queued"
    entry = AuditEntry.objects.get(action="policy.adopted")
    assert (entry.actor, entry.details["reason"]) == (str(staff), "Kites are dangerous")


def test_others_cannot():
    for by in (UserFactory(), None):
        with pytest.raises(Forbidden):
            safety.adopt(text(), reason="x", by=as_principal(by))


@pytest.mark.parametrize(("changes", "field"), [({"categories": 3}, "text"), ({"reason": " "}, "reason")])
def test_what_is_wrong_is_refused_with_the_field(changes, field):
    with pytest.raises(Invalid) as refused:
        adopt(**changes)
    assert refused.value.context["field"] == field
    assert not SafetyPolicy.objects.exists()


def test_a_version_is_used_once_and_never_changed():
    adopt()
    for version in ("v2", default_policy().version):
        with pytest.raises(Conflict):
            adopt(version=version)
    for sql in ("UPDATE inference_safetypolicy SET text = '{}'", "DELETE FROM inference_safetypolicy"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            connection.cursor().execute(sql)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_adopt_the_same_version_at_once_the_second_is_told_so():
    both = [StaffFactory(), StaffFactory()]
    ready, answers = threading.Barrier(2), []

    def try_it(by):
        try:
            with transaction.atomic():
                ready.wait(30)
                answers.append(adopt(by=by).version)
        except Exception as error:
            answers.append(type(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it, args=[by]) for by in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers, key=str) == [Conflict, "v2"]
    assert SafetyPolicy.objects.get().version == "v2"


def test_a_classifier_must_be_public_and_one(eyes):
    adopt(version="good", **looked_at_by(eyes))
    missing = looked_at_by(eyes)
    missing["classifier"]["model"] = "nobody/nothing"
    with pytest.raises(RepositoryNotFound):
        adopt(version="missing", **missing)
    missing = looked_at_by(eyes)
    missing["classifier"]["commit"] = "0" * 40
    with pytest.raises(Invalid, match="no version 0000"):
        adopt(version="missing", **missing)
    other = repository(UserFactory(), name="other", files={"README.md": b"---\npipeline_tag: text-to-image\n---\n"})
    other.refresh_from_db()
    with pytest.raises(Invalid, match="classifies"):
        adopt(version="other", **looked_at_by(other))
    eyes.visibility = "private"
    eyes.save()
    with pytest.raises(Invalid, match="public"):
        adopt(version="closed", **looked_at_by(eyes))


def test_what_is_for_older_people_needs_their_word():
    ada = UserFactory()
    refused = generation(ada, prompt="nsfw")
    assert (refused.state, refused.verdict["age"], refused.billing) == ("refused", 18, "free")
    safety.state_age(18, by=as_principal(ada))
    assert age_of(as_principal(ada)) == 18
    done = finish(generation(ada, prompt="nsfw"))
    assert [picture.age for picture in done.pictures.all()] == [18]
    safety.state_age(0, by=as_principal(ada))
    assert generation(ada, prompt="nsfw").state == "refused"


def test_so_many_pictures_are_withheld_within_an_hour_and_then_nothing_is_drawn(settings):
    settings.WITHHELD_PICTURES_PER_HOUR = 4
    ada, bob, repository = UserFactory(), UserFactory(), model()
    for _again in range(5):
        assert generation(ada, repository, prompt="a naked child").state == "refused"  # drew nothing
    for code in (FailureCode.FLAGGED, FailureCode.POLICY):
        running.refuse(running.claim(generation(ada, repository, count=2).pk), code)
    with pytest.raises(TooManyRequests) as refused:
        generation(ada, repository)
    assert (refused.value.code, 3500 < refused.value.context["retry_after"] <= 3600) == ("too_many_withheld", True)
    assert generation(ada, repository, prompt="a naked child").state == "refused"
    assert generation(bob, repository).state == "queued"
    # The first two of the four are an hour old.
    first = Generation.objects.filter(owner=ada, count=2).earliest("created_at")
    Generation.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(hours=1))
    assert generation(ada, repository).state == "queued"


def test_what_a_picture_shows_can_refuse_it_without_a_bill():
    ada = UserFactory()
    made = generation(ada)
    claimed = running.claim(made.pk)
    given = replace(verdict("a red circle", by=default_policy()), allowed=False, category="red", title="Red")
    ended = running.refuse(claimed, FailureCode.POLICY, verdict=given)
    assert (ended.state, ended.failure, ended.verdict["category"]) == ("refused", "policy", "red")
    assert not ended.pictures.exists()
    # Who lost the lease meanwhile changes nothing.
    assert running.succeed(claimed, [drawn(claimed)], timings={}) is None
    assert running.refuse(claimed, FailureCode.POLICY, verdict=given) is None
