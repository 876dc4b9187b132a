"""The caged reader: what files and queries can make it do, and what they cannot."""

import datetime as dt
import decimal
import io
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.viewer import asking
from hub.viewer.asking import Limits, Source
from tests.factories import datasets as make_data

LIMITS = Limits(4 * 2**30, 60)


def source(data: bytes) -> Source:
    return Source(len(data), lambda start, length: data[start : start + length])


def query(sql, *, data=None, limits=LIMITS, most_rows=100, **more):
    task = {"do": "query", "sql": sql, "views": {"train": [0], "data": [0]}, "most_rows": most_rows}
    return asking.ask(task, [source(data or make_data.shapes())], limits=limits, **more).value


def test_a_query_over_the_views():
    found = query("SELECT label, count(*) AS n FROM train GROUP BY 1 ORDER BY 1")
    assert [column["name"] for column in found["columns"]] == ["label", "n"]
    assert [row["row"] for row in found["rows"]] == [{"0": 0, "1": 3}, {"0": 1, "1": 2}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/proc/self/environ')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('https://example.org/x.parquet')",
        "SELECT * FROM read_parquet('data://1.parquet')",
        "SELECT getenv('HOME')",
        "COPY train TO '/tmp/x.csv'",
        "COPY (SELECT 1) TO 'data://0.parquet'",
        "EXPORT DATABASE '/tmp/x'",
        "IMPORT DATABASE '/tmp/x'",
        "ATTACH '/tmp/x.db'",
        "ATTACH ':memory:' AS m",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 8",
        "SET enable_external_access = true",
        "RESET enable_external_access",
        "SET VARIABLE x = 1",
        "PRAGMA threads = 8",
        "PRAGMA enable_profiling",
        "CALL pragma_version()",
        "CHECKPOINT",
        "CREATE TABLE t AS SELECT 1",
        "CREATE SECRET s (TYPE HTTP, BEARER_TOKEN 'x')",
        "DROP VIEW train",
        "INSERT INTO train VALUES (1)",
        "SELECT 1; SELECT 2",
        "PREPARE p AS SELECT 1",
        "",
    ],
)
def test_a_query_reaches_nothing_but_its_tables(sql):
    with pytest.raises(asking.Refused) as refused:
        query(sql)
    assert "root:" not in str(refused.value)


def test_a_refusal_points_at_the_place():
    with pytest.raises(asking.Refused, match='Referenced column "colour" not found') as refused:
        query("SELECT *\nFROM train\nWHERE " + " " * 100 + "colour = 1 AND " + "'x' = 'x' AND " * 20 + "true")
    assert (refused.value.line, refused.value.column) == (3, 107)


def test_results_are_cut_and_say_so():
    found = query("SELECT * FROM range(1000000000)", most_rows=10)
    assert (len(found["rows"]), found["has_more"]) == (10, True)


def test_time_is_limited():
    with pytest.raises(asking.OutOfTime):
        query("SELECT count(*) FROM range(1000000000000) a, range(1000000) b", limits=Limits(4 * 2**30, 4))


def test_memory_is_limited():
    with pytest.raises((asking.OutOfMemory, asking.OutOfTime)):
        query("SELECT list(range) FROM range(2000000000)", limits=Limits(2 * 2**30, 60))


def test_a_query_is_cancelled():
    started = time.monotonic()
    with pytest.raises(asking.Cancelled):
        query(
            "SELECT count(*) FROM range(1000000000000) a, range(1000000) b",
            is_cancelled=lambda: time.monotonic() > started + 1,
        )


CAGED = """
import os, socket, subprocess, sys
sys.path.insert(0, sys.argv[1])
from hub.algorithms import cage
parent = os.getppid()
cage.limit(memory=2**32, seconds=20)
cage.lock()
def tried(name, act):
    try:
        act()
    except OSError as error:
        print(name, error.errno)
    else:
        print(name, "worked")
tried("open", lambda: os.open("/etc/passwd", os.O_RDONLY))
tried("create", lambda: os.open("/tmp/x", os.O_CREAT | os.O_WRONLY))
tried("socket", lambda: socket.socket(socket.AF_INET))
tried("unix socket", lambda: socket.socketpair())
tried("fork", os.fork)
tried("exec", lambda: os.execv("/bin/true", ["/bin/true"]))
tried("kill", lambda: os.kill(parent, 0))
tried("stat", lambda: os.stat("/etc"))
tried("unlink", lambda: os.unlink("/tmp/nothing"))
tried("chdir", lambda: os.chdir("/tmp"))
"""


def test_the_walls_stand_whatever_runs_inside():
    done = subprocess.run(
        [sys.executable, "-c", CAGED, str(Path.cwd())], capture_output=True, text=True, check=True, timeout=60
    )
    lines = done.stdout.split("\n")[:-1]
    assert len(lines) == 10
    assert all(line.endswith(" 1") for line in lines), lines


@settings(max_examples=8, deadline=None)
@given(at=st.integers(0, 10_000), junk=st.binary(min_size=1, max_size=64), cut=st.integers(0, 200))
def test_damaged_files_are_refused_in_words(at, junk, cut):
    data = bytearray(make_data.shapes())
    at %= len(data)
    data[at : at + len(junk)] = junk
    damaged = bytes(data[: len(data) - cut])
    features = make_data.FEATURES
    for task in (
        {"do": "describe", "most_rows": 100},
        {"do": "rows", "counts": [5], "offset": 0, "length": 5, "features": features},
    ):
        try:
            asking.ask(task, [source(damaged)], limits=LIMITS)
        except asking.Refused as refused:
            assert str(refused)
        except (asking.OutOfMemory, asking.OutOfTime):
            pass


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1PAR1", b"\x00" * 100, b"PAR1" + b"\xff" * 60 + b"PAR1"])
def test_what_is_no_parquet_is_refused(data):
    with pytest.raises(asking.Refused, match="no Parquet file"):
        asking.ask({"do": "describe", "most_rows": 0}, [source(data)], limits=LIMITS)


def test_files_with_other_columns_are_no_table():
    files = [source(make_data.parquet({"a": [1]})), source(make_data.parquet({"b": [1]}))]
    with pytest.raises(asking.Refused, match="other columns"):
        asking.ask({"do": "describe", "most_rows": 0}, files, limits=LIMITS)


def test_a_large_file_is_read_in_part_only():
    data = make_data.parquet(
        {"n": list(range(300_000)), "t": [str(n) * 10 for n in range(300_000)]}, row_group_size=5000
    )
    taken = []

    def read(start, length):
        taken.append(length)
        return data[start : start + length]

    task = {"do": "rows", "counts": [300_000], "offset": 200_010, "length": 5, "features": {}}
    rows = asking.ask(task, [Source(len(data), read)], limits=LIMITS).value["rows"]
    assert [row["row"]["n"] for row in rows] == list(range(200_010, 200_015))
    assert sum(taken) < len(data) / 5


def test_odd_types_are_shown_as_text():
    columns = {
        "when": pa.array([dt.datetime(2026, 1, 2, 3, 4, 5)], pa.timestamp("ns", "Asia/Shanghai")),
        "nested": pa.array([[{"t": dt.datetime(2026, 1, 2)}]], pa.list_(pa.struct({"t": pa.timestamp("ns")}))),
        "amount": [decimal.Decimal("1.50")],
        "raw": [b"\x00\x01"],
        "nan": [float("nan")],
        "words": pa.array(["a"]).dictionary_encode(),
        "long": ["x" * 20_000],
        "many": [list(range(1000))],
    }
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    task = {"do": "rows", "counts": [1], "offset": 0, "length": 1, "features": {}}
    (row,) = asking.ask(task, [source(file.getvalue())], limits=LIMITS).value["rows"]
    assert row["row"]["when"] == "2026-01-02T03:04:05"
    assert row["row"]["nested"] == [{"t": "2026-01-02T00:00:00"}]
    assert (row["row"]["amount"], row["row"]["raw"], row["row"]["nan"], row["row"]["words"]) == (
        "1.50",
        "<2 bytes>",
        "nan",
        "a",
    )
    assert sorted(row["truncated_cells"]) == ["long", "many", "raw"]


def test_a_huge_picture_is_not_decoded():
    from PIL import Image

    file = io.BytesIO()
    Image.new("1", (9000, 9000)).save(file, "PNG")
    data = make_data.parquet({"image": [{"bytes": file.getvalue(), "path": "x.png"}]})
    task = {"do": "rows", "counts": [1], "offset": 0, "length": 1, "features": {}}
    answer = asking.ask(task, [source(data)], limits=LIMITS)
    assert answer.parts == []
    assert answer.value["rows"][0]["media"] == {}


def test_the_web_process_imports_none_of_the_readers_libraries():
    code = (
        "import sys, config.wsgi; from django.urls import resolve; resolve('/datasets/a/b/viewer'); import hub.tasks; "
        "print(sorted({'pyarrow', 'duckdb', 'fsspec', 'pandas', 'torch', 'soundfile', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
