"""What people asked to be left out of a data set, and whether a row is that."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants
from huggingface_hub.utils import HfHubHTTPError, build_hf_headers, get_session, hf_raise_for_status

from compute.recipes.hub import told_as_refusal

KINDS = ("url", "domain", "sha256", "text", "path")
NOT_THERE = 404


@dataclass(frozen=True)
class LeftOut:
    """The honoured requests of a data set, by kind. A row that one of them names is not trained on."""

    url: frozenset[str] = frozenset()
    domain: frozenset[str] = frozenset()
    sha256: frozenset[str] = frozenset()
    text: frozenset[str] = frozenset()
    path: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return any(getattr(self, kind) for kind in KINDS)

    def names(self, row: Mapping[str, Any]) -> bool:
        """Whether a request names this row; its pictures and sounds are undecoded: bytes and path."""
        return bool(self) and any(self._names(value) for value in _values(row.values()))

    def plain(self) -> dict[str, list[str]]:
        return {kind: sorted(getattr(self, kind)) for kind in KINDS}

    def _names(self, value: str | bytes) -> bool:
        if isinstance(value, bytes):
            return bool(self.sha256) and hashlib.sha256(value).hexdigest() in self.sha256
        if value in self.url or value in self.path or value.lower() in self.sha256:
            return True
        if any(value.endswith("/" + path) for path in self.path):
            return True
        return any(_says(value, text) for text in self.text) or self._comes_from(value)

    def _comes_from(self, value: str) -> bool:
        if not self.domain or not value.startswith(("http://", "https://")):
            return False
        try:
            host = urlsplit(value).hostname or ""
        except ValueError:
            return False
        return any(host == domain or host.endswith("." + domain) for domain in self.domain)


def left_out_of(dataset: str) -> LeftOut:
    """Asks the hub. A hub that keeps no such list answers that there is none: nothing is left out.

    Raises Refused when the hub gives no answer: who asked to be left out is then not known.
    """
    with told_as_refusal(
        f"The opt-outs of the data set {dataset} cannot be read", "Without them nothing is trained. Try again later."
    ):
        try:
            answer = get_session().get(
                f"{constants.ENDPOINT}/api/datasets/{dataset}/opt-outs", headers=build_hf_headers(), timeout=30
            )
            hf_raise_for_status(answer)
        except HfHubHTTPError as error:
            if error.response is not None and error.response.status_code == NOT_THERE:
                return LeftOut()
            raise
        matches = answer.json()["matches"]
    return LeftOut(**{kind: frozenset(matches.get(kind, ())) for kind in KINDS})


def _says(value: str, text: str) -> bool:
    """Whether the text occurs as whole words, in whatever case."""
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", value, re.IGNORECASE) is not None


def _values(values: Iterable[Any]) -> Iterable[str | bytes]:
    """Every text and every file in a row, however deep."""
    for value in values:
        if isinstance(value, str | bytes):
            yield value
        elif isinstance(value, Mapping):
            yield from _values(value.values())
        elif isinstance(value, list | tuple):
            yield from _values(value)
