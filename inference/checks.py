"""What the marks of pictures lack (`manage.py check --deploy`)."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name
from PIL import Image

from inference.content import certificates, manifests
from inference.services import sealing_keys

SOON = timedelta(days=60)
USES = {"allowed", "notAllowed", "constrained"}


@register(Tags.security, deploy=True)
def pictures_are_marked(**kwargs: Any) -> list[CheckMessage]:
    """Content credentials can be made, now and in two months."""
    found: list[CheckMessage] = []
    if not settings.WATERMARK:
        found.append(Warning("Pictures carry no watermark.", hint="Unset WELLSPRING_WATERMARK.", id="wellspring.W010"))
    if not settings.C2PA:
        found.append(
            Warning("Pictures carry no content credentials.", hint="Unset WELLSPRING_C2PA.", id="wellspring.W011")
        )
        return found
    if settings.C2PA_TRAINING not in USES:
        hint = f"Use one of {', '.join(sorted(USES))}."
        found.append(Error("WELLSPRING_C2PA_TRAINING is not understood.", hint=hint, id="wellspring.E011"))
        return found
    return [*found, *_signing()]


def _signing() -> list[CheckMessage]:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    parameters = {"model": "check/check", "commit": "0" * 40}
    says = manifests.manifest(parameters, title="check", page="", training=settings.C2PA_TRAINING, has_inputs=False)
    try:
        signer = sealing_keys.signer()
        manifests.signed(picture.getvalue(), says, signer)
    except manifests.CannotSign as error:
        hint = "Check the WELLSPRING_C2PA settings; see docs/reference/marks-in-pictures.md."
        return [Error(f"Pictures get no content credentials: {error}", hint=hint, id="wellspring.E010")]
    if certificates.ends(signer.chain) - datetime.now(UTC) > SOON:
        return []
    hint = "Renew it: manage.py content_credentials --renew."
    return [Warning("The certificate for content credentials ends soon.", hint=hint, id="wellspring.W012")]
