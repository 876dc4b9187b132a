"""What leaves the engine with all pictures and sounds: parameters, statement, content credentials, a watermark."""

import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from PIL.Image import Image

from common.addresses import absolute
from inference.algorithms import checked, png, sound_watermark, watermark
from inference.algorithms.wav import Samples
from inference.content import manifests
from inference.content.manifests import CannotSign
from inference.models import Generation
from inference.services import sealing_keys
from inference.services.provenance import sealed_png, sealed_wav

logger = logging.getLogger(__name__)
WATERMARK_VERSION = 1


@dataclass(frozen=True)
class Sealed:
    """The file, and what the picture's row keeps of it.

    `drawn_sha256` is over the samples or pixels before the watermark: equal for equal drawings. `mark` is the
    watermark's number, None without one. `credentials_failure` says why there are none; empty when there are.
    """

    content: bytes
    parameters: dict[str, Any]
    drawn_sha256: str
    mark: int | None
    credentials_failure: str


def seal(picture: Image, parameters: dict[str, Any], *, generation: Generation, inputs: Sequence[bytes] = ()) -> Sealed:
    """The PNG that is kept. `inputs`: the PNGs that were redrawn or filled."""
    drawn_sha256 = png.pixels_digest(picture)
    mark = mark_of(drawn_sha256)
    marked = watermark.embed(picture, mark, key=sealing_keys.watermark_key()) if settings.WATERMARK else None
    told = parameters | ({} if marked is None else {"watermark": WATERMARK_VERSION})
    content = sealed_png(picture if marked is None else marked, parameters=told, generation=generation.pk)
    content, failure = _credited(content, told, generation, inputs)
    return Sealed(content, told, drawn_sha256, None if marked is None else mark, failure)


def seal_sound(samples: Samples, parameters: dict[str, Any], *, generation: Generation) -> Sealed:
    """The WAV that is kept."""
    mark = mark_of(samples.digest)
    marked = sound_watermark.embed(samples, mark, key=sealing_keys.watermark_key()) if settings.WATERMARK else None
    told = parameters | ({} if marked is None else {"watermark": WATERMARK_VERSION})
    content = sealed_wav(marked or samples, parameters=told, label=generation.label, generation=generation.pk)
    content, failure = _credited(content, told, generation, media_type=manifests.WAV)
    return Sealed(content, told, samples.digest, None if marked is None else mark, failure)


def mark_of(drawn_sha256: str) -> int:
    """The watermark's number. It follows from what was drawn, so that the same drawing gives the same pixels again,
    and tells nothing to those who do not have the key."""
    digest = hmac.digest(sealing_keys.watermark_key(), b"mark" + drawn_sha256.encode(), "sha256")
    return int.from_bytes(digest[: checked.MARK_BITS // 8])


def _credited(
    content: bytes,
    told: dict[str, Any],
    generation: Generation,
    inputs: Sequence[bytes] = (),
    media_type: str = manifests.PNG,
) -> tuple[bytes, str]:
    """With content credentials, or as it is and why."""
    try:
        return _with_credentials(content, told, generation, inputs, media_type), ""
    except CannotSign as error:
        # Told on the page and by the checks of the deployment, not passed over.
        logger.error("a file has no content credentials: %s", error)  # noqa: TRY400 - the message says it all
        return content, str(error)[:300]


def _with_credentials(
    content: bytes, told: dict[str, Any], generation: Generation, inputs: Sequence[bytes], media_type: str
) -> bytes:
    if not settings.C2PA:
        raise CannotSign("Switched off by WELLSPRING_C2PA.")
    says = manifests.manifest(
        told,
        title=f"{generation.pk}.{'wav' if generation.is_sound else 'png'}",
        page=absolute(generation.get_absolute_url()),
        training=settings.C2PA_TRAINING,
        has_inputs=bool(inputs),
        media_type=media_type,
    )
    return manifests.signed(content, says, sealing_keys.signer(), inputs=inputs)
