"""Unified diffs taken apart, made by git itself."""

import pytest

from hub.git import diffs, reading
from hub.git.commits import AddBytes, AddPointer, Author, CopyFrom, DeleteFile, write_commit

ADA = Author("ada", "ada@example.org")


@pytest.fixture
def changes(repo):
    def make(before, after):
        old = write_commit(repo, "main", before, message="Before", author=ADA)
        new = write_commit(repo, "main", after(old.oid), message="After", author=ADA)
        return {file.path: file for file in diffs.parse(reading.unified_diff(repo, old.oid, new.oid))}

    return make


def test_lines_have_their_numbers(changes):
    before = [AddBytes("a b.py", b"one\ntwo\n-- three\n")]
    file = changes(before, lambda _: [AddBytes("a b.py", b"one\n++ 2\n-- three\nfour")])["a b.py"]
    assert [(row.kind, row.old, row.new, row.text) for row in file.rows[1:]] == [
        ("", 1, 1, "one"),
        ("removed", 2, None, "two"),
        ("added", None, 2, "++ 2"),
        ("", 3, 3, "-- three"),
        ("added", None, 4, "four"),
        ("head", None, None, "No newline at end of file"),
    ]
    assert (file.added, file.removed, file.change) == (2, 1, "changed")


def test_new_deleted_moved_and_binary_files(changes):
    text = b"".join(b"line %d\n" % number for number in range(30))
    before = [AddBytes("old.txt", text), AddBytes("gone", b"x\n"), AddBytes("p.png", b"\x00a")]
    found = changes(
        before,
        lambda old: [
            CopyFrom("中/new.txt", "old.txt", old), DeleteFile("old.txt"), DeleteFile("gone"),
            AddBytes("fresh", b"y\n"), AddBytes("p.png", b"\x00bcd"),
        ],
    )  # fmt: skip
    assert (found["中/new.txt"].change, found["中/new.txt"].old_path) == ("renamed", "old.txt")
    assert (found["gone"].change, found["fresh"].change) == ("deleted", "added")
    picture = found["p.png"]
    assert picture.is_binary
    assert picture.has_contents
    assert len(picture.before.name) == len(picture.after.name) == 40
    assert not found["fresh"].has_contents


def test_large_files_show_what_they_point_to(changes):
    first, second = "a" * 64, "b" * 64
    file = changes([AddPointer("w", first, 5)], lambda _: [AddPointer("w", second, 7)])["w"]
    assert (file.before.name, file.before.size, file.after.name, file.after.size) == (first, 5, second, 7)
    assert file.rows == []


def test_a_cut_diff_is_read_as_far_as_it_goes(repo):
    write_commit(repo, "main", [AddBytes("a", b"one\n" * 50)], message="First", author=ADA)
    text = reading.unified_diff(repo, None, reading.resolve(repo, "main"))
    for length in range(0, len(text), 7):
        diffs.parse(text[:length])


def test_a_file_is_followed_through_its_names(repo):
    data = b"".join(b"line %d\n" % number for number in range(30))
    first = write_commit(repo, "main", [AddBytes("a.txt", data)], message="First", author=ADA)
    moved = [DeleteFile("a.txt"), CopyFrom("b/c.txt", "a.txt", first.oid)]
    write_commit(repo, "main", moved, message="Move", author=ADA)
    last = write_commit(repo, "main", [AddBytes("b/c.txt", data + b"more\n")], message="More", author=ADA)
    found = reading.follow(repo, last.oid, "b/c.txt")
    assert [(info.title, path) for info, path in found] == [
        ("More", "b/c.txt"), ("Move", "b/c.txt"), ("First", "a.txt"),
    ]  # fmt: skip
    assert [info.title for info, _path in reading.follow(repo, last.oid, "b/c.txt", skip=1, limit=1)] == ["Move"]
    assert reading.follow(repo, last.oid, "none") == []
