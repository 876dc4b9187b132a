"""What a sound in a repository is: its length, and a picture of it. A reader in a cage looks, once."""

import hashlib
import io
import json
import threading
from dataclasses import asdict, dataclass

from django.conf import settings

from hub import stores
from hub.git.errors import EntryMissing
from hub.git.reading import read_blob
from hub.git.repositories import open_repository
from hub.selectors import File, Revision, committed_objects
from hub.storage.errors import ObjectMissing, StorageError
from hub.viewer import asking
from hub.viewer.asking import Limits, Source

ENDINGS = (".wav", ".flac", ".mp3", ".ogg")
LARGEST = 64 * 2**20  # bytes; longer ones are played, and not looked into
_EDITION = 1  # of what is kept
_SECONDS = 10  # somebody waits for the page
_PATIENCE = 2.0
_ear = threading.BoundedSemaphore(1)  # one sound at a time and process


@dataclass(frozen=True)
class Sound:
    """`seconds` of sound, of which the picture shows `seen`; `picture` is a name in the viewer's store.

    With a `problem`, in words of the decoder, there is nothing else.
    """

    seconds: float = 0.0
    seen: float = 0.0
    rate: int = 0
    channels: int = 0
    picture: str = ""
    problem: str = ""

    @property
    def is_cut(self) -> bool:
        return self.seen < self.seconds


def is_sound(path: str) -> bool:
    """Whether a file of this name gets a player."""
    return path.lower().endswith(ENDINGS)


def sound_at(revision: Revision, file: File) -> Sound | None:
    """None when it is too large, when its bytes are gone, or when nobody has time to look at it now.

    The caller has checked that this person may read the file.
    """
    if file.size > LARGEST:
        return None
    # By content: whoever gets here may read it, and the address of the picture is signed.
    key = hashlib.sha256(f"sound {_EDITION} {file.etag}".encode()).hexdigest()
    return _kept(key) or _looked_into(key, revision, file)


def _looked_into(key: str, revision: Revision, file: File) -> Sound | None:
    source = _source(revision, file)
    if source is None or not _ear.acquire(timeout=_PATIENCE):
        return None
    try:
        limits = Limits(settings.VIEWER_MEMORY, _SECONDS)
        answer = asking.ask({"do": "listen"}, [source], limits=limits)
    except asking.NoCage:
        return None
    except asking.Refused as error:
        return _keep(key, Sound(problem=str(error)[:200]))
    except (asking.OutOfTime, asking.OutOfMemory):
        return _keep(key, Sound(problem="it takes too long, or too much memory"))
    finally:
        _ear.release()
    (picture,) = answer.parts
    name = hashlib.sha256(picture).hexdigest()
    stores.viewer_files().put(io.BytesIO(picture), name)
    facts = answer.value
    rate = int(facts["rate"])
    seconds, seen = facts["frames"] / rate, facts["seen"] / rate
    return _keep(key, Sound(seconds, seen, rate, int(facts["channels"]), f"{name}.png"))


def _source(revision: Revision, file: File) -> Source | None:
    """The whole file, since its reader goes over all of it; None when the store has lost it."""
    repository = revision.repository
    try:
        if file.lfs_sha256:
            held = committed_objects(repository, [file.lfs_sha256])[file.lfs_sha256]
            data = stores.source_of(held).read(0, held.size)
        else:
            data = read_blob(open_repository(repository.path), file.oid, limit=LARGEST)
    except (KeyError, EntryMissing, StorageError, OSError):
        return None
    return Source(len(data), lambda start, length: data[start : start + length])


def _kept(key: str) -> Sound | None:
    store = stores.viewer_files()
    try:
        with store.open(key) as file:
            found = Sound(**json.load(file))
    except ObjectMissing:
        return None
    return found if not found.picture or store.exists(found.picture.partition(".")[0]) else None


def _keep(key: str, found: Sound) -> Sound:
    store = stores.viewer_files()
    with store.stage(io.BytesIO(json.dumps(asdict(found)).encode())) as staged:
        store.adopt(staged, key)
    return found
