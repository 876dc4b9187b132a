"""Webhooks by the stock client, delivered to a server of their own."""

import hashlib
import hmac

import pytest
from huggingface_hub import WebhookPayload

from common.services import outbox
from hub import tasks
from hub.models import WebhookDelivery
from hub.services import deliveries
from tests.factories import hub as make
from tests.hub.clients.test_huggingface_hub import run
from tests.hub.services.test_webhooks import later
from tests.support.receiver import receiving

pytestmark = pytest.mark.e2e


@pytest.fixture
def receiver(settings):
    settings.WEBHOOKS_TO_LOOPBACK = True
    with receiving() as server:
        yield server


def tell():
    """What relay, beat and worker do, until nothing is due."""
    while outbox.relay():
        pass
    while found := deliveries.due():
        for pk in found:
            tasks.deliver_webhook(pk)


def test_every_method_of_the_client(site, tmp_path):
    answer = run(
        site,
        tmp_path,
        site.token(make.person("ada")),
        """
        def shown(one):
            watched = [[item.type, item.name] for item in one.watched]
            return [one.url, watched, one.domains, one.secret, one.disabled, one.job]
        watched = [{"type": "user", "name": "nobody"}, hf.WebhookWatchedItem(type="org", name="NoLab")]
        made = api.create_webhook(url="https://hooks.example.org/a", watched=watched, secret="my-secret")
        answer["made"] = shown(made)
        answer["got"] = api.get_webhook(made.id) == made
        answer["listed"] = [one.id == made.id for one in api.list_webhooks()]
        answer["off"] = api.disable_webhook(made.id).disabled
        answer["on"] = api.enable_webhook(made.id).disabled
        answer["kept"] = shown(api.update_webhook(made.id, url="https://hooks.example.org/b"))
        answer["changed"] = shown(
            api.update_webhook(made.id, watched=[{"type": "model", "name": "ada/tiny"}], domains=["repo"], secret="s")
        )
        stranger = hf.HfApi(token=os.environ["OTHER"])
        answer["refused"] = [
            raised(api.create_webhook, url="http://10.0.0.1/", watched=watched),
            raised(api.create_webhook, url="http://169.254.169.254/latest", watched=watched),
            raised(api.create_webhook, job_id="687fb701029421ae5549d998", watched=watched),
            raised(stranger.get_webhook, made.id),
            raised(hf.HfApi(token=False).list_webhooks),
        ]
        api.delete_webhook(made.id)
        answer["gone"] = raised(api.get_webhook, made.id)
        """,
        OTHER=site.token(make.person("bob")),
    )

    names = [["user", "nobody"], ["org", "NoLab"]]
    both = ["repo", "discussion"]
    assert answer == {
        "made": ["https://hooks.example.org/a", names, both, "my-secret", False, None],
        "got": True,
        "listed": [True],
        "off": True,
        "on": False,
        "kept": ["https://hooks.example.org/b", names, both, "my-secret", False, None],
        "changed": ["https://hooks.example.org/b", [["model", "ada/tiny"]], ["repo"], "s", False, None],
        "refused": ["BadRequestError", "BadRequestError", "BadRequestError", "HfHubHTTPError", "HfHubHTTPError"],
        "gone": "HfHubHTTPError",
    }


def test_what_the_client_does_is_posted_and_the_client_can_read_it(site, tmp_path, receiver):
    answer = run(
        site,
        tmp_path,
        site.token(make.person("ada")),
        """
        watched = [{"type": "user", "name": "ada"}]
        answer["id"] = api.create_webhook(url=os.environ["RECEIVER"], watched=watched, secret="hush").id
        api.create_repo("ada/tiny")
        answer["sha"] = api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id="ada/tiny").oid
        api.create_discussion("ada/tiny", "A question", description="Why?")
        """,
        RECEIVER=receiver.url,
    )
    receiver.answers = [500, 503]  # and then it is well again
    tell()
    waiting = WebhookDelivery.objects.filter(state="waiting")
    assert sorted(waiting.values_list("error", flat=True)) == ["HTTP 500", "HTTP 503"]
    later()
    tell()

    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert len(receiver.posted) == 4 + 2
    assert len({one.headers["X-Webhook-Delivery"] for one in receiver.posted}) == 4
    for one in receiver.posted:
        payload = WebhookPayload.model_validate_json(one.body)
        assert (payload.webhook.id, payload.repo.name, payload.repo.type) == (answer["id"], "ada/tiny", "model")
        assert one.headers["X-Webhook-Secret"] == "hush"
        signature = hmac.new(b"hush", one.body, hashlib.sha256).hexdigest()
        assert one.headers["X-Webhook-Signature-256"] == f"sha256={signature}"
    talk = [WebhookPayload.model_validate_json(one.body) for one in receiver.posted if "discussion" in one.payload]
    assert (talk[0].discussion.title, talk[0].comment.content) == ("A question", "Why?")
    heads = [one.payload["updatedRefs"][0]["newSha"] for one in receiver.posted if "updatedRefs" in one.payload]
    assert answer["sha"] in heads
