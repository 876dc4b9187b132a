"""Files that are whole or not there."""

import os
from pathlib import Path


def keep_file(path: Path, content: bytes) -> None:
    """Write and flush it before its name exists, so that what a row names can be read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
