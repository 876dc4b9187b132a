"""Signed statements about pictures: which model drew what, when, on which site."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from PIL.Image import Image

from common import signing
from inference.algorithms import png

# The IPTC term for media created by a trained model.
AI_GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


class ProvenanceInvalid(Exception):
    """The signature is not ours, or pixels or parameters were changed after it."""


def sealed_png(picture: Image, *, parameters: dict[str, Any], generation: str) -> bytes:
    """PNG bytes that carry parameters and a statement signed by this deployment."""
    claims = {
        "iss": settings.BASE_URL,
        "iat": int(timezone.now().timestamp()),
        "sub": f"generation:{generation}",
        "digital_source_type": AI_GENERATED,
        "model": parameters["model"],
        "commit": parameters["commit"],
        "seed": parameters["seed"],
        "parameters_sha256": signing.digest(parameters),
        "pixels_sha256": png.pixels_digest(picture),
    }
    return png.encode(picture, parameters=parameters, statement=signing.sign(claims))


def verified(content: bytes) -> dict[str, Any]:
    """The signed claims of a PNG whose pixels and parameters are those that were signed.

    Raises ProvenanceInvalid otherwise, png.NotOurPicture when there is nothing to check.
    """
    picture, parameters, statement = png.decode(content)
    try:
        claims = signing.verify(statement)
    except signing.SignatureInvalid as error:
        raise ProvenanceInvalid("The statement was not signed by this site.") from error
    if claims.get("pixels_sha256") != png.pixels_digest(picture):
        raise ProvenanceInvalid("The picture was changed after it was signed.")
    if claims.get("parameters_sha256") != signing.digest(parameters):
        raise ProvenanceInvalid("The parameters were changed after they were signed.")
    return claims
