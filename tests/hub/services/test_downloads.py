"""One client, one day, one download: in any order, however often."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.enums import Role
from accounts.principal import ANONYMOUS, Principal
from accounts.services import organisations
from hub.enums import DownloadKind
from hub.models import Download
from hub.selectors.downloads import by_day
from hub.services import downloads, trending
from tests.factories import hub as make
from tests.factories.accounts import job_token, join

pytestmark = pytest.mark.django_db

HUB, CI = "unknown/None; hf_hub/2.4.0", "transformers/5; hf_hub/2.4.0; is_ci/true"


def kinds(repository):
    return sorted(Download.objects.filter(repository=repository).values_list("kind", flat=True))


def test_builds_are_kept_apart_and_count_nowhere():
    repository = make.repository()
    for agent in (HUB, CI, HUB, CI):
        downloads.count(repository, by=ANONYMOUS, address="198.51.100.1", agent=agent)

    repository.refresh_from_db()
    assert kinds(repository) == ["ci", "client"]
    assert (repository.downloads, repository.downloads_all_time) == (1, 1)
    trending.refresh()
    repository.refresh_from_db()
    assert (repository.downloads, repository.downloads_all_time) == (1, 1)


def test_who_belongs_to_the_owner_counts_and_is_shown_apart():
    ada, bob, eve = make.person("ada"), make.person("bob"), make.person("eve")
    lab = organisations.create_organisation("lab", by=Principal(user=ada))
    join(lab, bob, role=Role.READ, by=Principal(user=ada))
    from hub.services import repositories

    repository = repositories.create_repository(lab.namespace, "tiny", kind="model", by=Principal(user=ada))
    for user in (ada, bob, eve):
        downloads.count(repository, by=Principal(user=user), address="198.51.100.1", agent=HUB)

    repository.refresh_from_db()
    assert kinds(repository) == ["client", "own", "own"]
    assert repository.downloads == 3
    today = by_day(repository)[-1]
    assert (today.others, today.own, today.ci) == (1, 2, 0)


def test_neither_address_nor_agent_is_kept():
    repository = make.repository()
    downloads.count(repository, by=ANONYMOUS, address="198.51.100.1", agent=HUB)

    row = Download.objects.get()
    assert "198" not in row.client[:3] or len(row.client) == 64
    assert set(row.client) <= set("0123456789abcdef")


def test_each_day_is_there_also_when_nobody_came(django_assert_num_queries):
    repository = make.repository()
    today = timezone.now().date()
    for days_ago, number in ((0, 2), (29, 1), (30, 5)):
        Download.objects.bulk_create(
            Download(repository=repository, day=today - timedelta(days=days_ago), client=f"{days_ago} {n}")
            for n in range(number)
        )

    with django_assert_num_queries(1):
        days = by_day(repository)

    assert len(days) == 30
    assert (days[0].others, days[-1].others) == (1, 2)
    assert sum(day.others for day in days) == 3


def test_a_job_that_runs_here_is_no_person():
    ada = make.person("ada")
    repository = make.repository(ada, "tiny")
    from accounts.selectors import principal_of_token

    by = principal_of_token(job_token(ada))
    downloads.count(repository, by=by, address="", agent=HUB)

    assert kinds(repository) == ["ci"]


class AnyOrder(TestCase):
    """Requests may come twice, later, in any order: the counts are those of the set of clients."""

    @settings(max_examples=25, deadline=None)
    @given(st.data())
    def test_order_and_repetition_change_nothing(self, data):
        ada = make.person()
        eve = make.person()
        who = [Principal(user=ada), Principal(user=eve), ANONYMOUS]
        request = st.tuples(
            st.integers(0, 2), st.sampled_from(["198.51.100.1", "198.51.100.2"]), st.sampled_from([HUB, CI, "curl/8"])
        )
        requests = data.draw(st.lists(request, max_size=8))
        again = data.draw(st.permutations(requests + requests[: len(requests) // 2]))
        first, second = make.repository(ada), make.repository(ada)
        for repository, order in ((first, requests), (second, again)):
            for person, address, agent in order:
                downloads.count(repository, by=who[person], address=address, agent=agent)
            repository.refresh_from_db()

        assert kinds(first) == kinds(second)
        assert first.downloads == second.downloads == len([k for k in kinds(first) if k != DownloadKind.CI])
        assert first.downloads_all_time == second.downloads_all_time
