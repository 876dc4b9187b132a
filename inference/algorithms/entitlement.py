"""Which licences let an organisation use a model commercially without buying anything.

Facts about the licences' own texts; identifiers as they stand in model cards. Everything
not listed, and every model without a licence, needs a grant of use.
"""

OPEN_TO_COMMERCE = frozenset(
    [
        "apache-2.0",
        "mit",
        "bsd-2-clause",
        "bsd-3-clause",
        "bsl-1.0",
        "isc",
        "zlib",
        "unlicense",
        "cc0-1.0",
        "cc-by-4.0",
        "cc-by-sa-4.0",
        "gpl-3.0",
        "lgpl-3.0",
        "mpl-2.0",
        "openmdw-1.0",
        "openrail",
        "openrail++",
        "creativeml-openrail-m",
        "bigscience-openrail-m",
    ]
)


def needs_grant(licence: str) -> bool:
    return licence.strip().lower() not in OPEN_TO_COMMERCE
