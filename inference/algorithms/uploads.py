"""Images that somebody gave, brought into the two forms that are kept: RGB, and shades of grey for masks.

What comes in here was decoded and drawn anew before (hub/services/redrawing.py): it is a PNG of ours.
"""

import io

from PIL import Image, ImageChops

MAX_BYTES = 25 * 2**20
MAX_PIXELS = 4096 * 4096
MAX_RATIO = 64  # of the sides: what is a line is no image


def opened(content: bytes) -> Image.Image:
    """A PNG of ours, whole in memory."""
    image = Image.open(io.BytesIO(content), formats=["PNG"])
    image.load()
    return image


def is_reasonable(width: int, height: int) -> bool:
    """Neither too large nor a line."""
    return width * height <= MAX_PIXELS and max(width, height) <= MAX_RATIO * min(width, height)


def as_image(image: Image.Image) -> Image.Image:
    """In RGB; what is transparent lies on white."""
    if has_alpha(image):
        ground = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def as_mask(image: Image.Image) -> Image.Image:
    """In shades of grey; white is what is drawn anew."""
    return as_image(image).convert("L")


def mask_of_alpha(image: Image.Image) -> Image.Image:
    """The same from an image whose transparent part is to be drawn anew."""
    return ImageChops.invert(image.convert("RGBA").getchannel("A"))


def holes(image: Image.Image) -> Image.Image | None:
    """The mask that an image is for itself; None when nothing in it is transparent."""
    if not has_alpha(image):
        return None
    mask = mask_of_alpha(image)
    return mask if mask.getbbox() else None


def has_alpha(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info


def png(image: Image.Image) -> bytes:
    """The pixels and nothing else, the same bytes for the same pixels."""
    bare = Image.frombytes(image.mode, image.size, image.tobytes())
    file = io.BytesIO()
    bare.save(file, "PNG")
    return file.getvalue()


def grown(mask: Image.Image, pixels: int) -> Image.Image:
    """Its white part larger by so many pixels on every side."""
    reach = 0
    while reach < pixels:
        # Moved copies leave no gap as long as they move by no more than what is white already, at the edges too.
        step = min(reach + 1, pixels - reach)
        for across, down in ((step, 0), (0, step)):
            moved = ImageChops.lighter(_moved(mask, across, down), _moved(mask, -across, -down))
            mask = ImageChops.lighter(mask, moved)
        reach += step
    return mask


def _moved(mask: Image.Image, across: int, down: int) -> Image.Image:
    ground = Image.new(mask.mode, mask.size)
    ground.paste(mask, (across, down))
    return ground


def extended(image: Image.Image, *, left: int, up: int, right: int, down: int) -> tuple[Image.Image, Image.Image]:
    """An image on a larger ground of its own colours, and the mask of what is new.

    The mask reaches a little into the image, so that no seam is left.
    """
    size = (image.width + left + right, image.height + up + down)
    ground = image.resize(size, Image.Resampling.BICUBIC)
    ground.paste(image, (left, up))
    mask = Image.new("L", size, 255)
    seam = min(image.width, image.height) // 16
    upper = (left + (seam if left else 0), up + (seam if up else 0))
    lower = (left + image.width - (seam if right else 0), up + image.height - (seam if down else 0))
    mask.paste(0, (*upper, *lower))
    return ground, mask
