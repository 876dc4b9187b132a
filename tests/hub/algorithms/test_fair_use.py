"""Which budget a request draws on."""

import pytest

from hub.algorithms.fair_use import Use, use_of


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/health", None),
        ("/robots.txt", None),
        ("/sitemap.xml", None),
        ("/.well-known/jwks.json", None),
        ("/webhooks/stripe", None),
        ("/api/models", Use.API),
        ("/api/models/ada/tiny/tree/main", Use.API),
        ("/datasets-server/rows?dataset=ada/tiny", Use.API),
        ("/oauth/token", Use.API),
        ("/v1/images/generations", Use.API),
        ("/ada/tiny/resolve/main/x.bin", Use.RESOLVERS),
        ("/datasets/ada/tiny/raw/main/x.txt", Use.RESOLVERS),
        ("/buckets/ada/b/resolve/x", Use.RESOLVERS),
        ("/api/models/ada/tiny/xet-read-token/main", Use.RESOLVERS),
        ("/cas/v1/reconstructions/ab", Use.TRANSFERS),
        ("/ada/tiny.git/git-upload-pack", Use.RESOLVERS),
        ("/ada/tiny.git/info/refs?service=git-upload-pack", Use.RESOLVERS),
        ("/ada/tiny.git/info/refs?service=git-receive-pack", Use.TRANSFERS),
        ("/ada/tiny.git/git-receive-pack", Use.TRANSFERS),
        ("/ada/tiny.git/info/lfs/objects/batch", Use.TRANSFERS),
        ("/api/models/ada/tiny/preupload/main", Use.TRANSFERS),
        ("/api/models/ada/tiny/commit/main", Use.TRANSFERS),
        ("/api/datasets/ada/tiny/xet-write-token/main", Use.TRANSFERS),
        ("/api/buckets/ada/b/batch", Use.TRANSFERS),
        ("/api/validate-yaml", Use.TRANSFERS),
        ("/api/storage/objects/ab", Use.TRANSFERS),
        ("/cas/v1/xorbs/default/ab", Use.TRANSFERS),
        ("/cas/v2/shards", Use.TRANSFERS),
        ("/", Use.PAGES),
        ("/ada/tiny", Use.PAGES),
        ("/models", Use.PAGES),
        ("/models?q=x", Use.HEAVY),
        ("/datasets?license=mit", Use.HEAVY),
        ("/ada/tiny/commits/main", Use.HEAVY),
        ("/ada/tiny/commit/abc", Use.HEAVY),
        ("/ada/tiny/tree/main", Use.HEAVY),
        ("/datasets/ada/tiny/viewer", Use.HEAVY),
        ("/ada/tiny/discussions/3", Use.HEAVY),
        ("/ada/tiny/discussions", Use.PAGES),
    ],
)
def test_each_address_has_its_budget(address, expected):
    path, _, query = address.partition("?")

    assert use_of(path, query) == expected
