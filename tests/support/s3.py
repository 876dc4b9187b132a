"""Fixtures for objects on S3: the server, a corner of it for each test, and the site on top."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.storage.s3.bucket import Bucket, Place
from tests.support import ceph
from tests.support.site_server import Site, database_url, start, stop

BUCKET = "wellspring-tests"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[ceph.Ceph]:
    """Ceph's gateway with one bucket; starts once a test run, in about 12 seconds."""
    server = ceph.Ceph()
    server.start()
    Bucket(_place(server.endpoint))._client.create_bucket(Bucket=BUCKET)
    yield server
    server.stop()


@pytest.fixture
def place(s3_server: ceph.Ceph) -> Place:
    """A corner of the bucket that no other test uses."""
    return _place(s3_server.endpoint, f"{secrets.token_hex(8)}/")


@pytest.fixture
def s3_settings(settings, place: Place, tmp_path: Path) -> Place:
    """The settings of this process say that objects lie on S3, and where files once were."""
    settings.OBJECTS_ROOT = tmp_path / "objects"
    settings.S3_ENDPOINT = settings.S3_PUBLIC_ENDPOINT = place.endpoint
    settings.S3_BUCKET, settings.S3_REGION, settings.S3_PREFIX = place.bucket, place.region, place.prefix
    settings.S3_ACCESS_KEY, settings.S3_SECRET_KEY = place.access_key, place.secret_key
    settings.S3_PROXY, settings.OBJECT_STORE = False, "s3"
    return place


@dataclass
class S3Site(Site):
    """A site whose objects lie on S3, and how to start another one like it."""

    place: Place | None = None

    def another(self, folder: Path, **settings: str) -> "tuple[object, Site]":
        """A second server process with further settings, on the same database; the caller stops it."""
        assert self.place is not None
        log = folder / "gunicorn.log"
        process, url = start(database_url(), log, **(variables(self.place) | settings))
        return process, Site(url, log)


@pytest.fixture(scope="session")
def s3_site_process(django_db_setup, django_db_blocker, s3_server: ceph.Ceph, tmp_path_factory) -> Iterator[S3Site]:
    """gunicorn on the test database, with its objects on S3."""
    with django_db_blocker.unblock():
        database = database_url()
    folder = tmp_path_factory.mktemp("s3-site")
    where = _place(s3_server.endpoint, f"site-{secrets.token_hex(4)}/")
    more = variables(where) | {"WELLSPRING_OBJECTS": str(folder / "objects")}
    process, url = start(database, folder / "gunicorn.log", **more)
    yield S3Site(url, folder / "gunicorn.log", place=where)
    stop(process)


@pytest.fixture
def s3_site(transactional_db, s3_site_process: S3Site) -> S3Site:
    """The running site on S3; the database is emptied after each test."""
    return s3_site_process


def variables(where: Place) -> dict[str, str]:
    """The settings as the environment carries them."""
    return {
        "WELLSPRING_S3_ENDPOINT": where.endpoint,
        "WELLSPRING_S3_BUCKET": where.bucket,
        "WELLSPRING_S3_ACCESS_KEY": where.access_key,
        "WELLSPRING_S3_SECRET_KEY": where.secret_key,
        "WELLSPRING_S3_PREFIX": where.prefix,
    }


def _place(endpoint: str, prefix: str = "") -> Place:
    return Place(endpoint, BUCKET, "us-east-1", ceph.ACCESS_KEY, ceph.SECRET_KEY, endpoint, prefix)
