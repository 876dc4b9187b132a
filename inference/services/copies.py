"""JPEG and WebP copies of pictures, made when first asked for and kept by the content they are copies of."""

from pathlib import Path

from django.conf import settings

from inference.algorithms import formats
from inference.models import Picture
from inference.selectors.files import content_of
from inference.services.files import keep_file


def copy_of(picture: Picture, kind: str) -> Path:
    """The file of a copy in the usual quality. `kind` is one of formats.TYPES, and not png. Raises FileGone."""
    path = Path(settings.PICTURES_ROOT) / "copies" / picture.sha256[:2] / f"{picture.sha256}.{kind}"
    if not path.exists():
        keep_file(path, formats.encoded(content_of(picture.image_path), kind))
    return path
