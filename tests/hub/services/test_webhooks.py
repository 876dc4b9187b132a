"""Events told to webhooks: who hears what, once each, again after failures, never inside."""

import hashlib
import hmac
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.enums import Role, TokenScope
from accounts.models import User
from accounts.principal import ANONYMOUS
from accounts.services import organisations
from common.errors import Conflict, Forbidden, Invalid, Unauthenticated
from common.models import OutboxEvent
from common.services import outbox
from hub.enums import DeliveryState
from hub.models import Webhook, WebhookDelivery
from hub.services import commits, deliveries, discussions, merges, refs, repositories, webhooks
from tests.factories import hub as make
from tests.factories.accounts import join, principal_of
from tests.support.receiver import receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings):
    settings.WEBHOOKS_TO_LOOPBACK = True
    with receiving() as server:
        yield server


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def bob():
    return make.person("bob")


def hook(user, url, *watched, domains=("repo", "discussion"), secret=""):
    names = [tuple(name.split(":")) for name in watched]
    return webhooks.create(by=make.as_principal(user), url=url, watched=names, domains=domains, secret=secret)


def tell():
    """What relay and worker do, until nothing is due."""
    while outbox.relay():
        pass
    while found := deliveries.due():
        for pk in found:
            deliveries.deliver(pk)


def later():
    """As if the next attempt were due."""
    WebhookDelivery.objects.update(next_attempt_at=F("next_attempt_at") - timedelta(days=1))


def test_the_life_of_a_repository_is_told_in_the_protocols_words(receiver, ada, settings):
    webhook = hook(ada, receiver.url, "user:ada", secret="hush")
    by = make.as_principal(ada)
    repository = make.repository(ada, "tiny", files={"a.txt": b"a"})
    repository.refresh_from_db()
    head = repository.head
    refs.create_tag(repository, "v1", by=by)
    refs.create_branch(repository, "work", by=by)
    refs.delete_branch(repository, "work", by=by)
    repositories.update_settings(repository, by=by, visibility="private")
    tell()
    repositories.move(repository, ada.namespace, "moved", by=by)
    tell()
    repository.refresh_from_db()
    repositories.delete(repository, by=by)
    tell()

    told = [(*one.event, one.payload.get("updatedRefs", [{}])[0].get("ref")) for one in receiver.posted]
    assert told == [
        ("create", "repo", None),
        ("update", "repo.content", "refs/heads/main"),
        ("update", "repo.content", "refs/heads/main"),
        ("update", "repo.content", "refs/tags/v1"),
        ("update", "repo.content", "refs/heads/work"),
        ("update", "repo.content", "refs/heads/work"),
        ("update", "repo.config", None),
        ("move", "repo", None),
        ("delete", "repo", None),
    ]
    second = receiver.posted[2]
    moved = second.payload["updatedRefs"][0]
    assert (moved["newSha"], len(moved["oldSha"])) == (head, 40)
    assert receiver.posted[5].payload["updatedRefs"] == [{"ref": "refs/heads/work", "oldSha": head, "newSha": None}]
    assert receiver.posted[6].payload["updatedConfig"] == {"private": True}
    assert receiver.posted[7].payload["movedTo"] == {"name": "ada/moved", "owner": {"id": f"{ada.namespace.pk:024x}"}}
    assert second.payload["webhook"] == {"id": webhook.key, "version": 3}
    assert second.payload["repo"]["url"] == {
        "web": f"{settings.BASE_URL}/ada/tiny",
        "api": f"{settings.BASE_URL}/api/models/ada/tiny",
    }
    assert second.headers["X-Webhook-Secret"] == "hush"
    signature = hmac.new(b"hush", second.body, hashlib.sha256).hexdigest()
    assert second.headers["X-Webhook-Signature-256"] == f"sha256={signature}"
    keys = [one.headers["X-Webhook-Delivery"] for one in receiver.posted]
    assert len(set(keys)) == len(keys) == WebhookDelivery.objects.filter(state=DeliveryState.DELIVERED).count()


def test_discussions_are_told_to_those_who_want_them(receiver, ada, bob):
    repository = make.repository(ada, "tiny", files={"a.txt": b"a"})
    tell()
    hook(bob, receiver.url, "model:ADA/Tiny", domains=["discussion"])
    hook(bob, receiver.url, "model:ada/tiny", domains=["repo"])
    by = make.as_principal(bob)
    talk = discussions.open_discussion(repository, title="A question", text="Why?", by=by)
    said = discussions.comment(talk, "Because.", by=by)
    discussions.edit_comment(said, "So.", by=by)
    discussions.edit_comment(said, "Thus.", by=by)
    tell()
    discussions.hide_comment(said, by=by)
    discussions.rename(talk, "A better question", by=by)
    discussions.change_status(talk, "closed", by=by, text="Bye")
    tell()

    told = [one for one in receiver.posted if "discussion" in one.payload]
    assert [one.event for one in told] == [
        ("create", "discussion"),
        ("create", "discussion.comment"),
        ("update", "discussion.comment"),
        ("update", "discussion.comment"),
        ("update", "discussion.comment"),
        ("update", "discussion"),
        ("create", "discussion.comment"),
        ("update", "discussion"),
    ]
    assert told[0].payload["comment"]["content"] == "Why?"
    assert told[0].payload["discussion"]["author"] == {"id": f"{bob.pk:024x}"}
    assert told[4].payload["comment"] == {
        "id": f"{said.pk:024x}",
        "author": {"id": f"{bob.pk:024x}"},
        "hidden": True,
        "url": told[4].payload["comment"]["url"],
    }
    assert told[7].payload["discussion"]["status"] == "closed"
    assert receiver.posted == told


def test_a_merge_is_told_as_a_commit_and_as_a_change_of_state(receiver, ada):
    repository = make.repository(ada, "tiny", files={"a.txt": b"a"})
    by = make.as_principal(ada)
    add = [commits.AddBytes("b.txt", b"b")]
    pull, _done = discussions.propose(repository, add, by=by, message="Add b")
    tell()
    hook(ada, receiver.url, "user:ada")
    merged = merges.merge(pull, by=by, text="Thanks")
    tell()

    told = {one.event: one.payload for one in receiver.posted}
    assert set(told) == {("update", "repo.content"), ("create", "discussion.comment"), ("update", "discussion")}
    assert told["update", "discussion"]["discussion"]["changes"]["mergeCommitId"] == merged.merge_commit
    assert told["update", "repo.content"]["updatedRefs"][0]["newSha"] == merged.merge_commit


def test_private_things_are_told_to_members_only(receiver, ada, bob):
    lab = organisations.create_organisation("lab", by=make.as_principal(ada))
    member, staff = make.person("member"), make.person("boss", is_staff=True)
    join(lab, member, role=Role.READ, by=make.as_principal(ada))
    for user in (ada, bob, member, staff):
        hook(user, receiver.url, "org:lab")
    repositories.create_repository(
        lab.namespace, "secret", kind="model", visibility="private", by=make.as_principal(ada)
    )
    tell()
    heard = set(WebhookDelivery.objects.values_list("webhook__user__username", flat=True))
    assert heard == {"ada", "member"}


def test_who_may_not_read_any_more_when_it_leaves_is_not_told(receiver, ada, bob):
    """The event was public; by the time it is posted again, the repository is not."""
    hook(bob, receiver.url, "user:ada")
    repository = make.repository(ada, "tiny")
    receiver.answers = [500, 500]
    tell()
    assert len(receiver.posted) == 2
    repositories.update_settings(repository, by=make.as_principal(ada), visibility="private")
    later()
    tell()

    assert len(receiver.posted) == 2
    states = set(WebhookDelivery.objects.values_list("state", flat=True))
    assert states == {DeliveryState.WITHHELD}
    assert not WebhookDelivery.objects.exclude(payload={}).exists()


def test_a_deleted_private_repository_is_told_to_those_who_could_read_it(receiver, ada, bob):
    for user in (ada, bob):
        hook(user, receiver.url, "user:ada")
    repository = make.repository(ada, "tiny", visibility="private")
    repositories.delete(repository, by=make.as_principal(ada))
    tell()
    assert {row.webhook.user.username for row in WebhookDelivery.objects.all()} == {"ada"}
    assert receiver.posted[-1].event == ("delete", "repo")


def test_somebody_who_is_locked_out_hears_nothing(receiver, ada):
    hook(ada, receiver.url, "user:ada")
    make.repository(ada, "tiny")
    while outbox.relay():
        pass
    User.objects.update(is_active=False)
    tell()
    assert receiver.posted == []


def test_an_event_that_comes_twice_is_told_once(receiver, ada):
    hook(ada, receiver.url, "user:ada", "model:ada/tiny")
    make.repository(ada, "tiny")
    tell()
    count = len(receiver.posted)
    for event in OutboxEvent.objects.all():
        event.deliveries.all().delete()
    OutboxEvent.objects.update(relayed_at=None)
    tell()
    assert len(receiver.posted) == count == 2


def test_a_message_that_comes_twice_posts_once(receiver, ada):
    hook(ada, receiver.url, "user:ada")
    make.repository(ada, "tiny")
    while outbox.relay():
        pass
    first = deliveries.due()[0]
    assert [deliveries.deliver(first), deliveries.deliver(first)] == [True, False]
    assert len(receiver.posted) == 1


def test_a_worker_that_died_is_followed_by_another_one(receiver, ada):
    hook(ada, receiver.url, "user:ada")
    make.repository(ada, "tiny")
    while outbox.relay():
        pass
    first = deliveries.due()[0]
    late = deliveries._claim(first)  # and then the process is gone
    assert first not in deliveries.due()
    WebhookDelivery.objects.filter(pk=first).update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert deliveries.deliver(first)
    deliveries._settle(late, error="late")  # what it says in the end counts no more
    assert WebhookDelivery.objects.get(pk=first).state == DeliveryState.DELIVERED


def test_failures_are_repeated_with_pauses_and_then_given_up(receiver, ada):
    webhook = hook(ada, receiver.url, "user:ada")
    make.repository(ada, "tiny")
    WebhookDelivery.objects.all().delete()
    receiver.answers = [500] * 100
    while outbox.relay():
        pass
    WebhookDelivery.objects.exclude(pk=WebhookDelivery.objects.earliest("pk").pk).delete()
    for attempt in range(1, 7):
        tell()
        row = WebhookDelivery.objects.get()
        assert (row.attempts, row.status, row.error) == (attempt, 500, "HTTP 500")
        assert row.state == (DeliveryState.FAILED if attempt == 6 else DeliveryState.WAITING)
        later()
    webhook.refresh_from_db()
    assert (len(receiver.posted), webhook.failures, webhook.is_disabled) == (6, 1, False)
    assert len({one.headers["X-Webhook-Delivery"] for one in receiver.posted}) == 1

    receiver.answers = []
    deliveries.send_again(row, by=make.as_principal(ada))
    tell()
    webhook.refresh_from_db()
    assert (WebhookDelivery.objects.get().state, webhook.failures) == (DeliveryState.DELIVERED, 0)


def test_redirects_count_as_failures(receiver, ada):
    hook(ada, receiver.url, "user:ada")
    receiver.answers, receiver.location = [302], "http://127.0.0.1:9/"
    make.repository(ada, "tiny")
    tell()
    assert WebhookDelivery.objects.filter(error="HTTP 302", state=DeliveryState.WAITING).count() == 1


def test_many_failures_disable_a_webhook_and_say_why(settings, ada):
    """The address was allowed once, or its name answers differently now: nothing is posted and nothing repeated."""
    settings.WEBHOOKS_TO_LOOPBACK = True
    with receiving() as server:
        webhook = hook(ada, server.url, "user:ada")
        settings.WEBHOOKS_TO_LOOPBACK = False
        repository = make.repository(ada, "tiny")
        for number in range(10):
            make.put(repository, {"a.txt": str(number).encode()}, by=make.as_principal(ada))
        tell()
        assert server.posted == []
    webhook.refresh_from_db()
    assert webhook.is_disabled
    assert "not a public address" in webhook.disabled_reason
    states = list(WebhookDelivery.objects.values_list("state", flat=True))
    assert set(states) == {DeliveryState.FAILED}
    with pytest.raises(Conflict):
        deliveries.send_again(WebhookDelivery.objects.first(), by=make.as_principal(ada))
    webhook = webhooks.switch(webhook, by=make.as_principal(ada), on=True)
    assert (webhook.is_disabled, webhook.failures, webhook.disabled_reason) == (False, 0, "")


def test_a_disabled_webhook_hears_nothing(receiver, ada):
    webhook = hook(ada, receiver.url, "user:ada")
    make.repository(ada, "tiny")
    while outbox.relay():
        pass
    webhooks.switch(webhook, by=make.as_principal(ada), on=False)
    make.repository(ada, "other")
    tell()
    assert receiver.posted == []
    assert set(WebhookDelivery.objects.values_list("repository_name", flat=True)) == {"ada/tiny"}


def test_one_persons_slow_server_leaves_places_for_others(receiver, ada, bob):
    for user in (ada, bob):
        hook(user, receiver.url, f"user:{user.username}")
        for number in range(3):
            make.repository(user, f"r{number}")
    while outbox.relay(limit=1000):
        pass
    found = WebhookDelivery.objects.filter(pk__in=deliveries.due())
    assert sorted(row.webhook.user.username for row in found) == ["ada", "ada", "bob", "bob"]
    for row in found.filter(webhook__user=ada):
        deliveries._claim(row.pk)
    assert {row.webhook.user.username for row in WebhookDelivery.objects.filter(pk__in=deliveries.due())} == {"bob"}


def test_watched_names_follow_a_move_for_those_who_may_see_it(receiver, ada, bob):
    hook(ada, receiver.url, "model:ada/tiny")
    stranger = hook(bob, receiver.url, "model:ada/tiny")
    repository = make.repository(ada, "tiny", visibility="private")
    repositories.move(repository, ada.namespace, "moved", by=make.as_principal(ada))
    tell()
    assert Webhook.objects.get(user=ada).watched.get().name == "ada/moved"
    assert stranger.watched.get().name == "ada/tiny"


PRIVATE = ["http://127.0.0.1/", "http://10.0.0.1/x", "http://[::ffff:192.168.0.1]/", "https://169.254.169.254/"]


@pytest.mark.parametrize("url", [*PRIVATE, "ftp://example.org/", "nothing", "https://a:b@example.org/"])
def test_addresses_inside_are_refused_at_once(ada, url):
    with pytest.raises(Invalid):
        hook(ada, url, "user:ada")
    webhook = hook(ada, "https://hooks.example.org/x", "user:ada")
    with pytest.raises(Invalid):
        webhooks.update(webhook, by=make.as_principal(ada), url=url)


@pytest.mark.parametrize(
    "facts",
    [
        {"watched": []},
        {"watched": [("user", "ada/tiny")]},
        {"watched": [("model", "ada")]},
        {"watched": [("bucket", "ada/heap")]},
        {"watched": [("user", "a" * 200)]},
        {"domains": []},
        {"domains": ["repo", "weather"]},
        {"secret": "naïve"},
        {"secret": "a\r\nb"},
        {"secret": "a" * 201},
    ],
)
def test_settings_that_would_do_nothing_are_refused(ada, facts):
    defaults = {"url": "https://hooks.example.org", "watched": [("user", "ada")], "domains": ["repo"], "secret": ""}
    with pytest.raises(Invalid):
        webhooks.create(by=make.as_principal(ada), **(defaults | facts))


def test_who_may_have_webhooks(ada, bob):
    facts = {"url": "https://hooks.example.org", "watched": [("user", "ada")], "domains": ["repo"]}
    with pytest.raises(Unauthenticated):
        webhooks.create(by=ANONYMOUS, **facts)
    with pytest.raises(Forbidden):
        webhooks.create(by=principal_of(ada, scope=TokenScope.READ), **facts)
    webhook = webhooks.create(by=principal_of(ada, scope=TokenScope.WRITE), **facts)
    for change in (webhooks.delete, webhooks.update):
        with pytest.raises(Forbidden):
            change(webhook, by=make.as_principal(bob))
    with pytest.raises(Forbidden):
        webhooks.switch(webhook, by=make.as_principal(make.person(is_staff=True)), on=False)


def test_a_stolen_database_shows_no_secret(ada):
    webhook = hook(ada, "https://hooks.example.org", "user:ada", secret="hush")
    assert "hush" not in webhook.sealed_secret
    assert webhooks.secret_of(webhook) == "hush"
    assert webhooks.secret_of(webhooks.update(webhook, by=make.as_principal(ada), secret="")) == ""


def test_there_is_a_limit(ada):
    for number in range(webhooks.MAX_WEBHOOKS):
        hook(ada, f"https://hooks.example.org/{number}", "user:ada")
    with pytest.raises(Conflict):
        hook(ada, "https://hooks.example.org", "user:ada")


def test_the_log_forgets_what_is_long_over(receiver, ada):
    hook(ada, receiver.url, "user:ada")
    make.repository(ada, "tiny")
    tell()
    assert deliveries.forget_old() == 0
    WebhookDelivery.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert deliveries.forget_old() == 2
