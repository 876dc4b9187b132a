"""Django talks to PostgreSQL through psycopg2.

Django takes psycopg 3 whenever it can be imported, and the message queue's client brings it
along. Both are needed in one process, so psycopg 3 is hidden for the moment in which Django
decides (docs/decisions/006).
"""

import sys


def choose_psycopg2() -> None:
    """Call before Django loads its database backend; later calls do nothing."""
    if "django.db.backends.postgresql.psycopg_any" in sys.modules:
        return
    hidden = sys.modules.get("psycopg")
    sys.modules["psycopg"] = None  # type: ignore[assignment]  # makes its import fail
    try:
        import django.db.backends.postgresql.base  # noqa: F401, PLC0415 - this is the moment
    finally:
        if hidden is None:
            del sys.modules["psycopg"]
        else:
            sys.modules["psycopg"] = hidden
