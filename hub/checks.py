"""What a deployment of the hub still lacks (`manage.py check --deploy`)."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name

from hub import stores
from hub.storage.errors import StorageError


@register(Tags.security, deploy=True)
def objects_are_in_reach(**kwargs: Any) -> list[CheckMessage]:
    """The bucket answers, and links to it are not read on the way."""
    bucket = stores.bucket()
    if bucket is None:
        return []
    found: list[CheckMessage] = []
    try:
        next(bucket.plain.names(), None)
    except StorageError as error:
        hint = "Check the WELLSPRING_S3_ settings; see docs/how-to/objects-on-s3.md."
        found.append(Error(f"The bucket cannot be read: {error}.", hint=hint, id="wellspring.E002"))
    if settings.ENVIRONMENT == "production" and settings.OBJECTS_ORIGIN.startswith("http:"):
        hint = "Give WELLSPRING_S3_PUBLIC_ENDPOINT an https address, or set WELLSPRING_S3_PROXY."
        found.append(Warning("Clients reach the bucket without encryption.", hint=hint, id="wellspring.W002"))
    return found


@register(Tags.security, deploy=True)
def imports_are_encrypted(**kwargs: Any) -> list[CheckMessage]:
    """People give tokens for these servers, and files are only as true as the lists that name them."""
    plain = [source for source in settings.IMPORT_SOURCES if not source.startswith("https://")]
    if settings.ENVIRONMENT != "production" or not plain:
        return []
    hint = "Give WELLSPRING_IMPORT_SOURCES an https address."
    return [Warning(f"Imports read without encryption: {', '.join(plain)}.", hint=hint, id="wellspring.W003")]
