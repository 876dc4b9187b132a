"""One of everything that the hub shows, and the addresses at which all of it can be asked for."""

import io
from dataclasses import dataclass

from accounts.models import User
from accounts.principal import Principal
from accounts.services import organisations, publishers
from hub import stores
from hub.enums import GateMode, Matter
from hub.services import (
    access,
    attachments,
    bulk,
    collections,
    commits,
    discussions,
    disputes,
    imports,
    objects,
    opt_outs,
    reports,
    repositories,
    social,
    webhooks,
)
from hub.services.commits import AddBytes, AddPointer
from hub.storage.xet.ingest import ingest
from tests.factories import applications as make_apps
from tests.factories import datasets as make_data
from tests.factories import hub as make
from tests.hub.services.test_versions import publish
from tests.hub.weights import safetensors

# What people wrote: the only foreign addresses that pages and answers may repeat.
THEIRS = "https://elsewhere.example/written-by-people"
CARD = f"---\nlicense: mit\npipeline_tag: translation\n---\n# Tiny\n[a link]({THEIRS}) and [a file](config.json)\n"
WEIGHTS = safetensors(w=("F32", [2, 3]))


@dataclass
class Everything:
    """`names` fill the gaps in the addresses below."""

    ada: User
    bob: User
    names: dict[str, str]


def everything() -> Everything:
    """ada is staff and owns all, bob asks and answers."""
    ada, bob = make.person("ada", is_staff=True), make.person("bob")
    by, theirs = Principal(user=ada), Principal(user=bob)
    organisations.create_organisation("lab", by=by)
    files = {"README.md": CARD.encode(), "config.json": b'{"a": 1}', "odd folder/ä.txt": b"x\n" * 9}
    files["model.safetensors.index.json"] = b'{"weight_map": {"w": "w.safetensors"}}'
    model = make.repository(ada, "tiny", files=files)
    old = model.head
    lfs = make.put_large(model, {"model.bin": b"weights" * 9000, "w.safetensors": WEIGHTS}, by=by)["model.bin"]
    held = ingest(stores.xet_store(), io.BytesIO(b"kept as xet " * 9000))
    objects.hold_xet(model, [held], by=by)
    commits.commit(model, [AddPointer("xet.bin", held.sha256, held.size)], by=by, message="Add xet")
    model.refresh_from_db()
    version = publish(model, ada, provenance={"credits": [{"user": "ada"}, {"user": "bob"}]})
    model.refresh_from_db()
    tables = {"data/train-00000-of-00001.parquet": make_data.shapes(), "README.md": CARD.encode()}
    data = make_data.dataset(ada, "shapes", files=tables)
    for kind in ("space", "kernel"):
        make.repository(ada, "thing", kind=kind, files={"README.md": b"# Thing\n"})
    make.bucket(ada, "store", files={"a/b.txt": b"in a bucket"})
    said = discussions.open_discussion(model, title="Hello", text=f"See {THEIRS}", by=theirs)
    discussions.propose(model, [AddBytes("new.txt", b"new\n")], by=by, message="Add new")
    gated = make.repository(ada, "gated", files={"a.txt": b"x"})
    gated = repositories.update_settings(gated, by=by, gated=GateMode.MANUAL)
    asked = access.ask(gated, by=theirs, answers={})
    collection = collections.create(ada.namespace, "Best of", by=by)
    item = collections.add(collection, model, by=by)
    collections.add(collection, data, by=by)
    hook = webhooks.create(by=by, url=THEIRS, watched=[("user", "ada")], domains=["repo"])
    brought = imports.create("grace/tiny", ada.namespace, "brought", by=by)
    app, _secret = make_apps.application(ada, redirect_uris=[THEIRS])
    publishers.trust("model:ada/tiny", ada.namespace, issuer=THEIRS, claims={"sub": "x"}, by=by)
    report = reports.file_report(model, kind="copyright", statement="It is mine", by=theirs)
    opt_out = opt_outs.request_opt_out(data, matches=[("domain", "example.org")], statement="Leave me out", by=theirs)
    credit = version.credits.get(user=bob)
    dispute = disputes.open_dispute(version, Matter.MISSING, reason="I made it too", by=theirs)
    bulk.ask("A mirror for the library", by=by)
    picture = attachments.upload(make_data.png(), by=by)
    social.follow(bob.namespace, by=by)
    social.like(model, by=by)
    names = {
        "old": old, "head": model.head, "lfs": lfs, "xet": held.hash, "xorb": next(iter(held.xorbs)),
        "event": str(said.events.first().pk), "comment": f"{said.events.first().pk:024x}", "slug": collection.slug,
        "item": item.key, "hook": hook.key, "import": brought.key, "app": app.client_id,
        "consent": make_apps.consent_address(app, redirect_uri=THEIRS).partition("?")[2], "report": report.key,
        "report_number": str(report.pk), "opt_out": str(opt_out.pk), "credit": str(credit.pk),
        "dispute": str(dispute.pk), "request": str(asked.pk), "picture": picture.key,
    }  # fmt: skip
    return Everything(ada, bob, names)
