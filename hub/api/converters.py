"""Parts of addresses, known to all that imports this module."""

from django.urls import register_converter

from hub.enums import RepositoryKind


class PluralKind:
    """`models` in /api/models/…"""

    regex = "models|datasets|spaces|kernels"

    def to_python(self, value: str) -> RepositoryKind:
        return RepositoryKind(value[:-1])

    def to_url(self, value: RepositoryKind) -> str:
        return value.plural


class KindPrefix:
    """`datasets/` before the name of a data set; nothing before that of a model."""

    regex = "(?:datasets/|spaces/|kernels/)?"

    def to_python(self, value: str) -> RepositoryKind:
        return RepositoryKind(value[:-2]) if value else RepositoryKind.MODEL

    def to_url(self, value: RepositoryKind) -> str:
        return value.prefix


class RepositoryName:
    """A repository's name; git clients append .git."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return value.removesuffix(".git")

    def to_url(self, value: str) -> str:
        return value


register_converter(PluralKind, "kinds")
register_converter(KindPrefix, "prefix")
register_converter(RepositoryName, "name")
