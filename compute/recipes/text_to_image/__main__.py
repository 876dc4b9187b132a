"""`python -m compute.recipes.text_to_image --config FILE [--set key=value ...]`; see training/command.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from compute.recipes.training.command import command


def main(argv: Sequence[str] | None = None) -> int:
    return command("text_to_image", argv)


if __name__ == "__main__":
    sys.exit(main())
