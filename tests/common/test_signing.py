import base64
import json

import jwt
import pytest

from common import signing


def test_a_signed_token_verifies_with_the_public_keys_alone():
    token = signing.sign({"sub": "x"})
    key = jwt.PyJWKSet.from_dict(signing.public_keys()).keys[0]
    assert jwt.get_unverified_header(token)["kid"] == key.key_id
    assert jwt.decode(token, key.key, algorithms=["EdDSA"]) == {"sub": "x"}


def test_altered_claims_are_refused():
    head, _body, signature = signing.sign({"sub": "x"}).split(".")
    body = base64.urlsafe_b64encode(json.dumps({"sub": "y"}).encode()).rstrip(b"=").decode()
    with pytest.raises(signing.SignatureInvalid):
        signing.verify(f"{head}.{body}.{signature}")


def test_no_algorithm_but_ours_is_accepted():
    unsigned = jwt.encode({"sub": "x"}, "", algorithm="none")
    with pytest.raises(signing.SignatureInvalid):
        signing.verify(unsigned)
    confused = jwt.encode({"sub": "x"}, signing.public_keys()["keys"][0]["x"] * 2, algorithm="HS256")
    with pytest.raises(signing.SignatureInvalid):
        signing.verify(confused)


def test_canonical_json_has_one_spelling():
    assert signing.canonical({"b": 1, "a": "é"}) == '{"a":"é","b":1}'.encode()
