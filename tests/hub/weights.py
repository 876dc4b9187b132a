"""Small files of weights in their real formats."""

import json
import math
import struct

SIZES = {"F32": 4, "BF16": 2, "F16": 2}


def safetensors(**tensors):
    """name=(dtype, shape): a whole file, all numbers zero."""
    header, place = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape) in tensors.items():
        length = math.prod(shape) * SIZES[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [place, place + length]}
        place += length
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(place)


def gguf(values, tensors):
    """Texts and numbers by name, shapes by name."""

    def text(word):
        return struct.pack("<Q", len(word.encode())) + word.encode()

    data = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values) + 1)
    data += text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b")
    for name, value in values.items():
        data += text(name)
        data += struct.pack("<I", 8) + text(value) if isinstance(value, str) else struct.pack("<II", 4, value)
    for name, shape in tensors.items():
        data += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, 0)
    return data
