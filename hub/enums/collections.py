"""The looks of collections."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Theme(TextChoices):
    """The colour of a collection."""

    ORANGE = "orange", _("orange")
    BLUE = "blue", _("blue")
    GREEN = "green", _("green")
    PURPLE = "purple", _("purple")
    PINK = "pink", _("pink")
    INDIGO = "indigo", _("indigo")
