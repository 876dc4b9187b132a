"""The loop itself: proposal → award → job → model → picture, licence → revenue → creators and new grants."""

import argparse
import sys
from pathlib import Path

from demo.people import PEOPLE, Person, State
from demo.report import Report
from demo.steps import audit, community, dataset, licences, month, pictures, proposal, signing_up, training
from demo.world import World

STEPS = [
    ("a  people and organisations", signing_up.run),
    ("b  data set by the standard client", dataset.run),
    ("c  proposal decided by rule", proposal.run),
    ("d  training job", training.run_job),
    ("e  the published model", training.inspect_model),
    ("f  pictures", pictures.run),
    ("g1 commercial licence", licences.buy_licence),
    ("g2 generation credits", licences.buy_credits),
    ("h1 month closed, statements", month.run),
    ("h2 community award", community.run),
    ("h3 audit", audit.run),
]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--steps", type=int)
    options = parser.parse_args()
    state = State(options.data / "demo")
    people = {name: Person(options.url, name, state) for name in PEOPLE}
    world = World(options.url, options.data, state, people, options.steps)
    report = Report(options.data)
    report.expected = len(STEPS)
    for name, step in STEPS:
        if not report.run(name, lambda step=step: step(world)):
            break
    report.print_table(options.url)
    return 0 if report.is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
