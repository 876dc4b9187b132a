"""Files that are whole or not there."""

import os
import secrets
from pathlib import Path


def keep_file(path: Path, content: bytes) -> None:
    """Write and flush it before its name exists, so that what a row names can be read. Several may do so at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
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
