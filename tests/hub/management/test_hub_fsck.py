"""Faults of every kind: the check names each, and repairs what it says it can."""

import io
import os
import shutil

import pytest
from django.core.management import CommandError, call_command

from hub import stores
from hub.git.repositories import open_repository
from hub.models import BucketObject, LargeObject, Repository, RepositoryObject, TreeEntry
from hub.services import commits, objects
from hub.services.commits import AddPointer
from hub.storage.xet.ingest import ingest
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_stores(settings, tmp_path):
    settings.OBJECTS_ROOT = tmp_path / "objects"
    settings.REPOSITORIES_ROOT = tmp_path / "repositories"


@pytest.fixture
def repository():
    ada = make.person("ada")
    by = make.as_principal(ada)
    made = make.repository(ada, "shapes", files={"notes/a.txt": b"a", "b.txt": b"b"})
    make.put_large(made, {"weights.bin": b"w" * 3000}, by=by)
    file = ingest(stores.xet_store(), io.BytesIO(os.urandom(200_000)))
    objects.hold_xet(made, [file], by=by)
    commits.commit(made, [AddPointer("x.bin", file.sha256, file.size)], by=by, message="By Xet")
    make.bucket(ada, "store", files={"f": b"f" * 500})
    return made


def fsck(*arguments):
    """What it says, and how it ends."""
    out = io.StringIO()
    code = 0
    try:
        call_command("hub_fsck", *arguments, stdout=out)
    except SystemExit as end:
        code = end.code
    return code, out.getvalue()


def whole():
    return fsck("--deep") == (0, "0 findings, 0 of them repaired.\n")


def found_and_repaired(words):
    code, text = fsck()
    assert code == 1
    assert words in text
    assert "(repaired)" not in text
    code, text = fsck("--repair")
    assert code == 1
    assert "(repaired)" in text
    return whole()


def test_a_sound_site_has_no_findings(repository):
    assert whole()
    assert fsck("ada/shapes", "--deep")[0] == 0
    with pytest.raises(CommandError):
        fsck("ada/nothing")


def test_rows_that_were_lost_are_written_anew(repository):
    TreeEntry.objects.filter(branch__repository=repository, path="b.txt").delete()
    TreeEntry.objects.filter(branch__repository=repository, path="weights.bin").update(size=1)
    assert found_and_repaired("2 entries are not those of git (b.txt, weights.bin)")


def test_a_branch_that_the_index_forgot_comes_back(repository):
    TreeEntry.objects.filter(branch__repository=repository).delete()
    repository.branches.all().delete()
    assert found_and_repaired("refs/heads/main: the index does not know this branch")


def test_a_ref_that_moved_behind_the_back_of_the_index_is_followed(repository):
    repo = open_repository(repository.path)
    parent = str(repo[repo.references["refs/heads/main"].target].parent_ids[0])
    repo.references["refs/heads/main"].set_target(parent)
    repo.references.create("refs/heads/new", parent)
    _code, text = fsck()
    assert "the index is at" in text
    assert "refs/heads/new: the index does not know this branch" in text
    assert found_and_repaired("refs/heads/main")


def test_a_branch_that_git_lost_is_forgotten(repository):
    repo = open_repository(repository.path)
    head = str(repo.references["refs/heads/main"].target)
    repo.references.create("refs/heads/side", head)
    fsck("--repair")
    repo.references["refs/heads/side"].delete()
    assert found_and_repaired("refs/heads/side: the index knows a branch that git has not")


def test_sums_that_are_wrong_are_counted_anew(repository):
    Repository.objects.filter(pk=repository.pk).update(used_storage=1)
    assert found_and_repaired("used storage is 203000, not 1")


def test_sums_of_buckets_too(repository):
    bucket = BucketObject.objects.get().bucket
    type(bucket).objects.filter(pk=bucket.pk).update(used_storage=1, size=2, total_files=3)
    assert found_and_repaired("size 2 and 3 files are wrong")


def test_objects_that_count_as_uploads_are_named(repository):
    RepositoryObject.objects.update(committed_at=None)
    assert found_and_repaired("2 objects that commits name count as not committed")


def test_an_object_that_a_commit_names_and_nobody_holds_is_told_never_given(repository):
    RepositoryObject.objects.filter(object__is_plain=True).delete()
    _code, text = fsck("--repair")
    assert "weights.bin names the object" in text
    assert fsck()[0] == 1


def test_damaged_objects_are_found(repository):
    plain = LargeObject.objects.get(is_plain=True)
    path = stores.plain_objects().path(plain.sha256)
    path.chmod(0o600)
    path.write_bytes(b"v" * 3000)
    assert fsck()[0] == 0, "their length is right"
    code, text = fsck("--deep")
    assert (code, "plain: the bytes have the sha256" in text) == (1, True)
    path.write_bytes(b"v")
    assert "the file has 1 bytes instead of 3000" in fsck()[1]
    path.unlink()
    assert "plain: the file is missing" in fsck("--repair")[1]


def test_lost_xorbs_and_recipes_are_found(repository):
    store = stores.xet_store()
    held = repository.objects_held.get(object__is_plain=False).object
    recipe = store.file(held.xet_hash)
    name = next(iter(recipe.xorbs))
    path = store.xorbs.path(name)
    body = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(body[:-1])
    assert "has another length than its index says" in fsck()[1]
    path.unlink()
    assert f"the xorb {name} is missing" in fsck()[1]
    path.write_bytes(body)
    assert whole()
    store.delete_file(held.xet_hash)
    assert "the recipe is missing" in fsck("ada/shapes")[1]


def test_a_form_that_is_missing_beside_a_whole_one_is_no_longer_promised(repository):
    held = repository.objects_held.get(object__is_plain=False).object
    LargeObject.objects.filter(pk=held.pk).update(is_plain=True)
    assert found_and_repaired("plain: the file is missing")


def test_a_broken_git_repository_is_named_and_left_alone(repository):
    pack = repository.path / "objects"
    rows = TreeEntry.objects.count()
    for folder in pack.iterdir():
        if len(folder.name) == 2:
            shutil.rmtree(folder)
    code, text = fsck("--repair")
    assert code == 1
    assert "model:ada/shapes: git: " in text
    assert TreeEntry.objects.count() == rows
    shutil.rmtree(repository.path)
    assert "there is no git repository on disk" in fsck()[1]


def test_a_version_whose_commit_is_gone_is_told(repository):
    repository.versions.create(asset="model:ada/shapes", owner="ada", number=1, commit="ab" * 20)
    assert "the commit abababababab of its latest version 1 is not in git" in fsck("--repair")[1]
