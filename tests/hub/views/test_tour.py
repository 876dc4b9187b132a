"""Every page of the hub in real Chromium with something to show: wide in English, narrow and dark in Chinese."""

import json

import pytest

from accounts.services import tokens
from hub.enums import Matter
from hub.models import AccessRequest, Dispute
from hub.services import (
    bulk,
    collections,
    crediting,
    discussions,
    disputes,
    gates,
    imports,
    opt_outs,
    reports,
    repositories,
    social,
    webhooks,
    weights,
)
from hub.services.commits import AddBytes
from tests.factories import applications
from tests.factories import datasets as make_data
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory, UserFactory
from tests.hub.gated import scene
from tests.hub.services.test_versions import publish
from tests.hub.weights import safetensors
from tests.support.browser import WIDTHS, Visitor, chromium

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
PASSWORD = "a long enough password"
TRAIN = b"import torch\n\nprint(1)\n# a comment that is longer than a narrow screen is wide, by far\n"
FORM = "Affiliation:\n  type: text\nPurpose:\n  type: select\n  options: [research, other]\nCountry: country\n"
LONG = "a-model-with-a-name-that-is-about-as-long-as-names-on-hubs-tend-to-be-v2.1-instruct"
by = make.as_principal
CARD = """---
license: apache-2.0
language: [en, zh]
library_name: diffusers
pipeline_tag: text-to-image
tags: [shapes, a-rather-long-tag-that-somebody-thought-of]
datasets: [bob/shapes]
base_model: bob/base
model-index:
- name: shapes
  results:
  - task: {type: text-to-image}
    dataset: {type: bob/shapes, name: Shapes}
    metrics: [{type: fid, value: 12.3}]
---
# Shapes

Words, `code`, and a table:

| step | loss | a column with a long head |
|---|---|---|
| 1 | 0.5 | 0.123456789012345678901234567890 |

```python
from diffusers import DiffusionPipeline; pipeline = DiffusionPipeline.from_pretrained("ada/shapes", token="hf_…")
```
"""


def model(ada, bob):
    """Weights in shards, a history with diffs, credits, a dispute, a pull request with a conflict, a picture."""
    base = make.repository(bob, "base", files={"README.md": b"---\nlicense: cc-by-nc-4.0\n---\n# Base\n"})
    publish(base, bob)
    index = {f"model.layers.{n}.mlp.weight": f"model-0000{n % 2 + 1}-of-00002.safetensors" for n in range(40)}
    shards = {
        name: safetensors(**{key: ("BF16", [64, 8]) for key, place in index.items() if place == name})
        for name in set(index.values())
    }
    files = {
        "README.md": CARD.encode(),
        "config.json": b'{"width": 8}\n',
        "train.py": TRAIN,
        "samples/one.png": make_data.png(size=(320, 200)),
        "model.safetensors.index.json": json.dumps({"weight_map": index}).encode(),
        **shards,
    }
    made = make.repository(ada, "shapes", files=files)
    weights.record(made)
    claims = {
        "base_models": [{"id": "bob/base"}],
        "credits": [{"user": "ada", "roles": ["software"], "points": 2}, {"user": "bob", "roles": ["data-curation"]}],
    }
    version = publish(made, ada, provenance=claims)
    crediting.answer(version.credits.get(user=bob), accept=True, by=by(bob))
    disputes.open_dispute(version, Matter.ORDER, reason="Bob should come first.", by=by(bob))
    proposed, _result = discussions.propose(
        made,
        [AddBytes("train.py", b"import jax\n")],
        by=by(bob),
        message="Port it to JAX",
        description="It is **faster**.",
    )
    make.put(made, {"train.py": b"import torch\nprint(2)\n"}, by=by(ada), message="Print 2")
    discussions.comment(proposed, "Does it run on *one* device?\n\n```\nyes\n```", by=by(ada))
    discussions.open_discussion(made, title="Which seed was used for the samples on the card?", text="Why?", by=by(bob))
    for person in (bob, ada):
        social.like(made, by=by(person))
    return made


def data(ada, staff):
    made = make_data.dataset(
        ada,
        "rows",
        files={
            "README.md": b"---\nlicense: mit\npretty_name: Rows\nlanguage: [zh]\n---\n# Rows\n",
            "data/train-00000-of-00001.parquet": make_data.shapes(30),
        },
    )
    opt_outs.request_opt_out(
        made,
        matches=[("domain", "example.org"), ("sha256", "ab" * 32)],
        statement="Mine.",
        by=by(staff),
        address="1.2.3.4",
    )
    return made


def gone(bob, staff):
    """A report that was upheld, and one that waits."""
    made = make.repository(bob, "stolen", files={"a.txt": b"mine"})
    said = {"kind": "copyright", "statement": "It is mine, see the first edition of 1999.", "by": by(bob)}
    report = reports.take_up(reports.file_report(made, **said), by=staff)
    reports.uphold(report, rule="Terms 3.1", reason="It is another's.", by=staff, is_whole=True)
    return reports.file_report(make.repository(bob, "doubtful"), **said)


@pytest.fixture
def places(db):
    """Pages by who opens them."""
    found = scene()
    ada = found.people["owner"]
    bob = UserFactory(username="bob")
    staff = StaffFactory(username="grace")
    gates.set_gate(
        found.repository,
        gates.GateWish(
            heading="Before you get it", prompt="Say what for. It may not be used for **faces**.", terms="Be kind.",
            form=FORM,
        ),
        by=by(ada),
    )  # fmt: skip
    shapes = model(ada, bob)
    data(ada, staff)
    report = gone(bob, by(staff))
    make.repository(ada, LONG, files={"README.md": CARD.encode()})
    deleted = make.repository(bob, "deleted")
    lost = publish(deleted, bob, provenance={"credits": [{"user": "bob"}, {"user": "ada"}]})
    crediting.answer(lost.credits.get(user=ada), accept=True, by=by(ada))
    dispute = disputes.open_dispute(lost, Matter.ORDER, reason="Ada did most.", by=by(ada))
    repositories.delete(deleted, by=by(bob))
    make.bucket(ada, "checkpoints", files={"step-1/w.bin": b"w" * 100, "log.txt": b"words"})
    collection = collections.create(ada.namespace, "Things to read", by=by(ada), description="On shapes.")
    collections.add(collection, shapes, by=by(ada), note="Begin here.")
    social.follow(ada.namespace, by=by(bob))
    hook = webhooks.create(
        by=by(ada),
        url="https://hooks.example.org/x",
        watched=[("user", "ada"), ("model", "ada/shapes")],
        domains=["repo"],
    )
    tokens.issue_token(ada, name="laptop", scope="write")
    app, _secret = applications.application(ada)
    brought = imports.create("grace/tiny", ada.namespace, by=by(ada))
    bulk.ask("To count the words of all cards by language.", by=by(ada))
    waiting = AccessRequest.objects.get(repository=found.repository, user=found.people["appealed"])
    own = {
        "own-page": "/ada", "edit": "/ada/shapes/edit/main/README.md", "new-file": "/ada/shapes/new/main",
        "upload": "/ada/shapes/upload/main", "move": "/ada/shapes/move/main/train.py",
        "delete": "/ada/shapes/delete/main/train.py", "settings": "/ada/shapes/settings",
        "gate-settings": "/lab/gated/settings", "publishers": "/ada/shapes/settings/publishers",
        "duplicate": "/ada/shapes/duplicate", "credits-edit": "/ada/shapes/credits",
        "dispute-new": "/ada/shapes/disputes/new?matter=roles", "discussion-new": "/ada/shapes/discussions/new",
        "pull-request-own": "/ada/shapes/discussions/1", "requests": "/lab/gated/access",
        "request": f"/lab/gated/access/{waiting.pk}", "own-requests": "/settings/access", "disputes": "/disputes",
        "dispute-gone": f"/disputes/{dispute.pk}", "webhooks": "/settings/webhooks",
        "webhook": f"/settings/webhooks/{hook.key}", "tokens": "/settings/tokens",
        "applications": "/settings/applications",
        "application": f"/settings/applications/{app.client_id}", "connected": "/settings/connected-apps",
        "authorise": applications.consent_address(app), "device": "/device", "identity": "/settings/identity",
        "imports": "/settings/imports", "import": f"/settings/imports/{brought.key}", "import-new": "/import",
        "storage": "/settings/storage", "bulk-own": "/settings/bulk", "collection-new": "/collections/new",
        "new": "/new", "organisation-new": "/organisations/new", "members": "/organisations/lab/members",
        "opt-outs-own": "/datasets/ada/rows/opt-outs", "sql": "/datasets/ada/rows/sql",
    }  # fmt: skip
    public = {
        "home": "/", "models": "/models", "models-search": "/models?search=shapes&gated=false", "datasets": "/datasets",
        "nothing": "/models?search=shaqes", "model": "/ada/shapes", "model-long": f"/ada/{LONG}", "person": "/bob",
        "organisation": "/lab", "files": "/ada/shapes/tree/main", "folder": "/ada/shapes/tree/main/samples",
        "file": "/ada/shapes/blob/main/train.py", "picture": "/ada/shapes/blob/main/samples/one.png",
        "tensors": "/ada/shapes/blob/main/model.safetensors.index.json",
        "tensors-filtered": "/ada/shapes/blob/main/model.safetensors.index.json?tensor=layers.1",
        "history": "/ada/shapes/commits/main", "file-history": "/ada/shapes/commits/main?path=train.py",
        "commit": "/ada/shapes/commit/main", "compare": "/ada/shapes/compare/refs/pr/1..main",
        "lineage": "/ada/shapes/lineage", "dispute": Dispute.objects.earliest("pk").get_absolute_url(),
        "downloads": "/ada/shapes/downloads",
        "likers": "/ada/shapes/likers", "discussions": "/ada/shapes/discussions",
        "pull-request": "/ada/shapes/discussions/1", "discussion": "/ada/shapes/discussions/2",
        "gate": "/lab/gated", "gated-file": "/lab/gated/blob/main/secret.txt", "dataset": "/datasets/ada/rows",
        "viewer": "/datasets/ada/rows/viewer", "opt-outs": "/datasets/ada/rows/opt-outs",
        "opt-out-new": "/datasets/ada/rows/opt-outs/new", "collections": "/collections",
        "collection": collection.get_absolute_url(), "followers": "/users/ada/followers",
        "following": "/users/bob/following", "likes": "/users/bob/likes", "bucket": "/buckets/ada/checkpoints",
        "report-new": "/report?about=/ada/shapes", "register": "/register", "bulk": "/bulk", "login": "/login",
    }  # fmt: skip
    desk = {"desk": "/desk/reports", "desk-report": f"/desk/reports/{report.pk}", "disputes-staff": "/disputes"}
    return {"": public, "ada": own, "bob": {"gate-asked": "/lab/gated", "ask": "/lab/gated/ask-access"}, "grace": desk}


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page(site, places, width):
    is_narrow = width == min(WIDTHS)
    faults = []
    with chromium() as browser:
        for who, pages in places.items():
            language = "zh-hans" if is_narrow else "en"
            visitor = Visitor(browser, site.url, width=width, dark=is_narrow, language=language)
            if who:
                visitor.log_in(who, PASSWORD)
            for name, path in pages.items():
                try:
                    page = visitor.open(path)
                    visitor.check_looks(f"tour-{name}")
                    if is_narrow:
                        assert page.locator("html").get_attribute("lang") == "zh-hans"
                except AssertionError as error:
                    faults.append(f"{name}: {error}")
                visitor.complaints.clear()
            visitor.close()
    assert faults == []
