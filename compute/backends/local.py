"""The local backend: a Celery worker on this machine runs the job as a sandboxed process.

It runs no containers. Its one image is this deployment's own Python environment.
"""

from celery import current_app
from django.utils.translation import gettext as _

from common.errors import Invalid
from compute.backends.base import Backend, Request

IMAGE = "wellspring/recipes"
# `latest` is what people type out of habit; both name the same environment.
IMAGES = frozenset({IMAGE, f"{IMAGE}:latest"})
# What `hf jobs uv run` asks for by itself: here it means uv on top of this environment.
UV_IMAGE = "ghcr.io/astral-sh/uv"


class LocalBackend:
    name = "local"

    def check(self, request: Request) -> None:
        if request.image not in IMAGES and request.image.partition(":")[0] != UV_IMAGE:
            raise Invalid(
                _("This cluster runs no containers, so it cannot use the image %(image)s.") % {"image": request.image},
                hint=_("Use the image %(accepted)s: the Python environment of this site, with its training recipes.")
                % {"accepted": IMAGE},
                code="unknown_image",
            )
        if not request.argv:
            raise Invalid(_("The job has no command."), hint=_("Say what to run, such as: python train.py"))

    def start(self, token: str) -> None:
        current_app.send_task("compute.tasks.run_attempt", args=[token])


_BACKENDS: dict[str, Backend] = {"local": LocalBackend()}


def backend_for(name: str) -> Backend:
    """Raises KeyError for a cluster whose backend is not installed."""
    return _BACKENDS[name]
