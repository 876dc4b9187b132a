import pygit2
from pygit2.enums import ObjectType

from hub.git import maintenance, reading, refs, repositories
from hub.git.commits import AddBytes, AddPointer, DeleteFile, write_commit
from hub.git.reachable import named_objects
from hub.git.rewriting import drop_pointers

from .conftest import AUTHOR, SHA

OTHER = "cd" * 32


def commit(repo, *operations, ref="main", message="more"):
    return write_commit(repo, ref, operations, message=message, author=AUTHOR)


def files(repo, revision):
    return [one.path for one in reading.iter_tree(repo, reading.resolve(repo, revision)) if not one.is_folder]


def test_named_objects_are_those_of_all_commits_of_all_refs(repo, path, first):
    commit(repo, DeleteFile("weights/model.safetensors"))
    refs.create_tag(repo, "v1", first.oid, message="first", tagger=pygit2.Signature("a", "a@example.org", 1, 0))
    refs.update(repo, [refs.RefUpdate("refs/pr/1", None, first.oid)])
    commit(repo, AddPointer("only/here.bin", OTHER, 5), ref="refs/pr/1")

    named = named_objects(path)

    assert {digest: one.path for digest, one in named.items()} == {
        SHA: "weights/model.safetensors",
        OTHER: "only/here.bin",
    }
    assert named[SHA].pointer.size == 1234


def test_pointers_are_gone_from_every_commit_of_every_ref(repo, path, first):
    commit(repo, AddPointer("more/again.bin", SHA, 1234), AddPointer("keep.bin", OTHER, 5), message="second")
    third = commit(repo, DeleteFile("weights/model.safetensors"), message="third")
    refs.create_branch(repo, "side", first.oid)
    refs.create_tag(repo, "light", first.oid)
    refs.create_tag(repo, "heavy", first.oid, message="words", tagger=pygit2.Signature("ada", "a@example.org", 9, -330))
    refs.update(repo, [refs.RefUpdate("refs/pr/1", None, third.oid)])

    done = drop_pointers(repo, {SHA})

    assert len(done.moves) == 5
    assert done.commits[third.oid] == refs.target_of(repo, "refs/heads/main")
    assert set(named_objects(path)) == {OTHER}
    assert files(repo, "main") == ["README.md", "config/a.json", "keep.bin"]
    assert files(repo, "heavy") == files(repo, "side") == ["README.md", "config/a.json"]
    history = reading.log(repo, reading.resolve(repo, "main"))
    assert [one.title for one in history] == ["third", "second", "first"]
    assert {(one.author_name, one.when) for one in history} == {(AUTHOR.name, AUTHOR.when)}
    tag = repo[repo.references["refs/tags/heavy"].target]
    assert (tag.type, tag.message, tag.tagger.name, tag.tagger.time, tag.tagger.offset) == (
        ObjectType.TAG, "words", "ada", 9, -330,
    )  # fmt: skip
    assert maintenance.check(path) == []

    assert maintenance.prune(path, older_than="now")
    again = repositories.open_repository(path)
    assert reading.resolve(again, first.oid) is None
    assert first.changed[1].oid not in again
    assert maintenance.check(path) == []


def test_a_history_without_such_pointers_stays_as_it_is(repo, first):
    done = drop_pointers(repo, {OTHER})

    assert (done.moves, done.commits) == ([], {})
    assert reading.resolve(repo, "main") == first.oid


def test_a_repository_of_nothing_but_the_object_is_empty_afterwards(repo, path):
    commit(repo, AddPointer("deep/er/a.bin", SHA, 1234))
    commit(repo, AddBytes("note", b"1"))

    drop_pointers(repo, {SHA})

    assert files(repo, "main") == ["note"]
    assert maintenance.check(path) == []
