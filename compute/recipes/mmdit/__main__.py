"""`python -m compute.recipes.mmdit --config FILE [--set key=value ...]`; see training/command.py."""

from __future__ import annotations

import sys

from compute.recipes.training.command import command

if __name__ == "__main__":
    sys.exit(command("mmdit"))
