"""Masks and larger canvases: what is drawn anew, by numbers. White in a mask is drawn anew."""

from dataclasses import dataclass

from PIL import Image

# New ground reaches a little into the image, so that no seam stays: this part of the shorter side.
OVERLAP = 32


@dataclass(frozen=True)
class Rectangle:
    """In pixels of the image, from its upper left corner."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Margins:
    """How many pixels are added on each side."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return any((self.left, self.top, self.right, self.bottom))

    def around(self, width: int, height: int) -> tuple[int, int]:
        """The size with them."""
        return self.left + width + self.right, self.top + height + self.bottom


def mask_of(size: tuple[int, int], rectangle: Rectangle) -> Image.Image:
    """White in the rectangle as far as it lies in the image, black elsewhere."""
    mask = Image.new("L", size, 0)
    right, bottom = rectangle.left + rectangle.width, rectangle.top + rectangle.height
    mask.paste(255, (max(0, rectangle.left), max(0, rectangle.top), min(size[0], right), min(size[1], bottom)))
    return mask


def extended(image: Image.Image, margins: Margins) -> tuple[Image.Image, Image.Image]:
    """The image on a larger ground, and the mask of the ground. The ground continues the image's edges."""
    width, height = image.size
    size = margins.around(width, height)
    ground = Image.new("RGB", size)
    ground.paste(image, (margins.left, margins.top))
    for column, across, place in ((0, margins.left, 0), (width - 1, margins.right, margins.left + width)):
        if across:
            edge = image.crop((column, 0, column + 1, height))
            ground.paste(edge.resize((across, height)), (place, margins.top))
    first, last = margins.top, margins.top + height - 1
    for row, down, place in ((first, margins.top, 0), (last, margins.bottom, last + 1)):
        if down:
            edge = ground.crop((0, row, size[0], row + 1))
            ground.paste(edge.resize((size[0], down)), (0, place))
    return ground, _ground_mask(size, image.size, margins)


def _ground_mask(size: tuple[int, int], inner: tuple[int, int], margins: Margins) -> Image.Image:
    overlap = min(inner) // OVERLAP
    mask = Image.new("L", size, 255)
    left = margins.left + (overlap if margins.left else 0)
    top = margins.top + (overlap if margins.top else 0)
    right = margins.left + inner[0] - (overlap if margins.right else 0)
    bottom = margins.top + inner[1] - (overlap if margins.bottom else 0)
    mask.paste(0, (left, top, right, bottom))
    return mask
