"""Folders of jobs go: by time, by wish, never from under a job that still needs them."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from common.errors import Conflict, Forbidden
from common.models import AuditEntry
from compute.journal import JobFolder
from compute.models import Job
from compute.selectors import files_kept_until
from compute.services import continuing, folders, submissions
from tests.factories import compute as make

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def folder_of(job):
    return JobFolder(settings.JOBS_ROOT, job.id)


def ended_job(*, days_ago=0):
    job = submissions.cancel(make.job(), by=make.principal(make.person()))
    folder_of(job).work.mkdir(parents=True)
    (folder_of(job).work / "checkpoint").write_text("half")
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - days_ago * DAY)
    job.refresh_from_db()
    return job


def is_there(job):
    return folder_of(job).work.exists()


def trash():
    return list((Path(settings.JOBS_ROOT) / folders.TRASH).iterdir())


def test_folders_go_when_their_days_are_over():
    old, young = ended_job(days_ago=31), ended_job(days_ago=29)
    waiting = make.job()
    folder_of(waiting).work.mkdir(parents=True)
    assert files_kept_until(young) == young.finished_at + 30 * DAY
    assert files_kept_until(waiting) is None
    assert folders.clear_folders() == 1
    assert [is_there(job) for job in (old, young, waiting)] == [False, True, True]
    old.refresh_from_db()
    assert old.files_deleted_at is not None
    assert files_kept_until(old) is None
    assert trash() == []
    assert AuditEntry.objects.filter(action="job.files_deleted", target=old.reference).count() == 1
    assert folders.clear_folders() == 0
    assert folders.clear_folders(now=timezone.now() + 2 * DAY) == 1
    assert not is_there(young)


def test_an_operator_may_keep_them_for_ever(settings):
    settings.JOB_FOLDER_DAYS = 0
    job, unwanted = ended_job(days_ago=999), ended_job()
    folders.delete_files(unwanted, by=make.principal(make.person()))
    assert files_kept_until(job) is None
    assert folders.clear_folders() == 1
    assert is_there(job)
    assert not is_there(unwanted)


def test_who_wants_them_gone_need_not_wait():
    job, by = ended_job(), make.principal(make.person())
    first = folders.delete_files(job, by=by).files_unwanted_at
    assert folders.delete_files(job, by=by).files_unwanted_at == first
    assert AuditEntry.objects.filter(action="job.files_unwanted").count() == 1
    with pytest.raises(Conflict, match="files were deleted"):
        submissions.go_on(job, by=by)
    folders.clear_folders()
    assert not is_there(job)
    folders.delete_files(job, by=by)
    assert folders.clear_folders() == 0


def test_not_by_strangers_and_not_while_the_job_goes_on():
    job, by = make.job(), make.principal(make.person())
    with pytest.raises(Forbidden):
        folders.delete_files(job, by=make.principal(make.person("stranger")))
    with pytest.raises(Conflict, match="has not ended"):
        folders.delete_files(job, by=by)


def test_not_from_under_a_job_that_goes_on_from_it():
    job, by = ended_job(days_ago=99), make.principal(make.person())
    next_job = submissions.go_on(job, by=by)
    with pytest.raises(Conflict, match="goes on from the folder"):
        folders.delete_files(job, by=by)
    assert folders.clear_folders() == 0
    folder_of(next_job).create()
    assert continuing.take_over(next_job, folder_of(next_job), beat=lambda: None).files == 1
    submissions.cancel(next_job, by=by)
    assert folders.clear_folders() == 1
    assert not is_there(job)
    assert is_there(next_job)


def test_a_folder_of_which_nothing_can_be_kept_stays_and_is_in_nobodys_way():
    job, other = ended_job(days_ago=32), ended_job(days_ago=31)
    in_the_way = folder_of(job).path / "shown.unfinished"
    in_the_way.write_text("a file where a folder has to be made")
    assert folders.clear_folders() == 1
    assert (is_there(job), is_there(other)) == (True, False)
    in_the_way.unlink()
    assert folders.clear_folders() == 1
    assert not is_there(job)


def test_what_one_sweep_could_not_delete_the_next_one_does(monkeypatch):
    job = ended_job(days_ago=31)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", "")  # nothing there that deletes
        assert folders.clear_folders() == 1
    assert (is_there(job), len(trash())) == (False, 1)
    assert folders.clear_folders() == 0
    assert trash() == []


@pytest.mark.parametrize("number", [1, 3])
def test_looking_for_them_is_one_question(number, django_assert_num_queries):
    for _each in range(number):
        ended_job(days_ago=1)
    with django_assert_num_queries(1):
        assert folders.clear_folders() == 0
