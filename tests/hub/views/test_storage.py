import pytest

from hub.services import large_files, quotas
from tests.factories import hub as make
from tests.factories.accounts import OrganisationFactory, StaffFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("who", "status"), [("anonymous", 302), ("stranger", 404), ("member", 200), ("staff", 200)])
def test_the_storage_of_a_name_is_for_those_who_belong_to_it(client, who, status):
    boss = make.person("boss")
    OrganisationFactory(name="lab", admin=boss)
    people = {"stranger": make.person, "member": lambda: boss, "staff": StaffFactory}
    if who in people:
        client.force_login(people[who]())

    assert client.get("/settings/storage/lab").status_code == status
    assert ("/settings/storage/lab" in client.get("/lab").content.decode()) is (status == 200)


def test_it_shows_limits_the_largest_and_what_goes(client):
    ada = make.person("ada")
    by = make.as_principal(ada)
    repository = make.repository(ada, "shapes")
    make.bucket(ada, "store", files={"a": b"x" * 5000})
    name = make.put_large(repository, {"a.bin": b"a" * 70_000, "b.bin": b"b" * 100}, by=by)["a.bin"]
    make.upload(repository, b"w" * 1234, by=by)
    large_files.delete_for_good(repository, {name}, by=by)
    quotas.set_limits(ada.namespace, by="test", private_bytes=0, public_bytes=10_000_000)
    client.force_login(ada)

    page = client.get("/settings/storage").content.decode()

    assert "of 10.0 MB" in page
    assert "no limit" in page
    assert "70.0 kB were deleted" in page
    assert "1.2 kB were uploaded and no commit names them" in page
    assert page.index("/buckets/ada/store") < page.index('href="/ada/shapes"')


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_takes_the_same_number_of_queries(client, count, django_assert_num_queries):
    ada = make.person("ada")
    for number in range(count):
        make.repository(ada, f"r{number}")
        make.bucket(ada, f"b{number}")
    client.force_login(ada)

    with django_assert_num_queries(11):
        page = client.get("/settings/storage").content.decode()
    assert page.count('href="/buckets/ada/b') == count
