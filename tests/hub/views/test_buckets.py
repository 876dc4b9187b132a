import pytest

from tests.factories import hub as make
from tests.factories.accounts import StaffFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("who", "status"), [("anonymous", 401), ("stranger", 404), ("owner", 200), ("staff", 200)])
def test_a_private_bucket_shows_itself_to_its_own_people_only(client, who, status):
    ada = make.person("ada")
    make.bucket(ada, "store", visibility="private", files={"folder/a.bin": b"a" * 500})
    people = {"stranger": make.person, "owner": lambda: ada, "staff": StaffFactory}
    if who in people:
        client.force_login(people[who]())

    for address in ("/buckets/ada/store", "/buckets/ada/store/tree/folder"):
        assert client.get(address).status_code == status
    assert ("/buckets/ada/store" in client.get("/ada").content.decode()) is (status == 200)


def test_folders_and_files_lead_on(client):
    make.bucket(make.person("ada"), "store", files={"folder/a b.bin": b"a" * 500, "top.txt": b"t" * 200})

    top = client.get("/buckets/ada/store").content.decode()
    below = client.get("/buckets/ada/store/tree/folder").content.decode()

    assert "2 files, 700" in top
    assert 'href="/buckets/ada/store/tree/folder"' in top
    assert 'href="/buckets/ada/store/resolve/top.txt"' in top
    assert 'href="/buckets/ada/store/resolve/folder/a%20b.bin"' in below
    assert "top.txt" not in below


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_takes_the_same_number_of_queries(client, count, django_assert_num_queries):
    make.bucket(make.person("ada"), "store", files={f"{number}.bin": b"%d" % number * 200 for number in range(count)})

    with django_assert_num_queries(3):
        assert client.get("/buckets/ada/store").content.decode().count(".bin</a>") == count


def test_long_folders_have_pages(client, monkeypatch):
    monkeypatch.setattr("hub.views.buckets._PAGE", 2)
    make.bucket(make.person("ada"), "store", files={f"{number}.bin": b"%d" % number * 200 for number in range(3)})

    first = client.get("/buckets/ada/store")

    assert ">2.bin<" not in first.content.decode()
    second = client.get("/buckets/ada/store", {"from": first.context["next"]})
    assert ">2.bin<" in second.content.decode()
    assert ">1.bin<" not in second.content.decode()


@pytest.mark.parametrize("address", ["?from=%00", "/tree/a%00b", "/tree/%ff", "?from=%ed%a0%80"])
def test_odd_addresses_are_no_faults_of_the_site(client, address):
    make.bucket(make.person("ada"), "store")

    assert client.get(f"/buckets/ada/store{address}").status_code < 500
