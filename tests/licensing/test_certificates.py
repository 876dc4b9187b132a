"""Certificates: offline, on the public page, by command, and revoked."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.principal import Principal
from common import signing
from licensing.models import GrantOfUse
from licensing.services import certificates, refunds
from tests.factories import licensing as make

pytestmark = pytest.mark.django_db
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "verify_certificate.py"


@pytest.fixture
def order(shop):
    return shop.paid()


def offline(folder, client, token, *arguments):
    """The script in a process of its own, with nothing but the files."""
    (folder / "c.jws").write_text(token)
    (folder / "jwks.json").write_bytes(client.get("/.well-known/jwks.json").content)
    (folder / "revocations.json").write_bytes(client.get("/revocations").content)
    command = [sys.executable, "-I", str(SCRIPT), "c.jws", "--keys", "jwks.json", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env={})
    return done.returncode, done.stdout


def test_offline_verification(order, client, tmp_path):
    token = order.grant.certificate.jws
    status, said = offline(tmp_path, client, token, "--revocations", "revocations.json")
    assert (status, said.splitlines()[-1]) == (0, "VALID")
    assert '"holder": "acme"' in said
    head, body, signature = token.split(".")
    changed = "A" if body[20] != "A" else "B"
    assert offline(tmp_path, client, f"{head}.{body[:20]}{changed}{body[21:]}.{signature}")[0] == 1
    assert offline(tmp_path, client, "nonsense")[0] == 1
    staff = Principal(user=make.person("operator", is_staff=True))
    refunds.refund_order(order, reason="x", by=staff)
    status, said = offline(tmp_path, client, token, "--revocations", "revocations.json")
    assert (status, "revoked" in said) == (1, True)
    assert offline(tmp_path, client, token, "--revocations", "revocations.json", "--seq", "2")[0] == 1


def test_the_public_page_shows_only_what_the_holder_allows(order, client):
    certificate = order.grant.certificate
    page = client.get(certificate.get_absolute_url())
    assert b"Valid." in page.content
    assert b"acme" not in page.content
    assert client.get(f"{certificate.get_absolute_url()}.jws").status_code == 403
    assert client.get(f"/api/licences/certificates/{certificate.pk}").json()["token"] is None
    show = f"{certificate.get_absolute_url()}/show"
    client.force_login(make.person("stranger"))
    assert client.post(show, {"show": "yes"}).status_code == 403
    client.force_login(order.ordered_by)
    assert client.post(show, {"show": "yes"}).status_code == 302
    client.logout()
    assert b"acme" in client.get(certificate.get_absolute_url()).content
    assert client.get(f"{certificate.get_absolute_url()}.jws").content.decode().strip() == certificate.jws
    assert client.get("/licences/certificates/" + "0" * 24).status_code == 404


def test_pasting_a_certificate(order, client):
    certificate = order.grant.certificate
    wrapped = "\n".join(certificate.jws[start : start + 64] for start in range(0, len(certificate.jws), 64))
    answer = client.post("/verify", {"certificate": wrapped})
    # Who holds the signed text sees whose it is; the page alone does not tell.
    assert (answer.status_code, b"Acme" in answer.content or b"acme" in answer.content) == (200, True)
    public = client.get(certificate.get_absolute_url()).content
    assert b"does not prove whose licence it is" in public
    assert b"acme" not in public
    for text in ("nonsense", certificate.jws[:-4] + "AAAA", signing.sign({"jti": certificate.pk})):
        page = client.post("/verify", {"certificate": text})
        assert (page.status_code, b'role="alert"' in page.content) == (200, True)


def test_the_revocation_list_is_signed(order, client):
    empty = client.get("/revocations").json()
    assert (empty["seq"], empty["revoked"], empty["exp"] - empty["iat"]) == (0, [], 7 * 86_400)
    refunds.refund_order(order, reason="x", by=Principal(user=make.person("operator", is_staff=True)))
    listed = client.get("/revocations").json()
    assert [(line["seq"], line["jti"], line["reason"]) for line in listed["revoked"]] == [
        (1, order.grant.certificate.pk, "refund")
    ]
    assert signing.verify(listed.pop("jws")) == listed
    assert b"Revoked." in client.get(order.grant.certificate.get_absolute_url()).content


def test_status_follows_the_dates(order):
    certificate = order.grant.certificate
    now = timezone.now()
    moments = {
        "valid": (now, now + timedelta(days=1)),
        "not_yet": (now + timedelta(hours=1), now + timedelta(days=1)),
        "expired": (now - timedelta(days=1), now),
    }
    for status, (starts_at, ends_at) in moments.items():
        GrantOfUse.objects.update(starts_at=starts_at, ends_at=ends_at)
        certificate.grant.refresh_from_db()
        assert certificates.status_of(certificate) == status


def test_the_command(order, tmp_path, capsys):
    file = tmp_path / "c.jws"
    file.write_text(order.grant.certificate.jws)
    call_command("verify_certificate", str(file))
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "VALID"
    assert json.loads(said.rpartition("}")[0] + "}")["sub"] == "acme"
    file.write_text("nonsense")
    with pytest.raises(SystemExit):
        call_command("verify_certificate", str(file))
