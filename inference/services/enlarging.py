"""How large an enlarged picture becomes, and how noisy the image is made for it."""

from django.utils.translation import gettext as _

from inference.algorithms import sizes
from inference.algorithms.profiles import Profile
from inference.enums import Task
from inference.errors import Unprocessable
from inference.models import InputImage


def size_of(profile: Profile, image: InputImage | None, *, width: int | None, height: int | None) -> tuple[int, int]:
    """Asked for, or so many times the image's, or the model's own pixels in the image's ratio; where the image has as
    many already, twice its sides.

    Raises Unprocessable where nothing would become larger.
    """
    assert image is not None
    unit, largest = profile.unit, profile.largest
    if profile.enlarges:
        wide, high = (profile.enlarges * side for side in image.size_in_pixels)
        if max(wide, high) > largest:
            raise Unprocessable(
                _("The image is %(width)d × %(height)d.") % {"width": image.width, "height": image.height},
                hint=_("This model enlarges images of at most %(most)d pixels a side.")
                % {"most": largest // profile.enlarges},
                field="image",
            )
        own = sizes.nearest(wide, high, unit=unit, largest=largest)
        if (width or own[0], height or own[1]) != own:
            raise Unprocessable(
                _("This model makes sides %(times)d times as long: %(width)d × %(height)d.")
                % {"times": profile.enlarges, "width": own[0], "height": own[1]},
                hint=_("Leave width and height out."),
                field="width",
            )
        return own
    ratio = image.size_in_pixels
    own = sizes.of_ratio(ratio, width=profile.width, height=profile.height, unit=unit, largest=largest)
    if own[0] <= image.width or own[1] <= image.height:
        own = sizes.nearest(2 * image.width, 2 * image.height, unit=unit, largest=largest)
    made = (width or own[0], height or own[1])
    if made[0] < image.width or made[1] < image.height or made == image.size_in_pixels:
        raise Unprocessable(
            _("The image is %(width)d × %(height)d.") % {"width": image.width, "height": image.height},
            hint=_("It would be made %(width)d × %(height)d, which is not larger. Give a smaller image, or a size.")
            % {"width": made[0], "height": made[1]},
            field="image",
        )
    return made


def noise_of(task: Task, profile: Profile, given: int | None) -> dict[str, int]:
    """The noise level of what is enlarged. Raises Unprocessable where nothing is."""
    if task == Task.UPSCALE and profile.noise_levels is not None:
        return {"noise_level": profile.noise_levels[0] if given is None else given}
    if given is not None:
        raise Unprocessable(
            _("This task takes no %(field)s.") % {"field": "noise_level"},
            hint=_("The task: %s.") % task.label,
            field="noise_level",
        )
    return {}
