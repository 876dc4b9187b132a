"""Stores on the real server."""

import pytest

from hub.storage.s3.bucket import Bucket
from hub.storage.s3.objects import S3Objects
from hub.storage.s3.records import S3Records
from hub.storage.s3.uploads import S3Uploads
from hub.storage.xet.cas import XetStore


@pytest.fixture
def bucket(place) -> Bucket:
    return Bucket(place)


@pytest.fixture
def objects(bucket, tmp_path) -> S3Objects:
    """An empty store of plain objects."""
    return S3Objects(bucket, "plain", tmp_path / "spool")


@pytest.fixture
def uploads(bucket, objects, tmp_path) -> S3Uploads:
    """No uploads yet."""
    return S3Uploads(bucket, objects, tmp_path / "spool")


@pytest.fixture
def store(bucket, tmp_path) -> XetStore:
    """An empty Xet store."""
    xorbs = S3Objects(bucket, "xorbs", tmp_path / "spool")
    records = S3Records(bucket, "indexes"), S3Records(bucket, "files")
    return XetStore(tmp_path / "xet", xorbs, indexes=records[0], recipes=records[1])
