"""`python -m compute.recipes.NAME --config FILE [--set key=value ...]`, the same for every recipe.

Exit codes: 0 done; 2 refused, with the reason on stderr; 143 asked to stop, checkpoint written.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from compute.recipes.again import same_command
from compute.recipes.configuration import load_config
from compute.recipes.refusal import Refused

REFUSED, STOPPED = 2, 143


def command(recipe: str, argv: Sequence[str] | None = None) -> int:
    """Runs `compute.recipes.<recipe>`: its `config.Config` and its `program.run`."""
    package = f"compute.recipes.{recipe}"
    parser = argparse.ArgumentParser(prog=f"python -m {package}", description=__doc__)
    parser.add_argument("--config", required=True, help="YAML file, or the name of a shipped one, e.g. shapes-cpu")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="overrides a key, e.g. training.steps=500"
    )
    arguments = parser.parse_args(argv)
    _prepare_environment()
    # Loading torch takes seconds; a wrong command line is told before.
    kind = importlib.import_module(f"{package}.config").Config
    run = importlib.import_module(f"{package}.program").run
    from compute.recipes.training.loop import Stopped  # noqa: PLC0415  # slow import

    try:
        run(load_config(kind, _config_file(recipe, arguments.config), arguments.set))
    except Refused as refusal:
        print(f"Refused: {refusal}", file=sys.stderr)
        return REFUSED
    except Stopped:
        print(f"Stopped on request. {same_command()} goes on from the checkpoint.", file=sys.stderr)
        return STOPPED
    return 0


def _prepare_environment() -> None:
    """What must stand before torch and transformers are loaded."""
    # Hints of the libraries while they load would only hide the events.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # Threads that wait for each other spin briefly, then sleep. Measured on two cores, seconds a step:
    # free 0.27 when they always spin, 0.30 so, 0.43 when they always sleep; busy, spinning takes 5.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")


def _config_file(recipe: str, name: str) -> Path:
    shipped = Path(__file__).parents[1] / recipe / "configs" / f"{name}.yaml"
    return shipped if shipped.exists() and not Path(name).exists() else Path(name)
