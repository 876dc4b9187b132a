"""`python -m compute.recipes.shapes FOLDER [--train 12000 --test 1200 --seed 0]` writes the data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from compute.recipes.shapes.parquet import write_parquet


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m compute.recipes.shapes", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=12_000, help="pictures to learn from")
    parser.add_argument("--test", type=int, default=1_200, help="pictures on combinations not learned from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--licence", default="cc-by-4.0", help="licence id on the card")
    arguments = parser.parse_args()
    paths = write_parquet(
        arguments.folder,
        train=arguments.train,
        test=arguments.test,
        seed=arguments.seed,
        licence=arguments.licence,
    )
    for path in paths:
        print(f"{path} ({path.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
