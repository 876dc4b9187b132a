"""Thirty days of downloads, and a trend that fades by half in a week."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from hub.models import Discussion, Download, Like, Repository
from hub.services import discussions, downloads, trending
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


def download(repository, *, days_ago=0, clients=1):
    day = timezone.now().date() - timedelta(days=days_ago)
    first = Download.objects.count()
    Download.objects.bulk_create(
        Download(repository=repository, day=day, client=str(first + number)) for number in range(clients)
    )


def facts(repository):
    repository.refresh_from_db()
    return repository.downloads, repository.trending


def test_a_download_fades_by_half_in_a_week():
    repository = make.repository()
    for days_ago, expected in ((0, 100), (7, 50), (14, 25), (29, 6)):
        Download.objects.all().delete()
        download(repository, days_ago=days_ago)
        trending.refresh()
        assert facts(repository) == (1, expected)


def test_downloads_leave_the_month_but_not_the_count_of_all_time():
    repository = make.repository()
    by = make.as_principal(make.person())
    downloads.count(repository, by=by, address="", agent="")
    downloads.count(repository, by=by, address="", agent="")
    repository.refresh_from_db()
    assert (repository.downloads, repository.downloads_all_time) == (1, 1)

    Download.objects.update(day=timezone.now().date() - timedelta(days=30))
    trending.refresh()

    assert facts(repository) == (0, 0)
    assert repository.downloads_all_time == 1


def test_discussions_count_as_five_downloads():
    repository = make.repository()
    discussions.open_discussion(repository, title="A talk", by=make.as_principal(make.person()))
    trending.refresh()
    assert facts(repository) == (0, 500)

    Discussion.objects.update(created_at=timezone.now() - timedelta(days=40))
    trending.refresh()
    assert facts(repository) == (0, 0)


def test_likes_count_as_five_downloads():
    repository = make.repository()
    like = Like.objects.create(repository=repository, user=make.person())
    trending.refresh()
    assert facts(repository) == (0, 500)

    Like.objects.filter(pk=like.pk).update(created_at=timezone.now() - timedelta(days=7))
    trending.refresh()
    assert facts(repository) == (0, 250)


def test_a_second_refresh_changes_nothing_and_popularity_follows():
    one, two = make.repository(), make.repository()
    download(one, clients=9)

    assert trending.refresh() == 1
    assert trending.refresh() == 0

    one.document.refresh_from_db()
    two.document.refresh_from_db()
    assert (one.document.popularity, two.document.popularity) == ((9).bit_length(), 0)


class Popularity(TestCase):
    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 2**62))
    def test_popularity_is_the_number_of_binary_digits(self, count):
        from django.db import connection

        repository = make.repository()
        Repository.objects.filter(pk=repository.pk).update(downloads=count)
        with connection.cursor() as cursor:
            cursor.execute(trending._POPULARITY)
        repository.document.refresh_from_db()
        assert repository.document.popularity == count.bit_length()
