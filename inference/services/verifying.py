"""Was this picture or sound made here? A process of its own looks at the file; what it says is compared with what is
kept."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from django.utils.translation import gettext as _

from accounts.principal import Principal
from common import signing
from common.errors import Invalid, TooManyRequests, Unavailable
from inference.models import Picture
from inference.selectors.pictures import picture_named, pictures_with, sizes_of_pictures
from inference.services import sealing_keys

MAX_BYTES = 20_000_000
SECONDS, MEMORY = 20, 4 * 2**30
PATIENCE = 15.0
_PROJECT = Path(__file__).resolve().parents[2]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from inference.content.examiner import main; main()"
_desk = BoundedSemaphore(1)  # one picture at a time and process


@dataclass(frozen=True)
class Finding:
    """What was found. Each sign alone shows that the picture was made here.

    `pictures` are those that the person who asks may see; `made_at` is that of the earliest, whoever sees it.
    """

    sha256: str
    is_same_file: bool
    watermark: str  # known, unknown, none
    statement: str  # valid, invalid, none
    credentials: str  # trusted, foreign, invalid, none, unread
    issuer: str
    made_at: datetime | None
    pictures: list[Picture] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Nothing was changed since it was made."""
        return self.is_same_file or self.statement == "valid" or self.credentials == "trusted"

    @property
    def is_ours(self) -> bool:
        return self.is_whole or self.watermark == "known"

    @property
    def is_altered(self) -> bool:
        return self.is_ours and not self.is_whole


def examine(content: bytes, *, by: Principal) -> Finding:
    """Raises Invalid for what is neither, TooManyRequests, Unavailable where files cannot be read safely."""
    if not content or len(content) > MAX_BYTES:
        raise Invalid(
            _("Choose a picture or sound of at most %(size)s MB.") % {"size": MAX_BYTES // 1_000_000},
            hint=_("Send a PNG, JPEG, WebP, WAV, FLAC, MP3 or Ogg file."),
        )
    seen = _looked_at(content)
    found = seen["watermark"]
    same = pictures_with(sha256=seen["sha256"])
    alike = [] if found is None else pictures_with(mark=found["mark"])
    credentials = seen["credentials"] or {}
    rows = {row.pk: row for row in [*same, *alike]}
    return Finding(
        sha256=seen["sha256"],
        is_same_file=bool(same),
        watermark="none" if found is None else ("known" if alike else "unknown"),
        statement=_statement(seen["statement"]),
        credentials=_credentials(credentials),
        issuer=credentials.get("issuer", ""),
        made_at=min((row.created_at for row in rows.values()), default=None),
        pictures=[row for row in rows.values() if picture_named(by, row.pk)][:10],
    )


def _looked_at(content: bytes) -> dict[str, Any]:
    if not _desk.acquire(timeout=PATIENCE):
        raise TooManyRequests(_("Many pictures come in right now."), hint=_("Try again in a minute."), retry_after=30)
    try:
        answer = _answer(content)
    finally:
        _desk.release()
    if "no_cage" in answer:
        raise Unavailable(_("This machine cannot read strangers' files safely, so it does not."))
    if "refused" in answer:
        raise _unreadable()
    return answer


def _answer(content: bytes) -> dict[str, Any]:
    task = {
        "key": sealing_keys.watermark_key().hex(),
        "anchors": sealing_keys.anchors(),
        "sizes": sizes_of_pictures(),
        "limits": {"memory": MEMORY, "seconds": SECONDS},
    }
    # In isolated mode neither the environment nor the user's site can slip code in.
    command = [sys.executable, "-I", "-B", "-c", _START, str(_PROJECT)]
    environment = {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command,
            input=json.dumps(task).encode() + b"\n" + content,
            capture_output=True,
            timeout=SECONDS,
            env=environment,
            cwd="/",
            check=True,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise _unreadable() from error
    return answer


def _unreadable() -> Invalid:
    message = _("This is no picture or sound that can be read.")
    return Invalid(message, hint=_("Send a PNG, JPEG, WebP, WAV, FLAC, MP3 or Ogg file."))


def _statement(seen: dict[str, Any] | None) -> str:
    if seen is None:
        return "none"
    try:
        claims = signing.verify(seen["token"])
    except signing.SignatureInvalid:
        return "invalid"
    same = all(claims.get(name) == digest for name, digest in seen["digests"].items())
    return "valid" if same and claims.get("parameters_sha256") == signing.digest(seen["parameters"]) else "invalid"


def _credentials(seen: dict[str, Any]) -> str:
    if not seen:
        return "none"
    if "error" in seen:
        return "unread"
    return {"Trusted": "trusted", "Valid": "foreign"}.get(seen["state"], "invalid")
