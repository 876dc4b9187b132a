"""Signed with the deployment's own chain, read back by the library's own reader."""

import io
import json

import c2pa
import pytest
from PIL import Image

from inference.algorithms import png
from inference.content import certificates, manifests
from inference.content.manifests import Signer

SITE = "https://pictures.example.org"
PARAMETERS = {"model": "lab/shapes", "commit": "a" * 40, "prompt": "p", "negative_prompt": "", "seed": 1, "steps": 2}
PARAMETERS |= {"guidance": 1.0, "width": 64, "height": 64}


@pytest.fixture(scope="module")
def root():
    return certificates.new_root(SITE)


@pytest.fixture(scope="module")
def signer(root):
    issued = certificates.new_signer(root, SITE)
    return Signer(issued.certificate, issued.key, certificates.ALGORITHM)


def drawn(colour: str = "red") -> bytes:
    return png.encode(Image.new("RGB", (64, 64), colour), parameters=PARAMETERS, statement="x.y.z")


def says(**facts):
    return manifests.manifest(PARAMETERS, title="t.png", page=SITE, training="notAllowed", **facts)


@pytest.fixture(scope="module")
def signed(signer):
    return manifests.signed(drawn(), says(has_inputs=False), signer)


def anchors(root) -> str:
    return root.certificate.decode()


def test_the_librarys_reader_finds_a_valid_signature_and_what_was_said(signed, root):
    read = manifests.read(signed, "image/png", anchors=anchors(root))
    assert (read.state, read.issuer, read.failures) == ("Trusted", SITE, [])
    (action,) = read.actions
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"] == manifests.AI_GENERATED
    assert action["softwareAgent"] == {"name": "lab/shapes", "version": "a" * 40}
    with c2pa.Reader("image/png", io.BytesIO(signed)) as reader:
        store = json.loads(reader.json())
    (training,) = [
        assertion["data"]["entries"]
        for assertion in store["manifests"][store["active_manifest"]]["assertions"]
        if assertion["label"] == "cawg.training-mining"
    ]
    assert training["cawg.ai_generative_training"] == {"use": "notAllowed"}


def test_our_own_chunks_are_still_there(signed):
    _picture, parameters, statement = png.decode(signed)
    assert (parameters, statement) == (PARAMETERS, "x.y.z")


def test_changed_bytes_are_found(signed, root):
    place = signed.index(b"IDAT") + 12
    changed = signed[:place] + bytes([signed[place] ^ 1]) + signed[place + 1 :]
    read = manifests.read(changed, "image/png", anchors=anchors(root))
    assert (read.state, read.failures) == ("Invalid", ["assertion.dataHash.mismatch"])


def test_another_authority_is_not_trusted(signed):
    other = certificates.new_root(SITE)
    assert manifests.read(signed, "image/png", anchors=anchors(other)).state == "Valid"


def test_what_a_picture_was_made_from_is_an_ingredient(signer, root, signed):
    made = manifests.signed(drawn("blue"), says(has_inputs=True), signer, inputs=[signed])
    read = manifests.read(made, "image/png", anchors=anchors(root))
    assert read.state == "Trusted"
    assert read.actions[0]["digitalSourceType"] == manifests.AI_COMPOSED
    with c2pa.Reader("image/png", io.BytesIO(made)) as reader:
        store = json.loads(reader.json())
    (ingredient,) = store["manifests"][store["active_manifest"]]["ingredients"]
    assert ingredient["relationship"] == "inputTo"
    assert ingredient["active_manifest"] in store["manifests"]


def test_a_key_that_does_not_belong_to_the_certificate_is_told(signer, root):
    other = certificates.new_signer(root, SITE)
    with pytest.raises(manifests.CannotSign):
        manifests.signed(drawn(), says(has_inputs=False), Signer(signer.chain, other.key, "es256"))


def test_a_picture_without_a_manifest_has_none(root):
    assert manifests.read(drawn(), "image/png", anchors=anchors(root)) is None
