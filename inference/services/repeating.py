"""Drawing the same again: the very same version, seed and parameters, and whether the same came out."""

from django.db import transaction

from accounts.principal import Principal
from inference.models import Generation, Picture
from inference.selectors import refuse_taken_away
from inference.services.generations import request_generation
from inference.services.planning import same_again


@transaction.atomic
def draw_again(generation: Generation, *, by: Principal, idempotency_key: str = "") -> Generation:
    """One's own is paid as before, another person's under one's own name; a second call with the same key returns the
    first one. Raises what `request_generation` raises, and ContentRemoved where one of its pictures was taken away."""
    for picture in Picture.objects.filter(generation=generation):
        refuse_taken_away(by, picture)
    made = request_generation(
        by,
        same_again(by, generation),
        model=generation.model_name,
        revision=generation.commit,
        billed=generation.billed if generation.owner == by.user else None,
        currency=generation.currency,
        idempotency_key=idempotency_key,
    )
    if made.repeats is None:
        made.repeats = generation
        made.save(update_fields=["repeats"])
    return made


def reproduces(generation: Generation, position: int, drawn_sha256: str) -> bool | None:
    """Whether a picture has the pixels of the one that it repeats; None when there is nothing to compare."""
    if generation.repeats_id is None:
        return None
    first = Picture.objects.filter(generation=generation.repeats_id, position=position).exclude(drawn_sha256="").first()
    return None if first is None else first.drawn_sha256 == drawn_sha256
