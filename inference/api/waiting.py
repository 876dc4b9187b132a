"""For clients that wait for the picture in the answer: watches a generation without holding the database."""

import time
from collections.abc import Iterator

from django.conf import settings
from django.db import connection

from inference.models import Generation

LOOK_EVERY = 0.2


def watch(generation_id: str, *, seconds: float) -> Iterator[Generation]:
    """The generation whenever it changed, the first time at once; ends when it ended or time is over.

    Between two looks the connection goes back, so that many can wait on few connections.
    """
    deadline = time.monotonic() + seconds
    told: tuple[object, ...] = ()
    while True:
        generation = Generation.objects.select_related("billed").prefetch_related("pictures").get(pk=generation_id)
        facts = (generation.state, generation.steps_done, generation.attempt)
        if facts != told:
            told = facts
            yield generation
        if generation.is_final or time.monotonic() > deadline:
            return
        let_go()
        time.sleep(LOOK_EVERY)


def wait(generation: Generation, *, seconds: float | None = None) -> Generation:
    """The generation when it ended, or as it is when the time is over."""
    limit = settings.GENERATION_WAIT_SECONDS if seconds is None else seconds
    for latest in watch(generation.pk, seconds=limit):
        generation = latest
    return generation


def let_go() -> None:
    """Close the connection, unless a transaction is open on it (then it is not ours to close)."""
    if not connection.in_atomic_block:
        connection.close()
