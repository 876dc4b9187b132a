"""Compiles .po files with Babel, so that gettext's own tools are not needed on the machine."""

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


def compile_all(folder: Path) -> int:
    """Write a .mo beside each .po below `folder`; returns how many."""
    files = sorted(folder.rglob("*.po"))
    for file in files:
        with file.open("rb") as source:
            catalogue = read_po(source)
        own = file.with_suffix(".mo.new")
        with own.open("wb") as target:
            write_mo(target, catalogue)
        own.replace(file.with_suffix(".mo"))
    return len(files)
