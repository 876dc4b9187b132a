"""Refusals of this room."""

from common.errors import Refusal


class Unprocessable(Refusal):
    """Parameters that mean nothing or do not fit the model; `field` names the one."""

    status = 422
    code = "invalid_parameters"
