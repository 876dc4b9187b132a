"""Cards to HTML: CommonMark with tables, made safe by allow-list, links pointed into the repository."""

from functools import lru_cache
from html import escape
from urllib.parse import quote, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_LENGTH = 512 * 1024
_ALLOWED = (nh3.ALLOWED_TAGS - {"map", "area"}) | {"audio", "source"}
# Without autoplay: who reads decides what is heard.
_ATTRIBUTES = nh3.ALLOWED_ATTRIBUTES | {
    "audio": {"src", "controls", "loop", "preload", "title"},
    "source": {"src", "type"},
}
_SHOWN = {"img", "audio", "source"}
_MARKDOWN = MarkdownIt("commonmark", {"html": True, "linkify": False, "typographer": False}).enable(
    ["table", "strikethrough"]
)


# A long card takes seconds; `base` names the commit, so what was rendered stays right.
@lru_cache(maxsize=64)
def render_card(text: str, *, base: str, files: str) -> str:
    """`render` for what is read again and again."""
    return render(text, base=base, files=files)


def render(text: str, *, base: str, files: str) -> str:
    """Safe HTML of a card's text (without its YAML block).

    `base` is the address under which relative pictures and sounds are found (…/resolve/<commit>/),
    `files` the one for relative links (…/blob/<commit>/). Scripts, forms, frames, styles,
    event attributes and foreign schemes do not survive.
    """
    if len(text) > MAX_LENGTH:
        return f"<pre>{escape(text[:MAX_LENGTH])}</pre>"
    text = text.encode("utf-8", "replace").decode()  # half of a surrogate pair is no text
    html = _MARKDOWN.renderer.render(_demoted(_MARKDOWN.parse(text)), _MARKDOWN.options, {})

    def point(tag: str, attribute: str, value: str) -> str | None:
        if tag in _SHOWN and attribute == "src":
            return _absolute(value, base)
        if tag == "a" and attribute == "href":
            return value if value.startswith("#") else _absolute(value, files)
        return value

    return nh3.clean(
        html,
        tags=_ALLOWED,
        attributes=_ATTRIBUTES,
        attribute_filter=point,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener ugc",
        strip_comments=True,
    )


def _demoted(tokens: list[Token]) -> list[Token]:
    """Headings one level down: the page has its own first heading."""
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
    return tokens


def _absolute(address: str, base: str) -> str | None:
    """A relative address put under `base`; absolute ones stay, sly ones go."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.scheme or address.startswith(("//", "/")):
        return address
    path = parts.path.removeprefix("./")
    if any(segment == ".." for segment in path.split("/")):
        return None
    return base + quote(path, safe="/%")
