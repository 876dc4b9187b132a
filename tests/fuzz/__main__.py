"""`python -m tests.fuzz --minutes 5`: the fuzz tests again and again, each time with other random bodies.

It stops at the first thing found and prints the seed that brings it back.
"""

import argparse
import os
import secrets
import subprocess
import sys
import time


def main() -> int:
    parser = argparse.ArgumentParser(description="Feed the site what no client would send.")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--examples", type=int, default=500, help="of each test, in one round")
    parser.add_argument("--seed", type=int, help="only the round with this seed")
    parser.add_argument("--only", default="", help="names of tests, as pytest's -k takes them")
    asked = parser.parse_args()
    until, rounds = time.monotonic() + 60 * asked.minutes, 0
    while time.monotonic() < until or not rounds:
        seed = asked.seed if asked.seed is not None else secrets.randbelow(2**32)
        print(f"round {rounds + 1}, seed {seed}", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "tests/fuzz", "--timeout=0", f"--hypothesis-seed={seed}"]
        command += ["-k", asked.only] if asked.only else []
        environment = os.environ | {"FUZZ_EXAMPLES": str(asked.examples)}
        if subprocess.run(command, env=environment, check=False).returncode:
            return 1
        rounds += 1
        if asked.seed is not None:
            break
    print(f"{rounds} rounds, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
