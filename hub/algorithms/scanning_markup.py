"""Pages and pictures that a browser would run as programs: HTML, SVG, XML, JavaScript."""

import re
from typing import BinaryIO

from hub.algorithms.scanning_notes import Notes

_MAX_READ = 4 * 1024 * 1024
_MARKUP_ENDINGS = frozenset({"htm", "html", "mht", "mhtml", "svg", "svgz", "xht", "xhtml", "xml", "xsl", "xslt"})
_SCRIPT_ENDINGS = frozenset({"cjs", "js", "mjs"})
_PICTURES = frozenset({"bmp", "gif", "jpeg", "jpg", "png", "webp"})
_STARTS_AS_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|svg|script|\?xml)", re.IGNORECASE)
_ACTIVE = re.compile(
    rb"<\s*(?:[\w.-]+:)?(?:script|iframe|object|embed|foreignobject|base|handler|set|animate)\b"
    rb"|[\s\"'/]on[a-z]{3,}\s*="
    rb"|(?:java|vb)script\s*:"
    rb"|<!ENTITY|<\?xml-stylesheet|data\s*:\s*text/html",
    re.IGNORECASE,
)


def look(notes: Notes, file: BinaryIO, ending: str, head: bytes) -> None:
    """Note `active` for what runs in a browser, `wrong_ending` for a page under the name of a picture."""
    if ending in _SCRIPT_ENDINGS:
        notes.add("active")
        return
    is_markup = _STARTS_AS_MARKUP.match(head) is not None
    if is_markup and ending in _PICTURES:
        notes.add("wrong_ending", "html")
    if ending not in _MARKUP_ENDINGS and not (is_markup and ending in _PICTURES | {""}):
        return
    file.seek(0)
    text = file.read(_MAX_READ).replace(b"\0", b"")  # also UTF-16
    if _ACTIVE.search(text):
        notes.add("active")
    if file.read(1):
        notes.add("too_large")
