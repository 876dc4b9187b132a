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
    parser.add_argument("--config", required=True, help="YAML file, or the name of a shipped one, e.g. shapes-cpu")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="overrides a key, e.g. training.steps=500"
    )
    arguments = parser.parse_args(argv)
    _prepare_environment()
    # Loading torch takes seconds; a wrong command line is told before.
    from compute.recipes.text_to_image.config import Config  # noqa: PLC0415  # slow import
    from compute.recipes.text_to_image.program import run  # noqa: PLC0415  # slow import
    from compute.recipes.text_to_image.training import Stopped  # noqa: PLC0415  # slow import

    try:
        run(load_config(Config, _config_file(arguments.config), arguments.set))
    except Refused as refusal:
        print(f"Refused: {refusal}", file=sys.stderr)
        return REFUSED
    except Stopped:
        print("Stopped on request. The same command goes on from the checkpoint.", file=sys.stderr)
        return STOPPED
    return 0


def _prepare_environment() -> None:
    """What must stand before torch and transformers are loaded."""
    # Hints of the libraries while they load would only hide the events.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # Threads that wait for each other spin briefly, then sleep. Measured on two cores, seconds a step:
    # free 0.27 when they always spin, 0.30 so, 0.43 when they always sleep; busy, spinning takes 5.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")


def _config_file(name: str) -> Path:
    shipped = Path(__file__).with_name("configs") / f"{name}.yaml"
    return shipped if shipped.exists() and not Path(name).exists() else Path(name)


if __name__ == "__main__":
    sys.exit(main())
