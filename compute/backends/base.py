"""What every cluster can do, whatever it is made of."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Request:
    """The part of a job that a backend must be able to serve."""

    image: str
    command: list[str]
    arguments: list[str]
    environment: dict[str, str]

    @property
    def argv(self) -> list[str]:
        return [*self.command, *self.arguments]


class Backend(Protocol):
    """A way to run jobs. All methods may be called again for the same attempt without harm."""

    name: str

    def check(self, request: Request) -> None:
        """Raises Invalid, naming what is accepted, when this backend could never run the request."""

    def start(self, token: str) -> None:
        """Hand an attempt over. Called after the attempt is committed; may be called more than once."""
