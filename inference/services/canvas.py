"""What a form gave to draw from, kept: an image in one of three ways, a mask in three, or a larger canvas."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from PIL import Image

from accounts.principal import Principal
from inference.algorithms import canvas
from inference.algorithms.canvas import Margins, Rectangle
from inference.enums import InputKind
from inference.errors import Unprocessable
from inference.models import InputImage, Picture
from inference.services import inputs
from inference.services.planning import input_named


@dataclass(frozen=True)
class Given:
    """`image` and `mask` are the bytes of files; the ids name what was kept before."""

    image: bytes | None = None
    image_id: str = ""
    picture: Picture | None = None
    mask: bytes | None = None
    mask_id: str = ""
    rectangle: Rectangle | None = None

    @property
    def has_new_mask(self) -> bool:
        return self.mask is not None or self.rectangle is not None


def image_of(given: Given, *, by: Principal) -> InputImage:
    """A file before a picture, a picture before what was kept. Raises what `inputs.keep_image` raises."""
    if given.image is not None:
        return inputs.keep_image(given.image, by=by)
    if given.picture is not None:
        return inputs.keep_picture(given.picture, by=by)
    return input_named(by, given.image_id, "image")


def mask_for(image: InputImage, given: Given, *, by: Principal) -> InputImage:
    """A file before a rectangle, a rectangle before what was kept. Raises as `image_of` does."""
    if given.mask is not None:
        return inputs.keep_mask(given.mask, by=by)
    if given.rectangle is not None:
        mask = canvas.mask_of(image.size_in_pixels, given.rectangle)
        if mask.getbbox() is None:
            raise Unprocessable(
                _("The rectangle lies outside of the image."),
                hint=_("The image is %(width)d × %(height)d.") % {"width": image.width, "height": image.height},
                field="mask",
            )
        return inputs.keep_drawn(mask, InputKind.MASK, by=by)
    return input_named(by, given.mask_id, "mask")


def on_larger_canvas(image: InputImage, margins: Margins, *, by: Principal) -> tuple[InputImage, InputImage]:
    """The image with ground around it, and the mask of the ground."""
    with Image.open(image.path, formats=["PNG"]) as opened:
        ground, mask = canvas.extended(opened.convert("RGB"), margins)
    return inputs.keep_drawn(ground, InputKind.IMAGE, by=by), inputs.keep_drawn(mask, InputKind.MASK, by=by)
