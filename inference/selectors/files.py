"""What is in the files of pictures and of given images, also when somebody took one away from the disk."""

from pathlib import Path
from typing import BinaryIO

from inference.errors import FileGone


def opened(path: Path) -> BinaryIO:
    """Raises FileGone."""
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise FileGone from None


def content_of(path: Path) -> bytes:
    """Raises FileGone."""
    with opened(path) as file:
        return file.read()
