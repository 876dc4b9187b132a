import json
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.algorithms import weights
from tests.hub.weights import gguf, safetensors


def reading(data):
    return lambda first, length: data[first : first + length]


def test_parameters_are_counted_by_type():
    header = weights.safetensors_header(reading(safetensors(a=("F32", [2, 3]), b=("BF16", [4]), c=("F32", []))))
    assert weights.parameters_of(header) == {"F32": 7, "BF16": 4}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 5) + b"[1,2]",
        struct.pack("<Q", 3) + b"{}x",
        struct.pack("<Q", 100) + b"{",
        struct.pack("<Q", 20000) + b"[" * 20000,
    ],
)
def test_files_that_lie_about_themselves_are_refused(data):
    with pytest.raises(weights.WeightsUnreadable):
        weights.safetensors_header(reading(data))


@pytest.mark.parametrize(
    "tensor",
    [
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [2**60], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": ["2"], "data_offsets": [0, 0]},
        {"dtype": "a b\x00", "shape": [1], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [1] * 100, "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [1]},
        "tensor",
    ],
)
def test_tensors_that_are_none_are_refused(tensor):
    text = json.dumps({"a": tensor}).encode()
    with pytest.raises(weights.WeightsUnreadable):
        weights.safetensors_header(reading(struct.pack("<Q", len(text)) + text))


def test_gguf_says_architecture_context_and_size():
    data = gguf({"general.architecture": "llama", "llama.context_length": 4096}, {"a": [3, 4], "b": [5]})
    assert weights.gguf_facts(reading(data)) == {"total": 17, "architecture": "llama", "context_length": 4096}


def test_gguf_without_words_has_a_total():
    assert weights.gguf_facts(reading(gguf({}, {"a": [7]}))) == {"total": 7}


@given(st.binary(max_size=300))
def test_no_bytes_break_the_readers(data):
    for read in (weights.safetensors_header, weights.gguf_facts):
        for bytes_ in (data, b"GGUF" + struct.pack("<I", 3) + data):
            with suppress(weights.WeightsUnreadable):
                read(reading(bytes_))


def test_gguf_that_promises_endless_lists_is_refused():
    endless = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 10, 2**61)
    with pytest.raises(weights.WeightsUnreadable):
        weights.gguf_facts(reading(endless))
