"""Credentials are found by their forms; what only looks random is left alone."""

import base64
import hashlib
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.algorithms import secrets

LETTERS = string.ascii_letters + string.digits


def some(count, alphabet=LETTERS):
    """Random, and written nowhere: this file must not look as if it held credentials."""
    return "".join((alphabet * count)[position * 7 % len(alphabet)] for position in range(count))


PEM = "\n".join(["-----BEGIN RSA " + "PRIVATE KEY-----", some(64), some(64), "-----END RSA " + "PRIVATE KEY-----"])
FOUND = {
    "Hub access token": "hf_" + some(37),
    "AWS access key": "AKIA" + some(16, string.ascii_uppercase + "234567"),
    "AWS secret key": 'aws_secret_access_key = "' + some(40, LETTERS + "/+") + '"',
    "GitHub token": "ghp_" + some(36),
    "private key": PEM,
    "Slack token": "xoxb-" + some(12, string.digits) + "-" + some(12, string.digits) + "-" + some(24),
    "Slack webhook": "https://hooks.slack.com/services/T" + some(9, string.ascii_uppercase) + "/B"
    + some(9, string.ascii_uppercase) + "/" + some(24),
    "Stripe live key": "sk_live_" + some(24),
    "OpenAI key": "sk-proj-" + some(40) + "T3Blbk" + "FJ" + some(40),
    "Anthropic key": "sk-ant-api03-" + some(93) + "AA",
    "Google key": "AIza" + some(35),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOUND)
@pytest.mark.parametrize("around", ["{}", "key: {}\n", 'TOKEN="{}";', "a, {}, b"])
def test_known_forms_are_found_with_their_line(kind, around):
    found = secrets.find("a/b.txt", ("first\nsecond " + around.format(FOUND[kind])).encode())
    assert [(one.path, one.line, one.kind) for one in found] == [("a/b.txt", 2, kind)]
    assert FOUND[kind][4:20] not in found[0].place


def test_a_key_in_one_line_of_json_is_found():
    text = PEM.replace("\n", "\\n")
    assert [one.kind for one in secrets.find("key.json", f'{{"private_key": "{text}"}}'.encode())] == ["private key"]


@pytest.mark.parametrize(
    "text",
    [
        "hf_" + "x" * 37,
        "hf_" + "YOUR_TOKEN_HERE",
        "hf_hub_download(repo_id, filename)",
        "hf_transfer = True  # hf_xet",
        "self.hf_device_map_for_all_of_the_modules_of_it = None",
        "AKIAIOSFODNN7" + "EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY",
        "sk_test_" + some(24),
        "pk_live_" + some(24),
        "ghp_short",
        "-----BEGIN PRIVATE KEY----- goes first, then the key",
        "-----BEGIN PUBLIC KEY-----\n" + some(64),
        "-----BEGIN CERTIFICATE-----\n" + some(64),
        hashlib.sha256(b"x").hexdigest(),
        hashlib.sha1(b"x").hexdigest(),
        base64.urlsafe_b64encode(random.Random(7).randbytes(40)).decode(),
        "sk-learn-contrib and sk-image",
        "ASIATIC-PACIFIC",
        "oid sha256:" + "ab" * 32,
    ],
)
def test_other_texts_are_left_alone(text):
    assert secrets.find("README.md", text.encode()) == []


@given(st.text(alphabet=LETTERS + "+/=\n -_.", max_size=2000))
def test_random_texts_are_left_alone(text):
    assert secrets.find("x", text.encode()) == []


@given(st.binary(max_size=500))
def test_any_bytes_can_be_read(data):
    secrets.find("x", data + FOUND["GitHub token"].encode())


def test_binary_and_long_files_are_not_read():
    token = FOUND["GitHub token"].encode()
    assert secrets.find("x", b"\0" + token) == []
    assert secrets.find("x", token + b" " * secrets.MAX_FILE) == []


@pytest.mark.parametrize(
    ("message", "allowed"),
    [
        ("Add keys\n\nAllow-Secrets: made up for a test", True),
        ("allow-secrets: yes", True),
        ("Allow-Secrets:", False),
        ("I do not say Allow-Secrets: here", False),
        ("", False),
    ],
)
def test_who_takes_responsibility_says_so_in_a_line_of_its_own(message, allowed):
    assert secrets.is_allowed_by(message) is allowed
