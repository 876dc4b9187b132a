import json

import pytest

from compute import journal as module
from compute.journal import JobFolder, Journal, LogReader, last_lines, last_record, read_records

JOB = "a" * 24


@pytest.fixture
def folder(tmp_path):
    return JobFolder(tmp_path / "jobs", JOB)


def written(folder):
    return [line["data"] for line in last_lines(folder.log, 1000)]


@pytest.mark.parametrize("name", ["", "../x", "a" * 23, "a" * 25, "a" * 22 + "/b"])
def test_only_ids_become_folders(tmp_path, name):
    with pytest.raises(ValueError):
        JobFolder(tmp_path, name)


def test_lines_are_kept_however_they_arrive(folder):
    journal = Journal(folder)
    for piece in (b"one\ntw", b"o\r\nthree\r", b"\n", b"four \xff\n", b"five"):
        journal.feed(piece)
    journal.close()
    assert [line for line in written(folder) if line] == ["one", "two", "three", "four \ufffd", "five"]


def test_secrets_are_masked_and_short_ones_are_not_words(folder):
    journal = Journal(folder, secrets=["opensesame", "ab"])
    journal.feed(b"key=opensesame, about\n")
    journal.close()
    assert written(folder) == ["key=***, about"]


def test_a_second_attempt_appends_and_a_torn_line_is_closed(folder):
    journal = Journal(folder)
    journal.feed(b"first\n")
    journal.close()
    with folder.log.open("a") as file:
        file.write('{"data": "torn')
    journal = Journal(folder)
    journal.note("Attempt 2 started")
    journal.close()
    assert written(folder) == ["first", "===== Attempt 2 started ====="]


def test_the_log_has_an_end(folder, monkeypatch):
    monkeypatch.setattr(module, "LOG_LIMIT", 2**20)
    journal = Journal(folder)
    for _chunk in range(40):
        journal.feed(b"x" * 60_000 + b"\n")
    journal.close()
    assert folder.log.stat().st_size < 2**20 + 20_000
    assert "further output is not kept" in folder.log.read_text()


def test_a_very_long_line_is_cut_into_pieces(folder):
    journal = Journal(folder)
    journal.feed(b"x" * 20_000 + b"\n")
    journal.close()
    assert [len(line) for line in written(folder)] == [8192, 8192, 3616]


def test_event_lines_are_kept_apart(folder):
    journal = Journal(folder)
    journal.feed(b'{"event": "step", "step": 1, "loss": 0.5}\n{"event": broken\nplain\n')
    journal.close()
    (event,) = read_records(folder.events)
    assert (event["event"], event["step"], event["loss"]) == ("step", 1, 0.5)
    assert len(written(folder)) == 3


def test_a_reader_gives_what_is_new_in_whole_lines(folder):
    journal = Journal(folder)
    reader = LogReader(folder.log)
    assert reader.read() == []
    journal.feed(b"one\ntwo\n")
    assert [json.loads(line)["data"] for line in reader.read()] == ["one", "two"]
    with folder.log.open("a") as file:
        file.write('{"data": "half')
    assert reader.read() == []
    with folder.log.open("a") as file:
        file.write('"}\n')
    assert [json.loads(line)["data"] for line in reader.read()] == ["half"]
    journal.close()


@pytest.mark.parametrize(("asked", "expected"), [(0, []), (1, ["3"]), (2, ["2", "3"]), (9, ["1", "2", "3"])])
def test_a_tail_begins_where_asked(folder, asked, expected):
    journal = Journal(folder)
    journal.feed(b"1\n2\n3\n")
    journal.close()
    reader = LogReader(folder.log)
    reader.skip_to_last(asked)
    assert [json.loads(line)["data"] for line in reader.read()] == expected


def test_the_newest_sample_is_found_at_the_end(folder):
    assert last_record(folder.usage) is None
    journal = Journal(folder)
    for number in range(300):
        journal.sample(at=number, memory=1)
    journal.close()
    assert last_record(folder.usage)["at"] == 299


def test_events_are_masked_like_the_log(folder):
    journal = Journal(folder, secrets=["opensesame"])
    journal.feed(b'{"event": "metric", "name": "opensesame", "value": 1}\n')
    journal.close()
    assert read_records(folder.events)[0]["name"] == "***"


@pytest.mark.parametrize("line", [b'{"event": ' + b"[" * 5000, b'{"event": ' + b"1" * 5000 + b"}", b'{"event": \xff}'])
def test_no_line_of_a_job_ends_its_worker(folder, line):
    journal = Journal(folder)
    journal.feed(line + b"\nafter\n")
    journal.close()
    assert written(folder)[-1] == "after"
