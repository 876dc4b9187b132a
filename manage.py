#!/usr/bin/env python
"""Django's command line for Wellspring."""

import gc
import os
import sys

from config.env import load_running_site


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    load_running_site()
    if sys.argv[1:2] == ["migrate"]:
        # Every operation makes thousands of classes anew: looking for garbage less often takes a fifth less time.
        gc.set_threshold(50_000, 10, 10)
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - settings first

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
