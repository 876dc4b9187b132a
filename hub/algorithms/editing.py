"""Texts in a browser's form: which may be edited there, and how they are written back unharmed."""

MAX_LENGTH = 1024 * 1024
MARKDOWN = (".md", ".markdown")


def for_editing(data: bytes) -> str | None:
    """The text of a file with plain line ends; None when a form would harm it: no UTF-8, mixed line ends, too long."""
    if len(data) > MAX_LENGTH or b"\x00" in data:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    plain = text.replace("\r\n", "\n")
    return plain if as_written(plain, before=text) == text else None


def as_written(text: str, *, before: str = "") -> str:
    """What a form sent, with the line ends that the file had before. Forms always send `\\r\\n`."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return plain.replace("\n", "\r\n") if "\r\n" in before else plain


def is_markdown(path: str) -> bool:
    return path.lower().endswith(MARKDOWN)
