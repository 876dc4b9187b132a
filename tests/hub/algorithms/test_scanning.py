"""What an inspection says about whole files."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.algorithms import scanning, scanning_archives
from tests.hub.algorithms.test_pickles import Calls

EVIL = pickle.dumps(Calls(eval, "1"))
GOOD = pickle.dumps({"a": [1, 2, 3]})


def codes(data, name):
    return scanning.inspect(io.BytesIO(data), name, len(data)).codes()


def zipped(files, method=zipfile.ZIP_STORED):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def tarred(*entries):
    """(name, data) for files, (name, {"type": …, "linkname": …}) for others."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, what in entries:
            info = tarfile.TarInfo(name)
            if isinstance(what, bytes):
                info.size = len(what)
                archive.addfile(info, io.BytesIO(what))
            else:
                info.type, info.linkname = what["type"], what.get("linkname", "")
                archive.addfile(info)
    return target.getvalue()


def saved(value, **more):
    target = io.BytesIO()
    torch.save(value, target, **more)
    return target.getvalue()


def tensors(header, data=b""):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("name", ["model.pt", "pytorch_model.bin", "x.ckpt", "x.pth"])
def test_what_torch_saves_is_clean(name, old):
    state = torch.nn.Linear(20, 30).state_dict() | {
        "half": torch.zeros(5, dtype=torch.bfloat16),
        "sparse": torch.eye(3).to_sparse(),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "size": torch.Size([1, 2]),
    }
    assert codes(saved(state, _use_new_zipfile_serialization=not old), name) == set()


@pytest.mark.parametrize("old", [True, False])
def test_a_call_inside_of_what_torch_saves_is_found(old):
    data = saved({"w": torch.zeros(3), "x": Calls(eval, "1")}, _use_new_zipfile_serialization=not old)
    assert codes(data, "model.pt") == {"imports"}


def npy(value):
    target = io.BytesIO()
    np.save(target, value, allow_pickle=True)
    return target.getvalue()


def test_arrays_of_numpy():
    assert codes(npy(np.arange(1000.0)), "a.npy") == set()
    assert codes(npy(np.zeros(3, dtype=[("x", "<f4"), ("y", "S3")])), "a.npy") == set()
    assert codes(npy(np.array([{"a": 1}], dtype=object)), "a.npy") == set()
    assert codes(npy(np.array([Calls(eval, "1")], dtype=object)), "a.npy") == {"imports"}
    assert codes(npy(np.array([Calls(eval, "1")], dtype=object))[:-2], "a.npy") >= {"imports"}
    assert codes(zipped({"a.npy": npy(np.array([Calls(eval, "1")], dtype=object))}), "a.npz") == {"imports"}
    assert codes(b"\x93NUMPY\x01\x00\xff\xff{", "a.npy") == {"broken_array"}


PACKED = {
    "raw": lambda data: ("x.pkl", data),
    "another ending": lambda data: ("weights.bin", data),
    "zip": lambda data: ("x.zip", zipped({"in/x.pkl": data})),
    "deflated": lambda data: ("x.zip", zipped({"x.pkl": data}, zipfile.ZIP_DEFLATED)),
    "tar": lambda data: ("x.tar", tarred(("x.pkl", data))),
    "gzip": lambda data: ("x.pkl.gz", gzip.compress(data)),
    "bzip2": lambda data: ("x.pkl.bz2", bz2.compress(data)),
    "xz": lambda data: ("x.pkl.xz", lzma.compress(data)),
    "zlib": lambda data: ("x.joblib", zlib.compress(data)),
    "tgz": lambda data: ("x.tgz", gzip.compress(tarred(("x.pkl", data)))),
    "zip in tar in gzip": lambda data: ("x.tar.gz", gzip.compress(tarred(("a.zip", zipped({"x.pkl": data}))))),
}


@pytest.mark.parametrize("how", PACKED)
def test_pickles_are_found_wherever_they_lie(how):
    name, data = PACKED[how](EVIL)
    assert "imports" in codes(data, name)
    name, data = PACKED[how](GOOD)
    assert codes(data, name) == set()


def test_a_pickle_under_another_name_is_found():
    assert codes(EVIL, "config.json") == {"imports", "wrong_ending"}
    assert codes(EVIL, "picture.png") == {"imports", "wrong_ending"}
    assert codes(EVIL + zipped({"a.txt": b"x"}), "model.pt") >= {"imports", "wrong_ending"}
    assert codes(b"\x00" * 50 + zipped({"data.pkl": EVIL}), "model.pt") >= {"imports"}


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "..\\x", "\\\\host\\x", "C:\\x", "c:x"])
def test_paths_that_leave_an_archive(path):
    assert codes(zipped({path: b"x"}), "a.zip") == {"path_leaves"}
    assert codes(tarred((path, b"x")), "a.tar") == {"path_leaves"}


def test_links_and_devices_in_archives():
    def link(name, target, kind=tarfile.SYMTYPE):
        return codes(tarred((name, {"type": kind, "linkname": target})), "a.tar")

    assert link("a/b", "../c") == set()
    assert link("a/b", "../../c") == {"link_leaves"}
    assert link("a", "/etc/passwd") == {"link_leaves"}
    assert link("a/b", "../c", tarfile.LNKTYPE) == {"link_leaves"}
    assert codes(tarred(("dev", {"type": tarfile.CHRTYPE})), "a.tar") == {"device"}
    entry = zipfile.ZipInfo("a")
    entry.external_attr = 0o120777 << 16
    assert codes(zipped({entry: b"../../x"}), "a.zip") == {"link_leaves"}


def test_bombs(monkeypatch):
    zeros = bytes(70 * 2**20)
    assert codes(zipped({"x": zeros}, zipfile.ZIP_DEFLATED), "a.zip") == {"bomb"}
    assert codes(gzip.compress(zeros), "a.gz") == {"bomb"}
    assert codes(bz2.compress(zeros), "a.csv.bz2") == {"bomb"}
    nested = GOOD
    for _level in range(6):
        nested = zipped({"a.zip": nested})
    assert codes(nested, "a.zip") == {"too_deep"}
    monkeypatch.setattr(scanning_archives, "MAX_FILES", 5)
    assert codes(zipped({f"{number}": b"" for number in range(6)}), "a.zip") == {"too_many_files"}


def test_files_that_share_bytes_in_an_archive():
    raw = bytearray(zipped({"a": b"x" * 100, "b": b"y" * 100}))
    second = raw.rfind(b"PK\x01\x02")
    raw[second + 42 : second + 46] = struct.pack("<I", 10)
    assert "overlap" in codes(bytes(raw), "a.zip") or "broken_archive" in codes(bytes(raw), "a.zip")


def test_locked_and_broken_archives_are_not_clean():
    raw = bytearray(zipped({"data.pkl": GOOD}))
    raw[6] |= 1
    raw[raw.find(b"PK\x01\x02") + 8] |= 1
    assert codes(bytes(raw), "model.pt") == {"encrypted"}
    assert codes(zipped({"data.pkl": GOOD})[:-30], "model.pt") == {"broken_archive"}
    assert codes(b"7z\xbc\xaf\x27\x1c" + bytes(100), "x.7z") == {"not_inspected"}
    wrong_sum = bytearray(zipped({"data.pkl": EVIL}))
    wrong_sum[14] ^= 0xFF
    assert "imports" in codes(bytes(wrong_sum), "model.pt")


def test_headers_of_safetensors():
    one = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    two = one | {"b": {"dtype": "F16", "shape": [], "data_offsets": [8, 10]}, "__metadata__": {"x": "y"}}
    assert codes(tensors(one, bytes(8)), "m.safetensors") == set()
    assert codes(tensors(two, bytes(10)), "m.safetensors") == set()
    wrong = [
        tensors(one, bytes(9)),
        tensors(one, bytes(7)),
        tensors({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}, bytes(8)),
        tensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}, bytes(8)),
        tensors({"a": {"dtype": "X", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
        tensors({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}, bytes(8)),
        tensors(one | {"b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}, bytes(12)),
        tensors(b"[]"), tensors(b"{"), tensors(b"[" * 100_000), b"\xff" * 20, b"", b"{}",
    ]  # fmt: skip
    for data in wrong:
        assert codes(data, "m.safetensors") == {"tensors"}
    assert codes(zipped({"data.pkl": EVIL}), "m.safetensors") == {"imports", "wrong_ending"}


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><circle r='4'/></svg>", set()),
        ("a.svg", b"<svg><script>alert(1)</script></svg>", {"active"}),
        ("a.svg", b"<svg onload = 'alert(1)'/>", {"active"}),
        ("a.svg", b"<svg><a href='java&#115;cript:x'/><a href='javascript:alert(1)'/></svg>", {"active"}),
        ("a.svg", "<svg><script>alert(1)</script></svg>".encode("utf-16"), {"active"}),
        ("a.html", b"<p>Hello</p>", set()),
        ("a.html", b"<!doctype html><iframe src=x>", {"active"}),
        ("a.xml", b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y 'z'>]>", {"active"}),
        ("a.js", b"alert(1)", {"active"}),
        ("a.png", b"<html><script>1</script>", {"active", "wrong_ending"}),
        ("a.txt", b"\x7fELF" + bytes(100), {"program"}),
        ("lib.so", b"\x7fELF" + bytes(100), set()),
        ("README.md", b"# Hello\n<script>alert(1)</script>", set()),
        ("vocab.txt", b"cat\ndog\nelephant\n", set()),
        ("a.py", b"import os\nos.system('x')\n", set()),
        ("data.bin", bytes(range(256)) * 20, set()),
        ("empty.pt", b"", {"broken_pickle"}),
        ("text.pkl", b"no pickle at all", {"broken_pickle"}),
    ],
)
def test_other_files(name, data, expected):
    assert codes(data, name) == expected


PACKED_EVIL = [make(EVIL) for make in PACKED.values()]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_files_never_break_it(data):
    name, raw = data.draw(st.sampled_from(PACKED_EVIL))
    changed = bytearray(raw)
    for _change in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at] = data.draw(st.integers(0, 255))
    codes(bytes(changed[: data.draw(st.integers(1, len(changed)))]), name)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=600),
    st.sampled_from(["x.pkl", "x.bin", "x.npy", "x.zip", "x.tar", "x.safetensors", "x.svg", "x"]),
)
def test_random_files_never_break_it(data, name):
    codes(data, name)
