"""`python -m compute.recipes.text_to_image --config FILE [--set key=value ...]`.

Exit codes: 0 done; 2 refused, with the reason on stderr; 143 asked to stop, checkpoint written.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from compute.recipes.configuration import load_config
from compute.recipes.refusal import Refused

REFUSED, STOPPED = 2, 143


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m compute.recipes.text_to_image", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="YAML file with the recipe's keys")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="overrides a key, e.g. training.steps=500"
    )
    arguments = parser.parse_args(argv)
    # Loading torch takes seconds; a wrong command line is told before. The libraries' hints
    # while they load would only hide the events.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from compute.recipes.text_to_image.config import Config  # noqa: PLC0415  # slow import
    from compute.recipes.text_to_image.program import run  # noqa: PLC0415  # slow import
    from compute.recipes.text_to_image.training import Stopped  # noqa: PLC0415  # slow import

    try:
        run(load_config(Config, arguments.config, arguments.set))
    except Refused as refusal:
        print(f"Refused: {refusal}", file=sys.stderr)
        return REFUSED
    except Stopped:
        print("Stopped on request. The same command goes on from the checkpoint.", file=sys.stderr)
        return STOPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
