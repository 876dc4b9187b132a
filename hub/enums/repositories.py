"""Kinds of repositories, who may see them, and who took something from them."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class RepositoryKind(TextChoices):
    """What a repository holds. The value is the protocol's word for it."""

    MODEL = "model", _("model")
    DATASET = "dataset", _("data set")
    SPACE = "space", _("space")
    KERNEL = "kernel", _("kernel")

    @property
    def plural(self) -> str:
        """The segment in API addresses: /api/models/…"""
        return f"{self.value}s"

    @property
    def prefix(self) -> str:
        """What stands before namespace/name in page and git addresses; models have nothing."""
        return "" if self is RepositoryKind.MODEL else f"{self.plural}/"


class Visibility(TextChoices):
    PUBLIC = "public", _("public")
    PRIVATE = "private", _("private")


class DownloadKind(TextChoices):
    """Who took it (docs/decisions/067)."""

    CLIENT = "client", _("others")
    OWN = "own", _("its own people")
    CI = "ci", _("builds and jobs")
