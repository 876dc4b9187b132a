"""Signed statements about pictures and sounds: which model made what, when, on which site."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from PIL.Image import Image

from common import signing
from inference.algorithms import png, wav
from inference.algorithms.wav import Samples

# The IPTC term for media created by a trained model.
AI_GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


class ProvenanceInvalid(Exception):
    """The signature is not ours, or pixels or parameters were changed after it."""


def sealed_png(picture: Image, *, parameters: dict[str, Any], generation: str) -> bytes:
    """PNG bytes that carry parameters and a statement signed by this deployment."""
    claims = _claims(parameters, generation) | {"pixels_sha256": png.pixels_digest(picture)}
    return png.encode(picture, parameters=parameters, statement=signing.sign(claims))


def sealed_wav(samples: Samples, *, parameters: dict[str, Any], label: str, generation: str) -> bytes:
    """The same for a sound. The label is in the file and not in the parameters: it had no part in the making."""
    claims = _claims(parameters, generation) | {"samples_sha256": samples.digest}
    return wav.encode(samples, parameters=parameters, label=label, statement=signing.sign(claims))


def _claims(parameters: dict[str, Any], generation: str) -> dict[str, Any]:
    return {
        "iss": settings.BASE_URL,
        "iat": int(timezone.now().timestamp()),
        "sub": f"generation:{generation}",
        "digital_source_type": AI_GENERATED,
        "model": parameters["model"],
        "commit": parameters["commit"],
        "seed": parameters["seed"],
        "parameters_sha256": signing.digest(parameters),
    }


def verified(content: bytes) -> dict[str, Any]:
    """The signed claims of a PNG or WAV whose pixels or samples, and parameters, are those that were signed.

    Raises ProvenanceInvalid otherwise, png.NotOurPicture or wav.NotOurSound when there is nothing to check.
    """
    if wav.is_wav(content):
        samples, parameters, statement = wav.decode(content)
        name, digest = "samples_sha256", samples.digest
    else:
        picture, parameters, statement = png.decode(content)
        name, digest = "pixels_sha256", png.pixels_digest(picture)
    try:
        claims = signing.verify(statement)
    except signing.SignatureInvalid as error:
        raise ProvenanceInvalid("The statement was not signed by this site.") from error
    if claims.get(name) != digest:
        raise ProvenanceInvalid("The picture or sound was changed after it was signed.")
    if claims.get("parameters_sha256") != signing.digest(parameters):
        raise ProvenanceInvalid("The parameters were changed after they were signed.")
    return claims
