"""What the API of webhooks says; all else about them is in services, views and clients."""

import pytest

from hub.models import Webhook
from hub.services import webhooks
from tests.factories import hub as make
from tests.hub.api.test_doors import bearer, send

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "body", [{"jobSourceId": "687fb701029421ae5549d998"}, {"url": "https://hooks.example.org/a", "secrets": {"A": "b"}}]
)
def test_a_job_to_start_is_refused_with_what_to_do_instead(client, body):
    ada = make.person("ada")
    watched = [{"type": "user", "name": "ada"}]
    kept = webhooks.create(
        by=make.as_principal(ada), url="https://hooks.example.org/a", watched=[("user", "ada")], domains=["repo"]
    )

    made = send(client, "POST", "/api/settings/webhooks", body | {"watched": watched}, bearer(ada))
    changed = send(client, "POST", f"/api/settings/webhooks/{kept.key}", body, bearer(ada))

    for answer in (made, changed):
        assert answer.status_code == 400
        assert answer.json()["error"] == (
            "Webhooks of this site do not start jobs. Give `url`; its server can start a job by the Jobs API."
        )
    assert Webhook.objects.get().url == "https://hooks.example.org/a"
