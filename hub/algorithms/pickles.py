"""What a pickle would import and call, read off its instructions. Nothing is ever executed.

The reader follows stack, marks and memo as far as texts and imported names go, and is more patient
than Python's own: what it follows to the end is at least what Python would run. Whatever
it cannot follow (a name that is computed, a call of something that is no import) is a fault.
"""

import re
from dataclasses import dataclass, field
from typing import BinaryIO

from hub.algorithms import pickle_machine
from hub.algorithms.pickle_machine import Import, Machine
from hub.algorithms.pickle_rules import is_allowed
from hub.algorithms.pickle_source import Broken, Source

MAX_PICKLES = 1000
# torch's files from before it used zip archives: this number, then four more pickles, then raw numbers.
_TORCH_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
_TORCH_PICKLES = 5
_PLAUSIBLE = re.compile(r"\w+(?:\.\w+)*")


@dataclass
class Contents:
    """What is known of a stream of pickles.

    `faults` are things no harmless pickle does, in words. `broken` says why reading stopped before the
    end, "" when nothing was in the way; `has_rest`: after the last pickle come bytes that are none.
    """

    imports: list[Import] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    pickles: int = 0
    calls: int = 0
    broken: str = ""
    has_rest: bool = False

    @property
    def forbidden(self) -> list[Import]:
        return [one for one in self.imports if not is_allowed(*one)]


def read_pickles(file: BinaryIO) -> Contents:
    """Read pickles from where the file stands, one after the other, up to its end or the first thing that is none."""
    found = Contents()
    seen: dict[Import, None] = {}
    source = Source(file)
    machine = Machine(source)
    is_torch = False
    while source.more():
        machine.restart()
        try:
            machine.run()
        except Broken as error:
            _stopped(found, machine, str(error))
        else:
            found.pickles += 1
        is_torch = is_torch or (found.pickles == 1 and machine.number == _TORCH_MAGIC)
        _note(found, seen, machine)
        if found.broken or found.has_rest or (is_torch and found.pickles >= _TORCH_PICKLES):
            break
        if found.pickles >= MAX_PICKLES:
            found.broken = "there are too many pickles"
    found.imports = list(seen)
    if not found.pickles and not found.broken:
        found.broken = "it is empty"
    return found


def is_plausible(one: Import) -> bool:
    """Whether it could be the name of a module at all; random bytes seldom are."""
    return _PLAUSIBLE.fullmatch(one.module) is not None and _PLAUSIBLE.fullmatch(one.name) is not None


def _stopped(found: Contents, machine: Machine, reason: str) -> None:
    """The first pickle has to be whole; after it other bytes may follow, if they do nothing."""
    if found.pickles == 0 or machine.steps >= pickle_machine.MAX_STEPS:
        found.broken = reason
        return
    found.has_rest = True
    machine.imports = [one for one in machine.imports if is_plausible(one)]
    if not machine.imports:
        machine.faults = []


def _note(found: Contents, seen: dict[Import, None], machine: Machine) -> None:
    seen |= dict.fromkeys(machine.imports)
    found.calls += machine.calls
    found.faults += [fault for fault in dict.fromkeys(machine.faults) if fault not in found.faults]
