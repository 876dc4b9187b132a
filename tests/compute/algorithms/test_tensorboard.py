"""Event files read without TensorBoard, against what its own writers write."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from tensorboardX import SummaryWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.proto.tensor_pb2 import TensorProto

from compute.algorithms.tensorboard import scalars


def _written(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def _record(event):
    data = event.SerializeToString()
    return struct.pack("<Q", len(data)) + bytes(4) + data + bytes(4)


def test_what_a_writer_wrote_is_read(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        for step in (1, 2, 300):
            writer.add_scalar("training/loss", step / 8, step)
        writer.add_scalar("精度", -1.5, 7)
        writer.add_text("notes", "no number", 1)
        writer.add_histogram("weights", [1.0, 2.0, 2.0], 1)
    data = _written(tmp_path)
    assert scalars(data) == {"training/loss": [(1, 0.125), (2, 0.25), (300, 37.5)], "精度": [(7, -1.5)]}
    assert scalars(data[: data.index(b"training/loss") + 400])["training/loss"][0] == (1, 0.125), "cut off"


def test_numbers_in_tensors_are_read():
    """As TensorFlow 2 and others write them."""
    for tensor in (TensorProto(dtype=1, float_val=[0.5]), TensorProto(dtype=1, tensor_content=struct.pack("<f", 0.5))):
        event = Event(step=4, summary=Summary(value=[Summary.Value(tag="loss", tensor=tensor)]))
        assert scalars(_record(event)) == {"loss": [(4, 0.5)]}


@given(data=st.binary(max_size=300))
def test_nonsense_does_no_harm(data):
    scalars(data)
    framed = struct.pack("<Q", len(data)) + bytes(4) + data + bytes(4)
    for points in scalars(framed).values():
        assert all(0 <= step < 2**53 for step, _value in points)
