import pytest

from licensing.algorithms.compatibility import conflicts_of
from licensing.algorithms.upstream import Work
from licensing.enums import Clash


def clash(own, upstream, kind="finetune", **more):
    works = {
        "model:ada/child": Work("model:ada/child", "ada/child", own, "ada", (("model:bob/base", kind),)),
        "model:bob/base": Work("model:bob/base", "bob/base", upstream, more.get("owner", "bob")),
    }
    granted = frozenset(more.get("granted", ()))
    return [one.clash for one in conflicts_of("model:ada/child", works, granted=granted)]


@pytest.mark.parametrize(
    ("own", "upstream", "found"),
    [
        ("apache-2.0", "apache-2.0", []),
        ("apache-2.0", "mit", []),
        ("apache-2.0", "cc-by-nc-4.0", [Clash.COMMERCIAL]),
        ("cc-by-nc-4.0", "cc-by-nc-4.0", []),
        ("apache-2.0", "cc-by-nd-4.0", [Clash.CHANGES]),
        ("apache-2.0", "gpl-3.0", [Clash.SHARE_ALIKE]),
        ("gpl-3.0", "gpl-3.0", []),
        ("apache-2.0", "creativeml-openrail-m", [Clash.CONDITIONS]),
        ("creativeml-openrail-m", "creativeml-openrail-m", []),
        ("apache-2.0", "", []),
        ("", "cc-by-nc-4.0", []),
    ],
)
def test_a_licence_that_promises_more_than_its_source_is_found(own, upstream, found):
    assert clash(own, upstream) == found


def test_ones_own_works_and_granted_ones_are_no_conflict():
    assert clash("apache-2.0", "cc-by-nc-4.0", owner="ada") == []
    assert clash("apache-2.0", "cc-by-nc-4.0", granted={"model:bob/base"}) == []
