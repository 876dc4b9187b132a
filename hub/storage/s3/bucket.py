"""One bucket of an S3-compatible server, with its errors in our words.

boto3 is loaded when the first request is made: sites that keep files never pay for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import IO, Any

from hub.storage.errors import ObjectMissing, StorageError, StoreUnavailable
from hub.storage.objects import Shown

PART = 64 * 1024 * 1024  # bytes; larger objects are sent and copied in parts
MAX_PUT = 5 * 1024**3  # bytes; what one PUT may bring
_MAX_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bucket is. Links name ``public_endpoint``; ``prefix`` is empty or ends in a slash."""

    endpoint: str
    bucket: str
    region: str
    access_key: str
    secret_key: str
    public_endpoint: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Item:
    """What lies under a key: length in bytes, whole Unix seconds of its arrival, what changes with its bytes."""

    key: str
    size: int
    modified: float
    etag: str


class Bucket:
    """Keys below the place's prefix. Safe for many threads.

    Everything raises StoreUnavailable when the server cannot be reached or refuses us.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._lock = Lock()

    def head(self, key: str) -> Item | None:
        """What lies there, or None."""
        try:
            with _speaking(key):
                found = self._client.head_object(**self._at(key))
        except ObjectMissing:
            return None
        return _item(key, found["ContentLength"], found)

    def get(self, key: str, first: int = 0, last: int | None = None) -> tuple[Any, int]:
        """The bytes from ``first`` to ``last`` (included) as a stream, and the length of the whole. ObjectMissing."""
        wanted = {} if first == 0 and last is None else {"Range": f"bytes={first}-{'' if last is None else last}"}
        with _speaking(key):
            found = self._client.get_object(**self._at(key), **wanted)
        part = found.get("ContentRange")
        return found["Body"], int(part.rpartition("/")[2]) if part else found["ContentLength"]

    def read(self, key: str) -> bytes:
        """A small value. Raises ObjectMissing."""
        body, _size = self.get(key)
        with _speaking(key), body:
            return body.read()

    def read_block(self, key: str, body: Any, length: int) -> bytes:
        """Some bytes of a stream that `get` gave, b"" at its end."""
        with _speaking(key):
            return body.read(length)

    def put(self, key: str, body: bytes | IO[bytes], *, if_absent: bool = False) -> bool:
        """Store a value of up to 5 GiB; with ``if_absent`` False tells that something lies there already."""
        condition = {"IfNoneMatch": "*"} if if_absent else {}
        try:
            with _speaking(key):
                self._client.put_object(**self._at(key), Body=body, **condition)
        except _AlreadyThereError:
            return False
        return True

    def put_file(self, key: str, path: Path) -> None:
        """Store a file of any length, in parts that fit in memory."""
        size = path.stat().st_size
        if size <= PART:
            with path.open("rb") as file:
                self.put(key, file)
            return
        part_size = part_size_for(size)
        with path.open("rb") as file, self._in_parts(key) as upload:
            for number in range(1, -(-size // part_size) + 1):
                self.put_part(key, upload, number, file.read(part_size))

    def copy(self, source: str, target: str) -> None:
        """Copy inside the server, in parts when it is large. Raises ObjectMissing."""
        found = self.head(source)
        if found is None:
            raise ObjectMissing(f"{source} is not in the store")
        origin = {"Bucket": self.place.bucket, "Key": self._key(source)}
        if found.size <= PART:
            with _speaking(source):
                self._client.copy_object(**self._at(target), CopySource=origin)
            return
        part_size = part_size_for(found.size)
        with self._in_parts(target) as upload:
            for number, first in enumerate(range(0, found.size, part_size), 1):
                last = min(found.size, first + part_size) - 1
                with _speaking(source):
                    self._client.upload_part_copy(
                        **self._at(target),
                        UploadId=upload,
                        PartNumber=number,
                        CopySource=origin,
                        CopySourceRange=f"bytes={first}-{last}",
                    )

    def delete(self, key: str) -> None:
        """Remove a value; harmless when it is gone."""
        with _speaking(key):
            self._client.delete_object(**self._at(key))

    def items(self, under: str) -> Iterator[Item]:
        """What lies below a folder (``under`` ends in a slash), in the order of the keys."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.place.bucket, Prefix=self._key(under)
        )
        cut = len(self.place.prefix)
        with _speaking(under):
            for page in pages:
                for row in page.get("Contents", []):
                    yield _item(row["Key"][cut:], row["Size"], row)

    def move(self, source: str, target: str) -> bool:
        """Copy, then remove; False when there is nothing."""
        try:
            self.copy(source, target)
        except ObjectMissing:
            return False
        self.delete(source)
        return True

    def begin_parts(self, key: str) -> str:
        """Start an upload in parts; gives its id."""
        with _speaking(key):
            return self._client.create_multipart_upload(**self._at(key))["UploadId"]

    def put_part(self, key: str, upload: str, number: int, body: bytes | IO[bytes]) -> str:
        """Store one part; gives its ETag. Raises ObjectMissing when there is no such upload."""
        with _speaking(key):
            sent = self._client.upload_part(**self._at(key), UploadId=upload, PartNumber=number, Body=body)
        return sent["ETag"].strip('"')

    def parts(self, key: str, upload: str) -> list[tuple[int, int, str]]:
        """Number, length and ETag of the parts that are there. Raises ObjectMissing."""
        with _speaking(key):
            pages = self._client.get_paginator("list_parts").paginate(**self._at(key), UploadId=upload)
            rows = [row for page in pages for row in page.get("Parts", [])]
        return [(row["PartNumber"], row["Size"], row["ETag"].strip('"')) for row in rows]

    def complete_parts(self, key: str, upload: str) -> None:
        """Make one object of all the parts that are there. Raises ObjectMissing."""
        parts = [{"PartNumber": number, "ETag": f'"{etag}"'} for number, _size, etag in self.parts(key, upload)]
        with _speaking(key):
            self._client.complete_multipart_upload(**self._at(key), UploadId=upload, MultipartUpload={"Parts": parts})

    def abort_parts(self, key: str, upload: str) -> None:
        """Forget an upload in parts; harmless when it is gone."""
        try:
            with _speaking(key):
                self._client.abort_multipart_upload(**self._at(key), UploadId=upload)
        except ObjectMissing:
            return

    def url_to_get(self, key: str, seconds: int, shown: Shown) -> str:
        """A link to read, and with ``byte_range`` to read just these bytes."""
        wanted = {"ResponseContentType": shown.content_type, "ResponseCacheControl": "private, no-cache"}
        if shown.disposition:
            wanted["ResponseContentDisposition"] = shown.disposition
        if shown.byte_range is not None:
            # Signed along with the rest: a request for other bytes does not match the signature.
            wanted["Range"] = f"bytes={shown.byte_range[0]}-{shown.byte_range[1]}"
        return self._signed("get_object", key, seconds, wanted)

    def url_to_put(self, key: str, seconds: int, size: int) -> str:
        """A link to bring an object of exactly this length."""
        return self._signed("put_object", key, seconds, {"ContentLength": size})

    def url_to_put_part(self, key: str, upload: str, number: int, seconds: int, size: int) -> str:
        """A link to bring one part of exactly this length."""
        wanted = {"UploadId": upload, "PartNumber": number, "ContentLength": size}
        return self._signed("upload_part", key, seconds, wanted)

    def _signed(self, call: str, key: str, seconds: int, wanted: dict[str, Any]) -> str:
        return self._public_client.generate_presigned_url(call, Params=self._at(key) | wanted, ExpiresIn=seconds)

    @contextmanager
    def _in_parts(self, key: str) -> Iterator[str]:
        """An upload of our own that is completed at the end, or forgotten when something goes wrong."""
        upload = self.begin_parts(key)
        try:
            yield upload
            self.complete_parts(key, upload)
        except BaseException:
            self.abort_parts(key, upload)
            raise

    def _key(self, key: str) -> str:
        return self.place.prefix + key

    def _at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.place.bucket, "Key": self._key(key)}

    @cached_property
    def _client(self) -> Any:
        with self._lock:
            return _connect(self.place, self.place.endpoint)

    @cached_property
    def _public_client(self) -> Any:
        with self._lock:
            return _connect(self.place, self.place.public_endpoint)


def _item(key: str, size: int, facts: Any) -> Item:
    # Listings tell milliseconds, single answers do not: whole seconds are the same in both.
    return Item(key, size, float(int(facts["LastModified"].timestamp())), facts["ETag"].strip('"'))


def trash_key(trash: Path, name: str = "") -> str:
    """Where the bucket has what files have in a folder of their trash: ``…/trash/7/xorb`` is ``trash/7/xorb/``."""
    parts = trash.parts
    last = max((number for number, part in enumerate(parts) if part == "trash"), default=len(parts) - 2)
    return "/".join(["trash", *parts[last + 1 :], name])


def part_size_for(size: int) -> int:
    """Bytes a part, so that their number stays in bounds."""
    return max(PART, -(-size // _MAX_PARTS))


class _AlreadyThereError(StorageError):
    """Something lies under a key that should have been free."""


def _connect(place: Place, endpoint: str) -> Any:
    from boto3.session import Session  # noqa: PLC0415 - heavy, and not needed by sites that keep files
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        signature_version="s3v4",
        # The server checks the digest of what we send; its own checksums are not known everywhere.
        s3={"addressing_style": "path", "payload_signing_enabled": True},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "max_attempts": 3},
        max_pool_connections=32,
    )
    session = Session(place.access_key, place.secret_key, region_name=place.region)
    return session.client("s3", endpoint_url=endpoint, config=config)


@contextmanager
def _speaking(key: str) -> Iterator[None]:
    """Errors of the library in our words."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

    try:
        yield
    except ClientError as error:
        raise _translated(error.response, key) from error
    except BotoCoreError as error:
        raise StoreUnavailable(f"the object store does not answer: {type(error).__name__}") from error


def _translated(answer: Any, key: str) -> StorageError:
    code = str(answer.get("Error", {}).get("Code", ""))
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in {"NoSuchKey", "NoSuchUpload", "404", "NotFound"}:
        return ObjectMissing(f"{key} is not in the store")
    if status == 412:
        return _AlreadyThereError(f"{key} is in the store already")
    return StoreUnavailable(f"the object store refused a request: {code or status}")
