"""What a new repository begins with."""

_WEIGHTS = """
    7z arrow bin bz2 ckpt ftz gz h5 joblib keras lfs.* mlmodel model msgpack npy npz onnx ot parquet pb pickle pkl
    pt pth rar safetensors tar.* tar tflite tgz wasm xz zip zst gguf
"""
_SOUND_AND_PICTURES = """
    pcm sam raw aac flac mp3 ogg wav bmp gif png tiff jpg jpeg webp mp4 webm
"""
_BY_NAME = ("saved_model/**/*", "*tfevents*")
_LINE = "{} filter=lfs diff=lfs merge=lfs -text\n"


def gitattributes(kind: str) -> bytes:
    """Which files are large by their name; data sets add media, whose files are many and never text."""
    extensions = _WEIGHTS + (_SOUND_AND_PICTURES if kind == "dataset" else "")
    patterns = [f"*.{extension}" for extension in extensions.split()] + list(_BY_NAME)
    return "".join(_LINE.format(pattern) for pattern in patterns).encode()


def space_readme(name: str, sdk: str) -> bytes:
    """A space needs its SDK written down in its card."""
    return f"---\ntitle: {name}\nsdk: {sdk}\npinned: false\n---\n\n# {name}\n".encode()
