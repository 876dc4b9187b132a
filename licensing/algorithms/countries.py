"""Countries by their two letters (ISO 3166), with names in the reader's language (Unicode CLDR)."""

from functools import lru_cache

from babel import Locale

# Two letters in CLDR that are regions, exceptional reservations or for tests, and no countries to send a bill to.
_OTHER = frozenset(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"])
_ALSO_WRITTEN = {"EL": "GR", "UK": "GB"}


@lru_cache
def countries(language: str = "en") -> dict[str, str]:
    """Code to name, by name; `language` as Django writes it."""
    locale = Locale.parse(language.replace("-", "_"), sep="_", resolve_likely_subtags=True)
    found = {
        code: name
        for code, name in locale.territories.items()
        if len(code) == 2 and code.isalpha() and code not in _OTHER
    }
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def country_code(text: str) -> str | None:
    """The code that is meant, None when there is no such country; Greece and the UK also as they write themselves."""
    code = text.strip().upper()
    code = _ALSO_WRITTEN.get(code, code)
    return code if code in countries() else None
