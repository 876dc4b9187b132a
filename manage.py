#!/usr/bin/env python
"""Django's command line for Wellspring."""

import gc
import os
import sys

from config.env import load_running_site

NO_SITE = (
    "Start the site first (make run), name its data directory by WELLSPRING_DATA where it is not var,"
    " or a database by DATABASE_URL."
)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    load_running_site()
    if sys.argv[1:2] == ["migrate"]:
        # Every operation makes thousands of classes anew: looking for garbage less often takes a fifth less time.
        gc.set_threshold(50_000, 10, 10)
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - settings first
    from django.db import OperationalError  # noqa: PLC0415

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        if not str(error).startswith("connection to server"):
            raise
        sys.exit(f"{error}\nNo database answers. {NO_SITE}")


if __name__ == "__main__":
    main()
