"""Refusals of this room."""

from django.utils.translation import gettext_lazy as _

from common.errors import Refusal


class Unprocessable(Refusal):
    """Parameters that mean nothing or do not fit the model; `field` names the one."""

    status = 422
    code = "invalid_parameters"


class FileGone(Refusal):
    """The row of a picture or of a given image is there, its file is not: lost, or not brought along."""

    status = 410
    code = "file_gone"

    def __init__(self) -> None:
        hint = _("Draw it again from its page: its parameters were kept. Tell whoever runs this site.")
        super().__init__(_("The file of this picture is missing."), hint=hint)
