"""How often stock schedulers ask the network for what they call a step."""

from enum import StrEnum


class Pace(StrEnum):
    """TWICE: of second order, in each step but the last. PLMS, PRK: the two beginnings of PNDM."""

    ONCE = "once"
    TWICE = "twice"
    PLMS = "plms"
    PRK = "prk"


_TWICE = frozenset(
    [
        "HeunDiscreteScheduler",
        "KDPM2DiscreteScheduler",
        "KDPM2AncestralDiscreteScheduler",
        "DPMSolverSDEScheduler",
        "FlowMatchHeunDiscreteScheduler",
    ]
)
_OF_NAMES = {"heun": Pace.TWICE, "flow_heun": Pace.TWICE, "pndm": Pace.PLMS}


def pace_of_class(name: object, *, skips_prk: bool) -> Pace:
    """By the class of a scheduler, as a file names it."""
    if not isinstance(name, str):
        return Pace.ONCE
    if name == "PNDMScheduler":
        return Pace.PLMS if skips_prk else Pace.PRK
    return Pace.TWICE if name in _TWICE else Pace.ONCE


def pace_of_name(name: str) -> Pace:
    """By a name that requests use."""
    return _OF_NAMES.get(name, Pace.ONCE)


def calls(pace: Pace, *, steps: int, taken: int) -> int:
    """For `taken` of `steps` steps: what begins with an image leaves out the first ones."""
    match pace:
        case Pace.TWICE:
            return 2 * taken - 1
        case Pace.PLMS:
            return taken + (steps > 1)
        case Pace.PRK:
            return taken + 9
        case _:
            return taken
