#!/usr/bin/env python
"""Django's command line for Wellspring."""

import os
import sys

from config.env import load_running_site


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    load_running_site()
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - settings first

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
