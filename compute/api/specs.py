"""From the JSON that clients of the Hub send to a job that we can run."""

from typing import Any

from django.utils.translation import gettext as _

from common.errors import Invalid
from compute.services.submissions import JobSpec
from compute.services.volumes import VolumeWanted

# What other clusters can and this site cannot yet, with what to do instead.
UNSUPPORTED = {
    "spaceId": "Spaces are not run here. Name an image instead.",
    "expose": "Ports of jobs cannot be exposed here. Push results to a repository instead.",
    "ssh": "Jobs cannot be entered here. Read their logs instead.",
    "network": "Jobs cannot join a network group here. Run one job.",
    "resourceGroupId": "There are no resource groups here. Use the label allocation to say who pays.",
}


def spec_from(body: dict[str, Any]) -> JobSpec:
    """Raises Invalid for wrong types, naming the field, and for what is not supported here."""
    for name, advice in UNSUPPORTED.items():
        if body.get(name):
            raise Invalid(_("%(name)s cannot be used on this site.") % {"name": name}, hint=advice)
    return JobSpec(
        image=_text(body, "dockerImage"),
        flavor=_text(body, "flavor"),
        command=_texts(body, "command"),
        arguments=_texts(body, "arguments"),
        environment=_mapping(body, "environment"),
        secrets=_mapping(body, "secrets"),
        labels=labels_from(body),
        volumes=[_volume(each) for each in _list(body, "volumes")],
        timeout_seconds=_number(body, "timeoutSeconds", None),
        attempts=_number(body, "attempts", 1) or 1,
    )


def labels_from(body: dict[str, Any]) -> dict[str, str]:
    return _mapping(body, "labels")


def _volume(value: object) -> VolumeWanted:
    if not isinstance(value, dict):
        raise _wrong("volumes", _("a list of objects"))
    read_only = value.get("readOnly")
    if read_only is not None and not isinstance(read_only, bool):
        raise _wrong("readOnly", _("true or false"))
    return VolumeWanted(
        type=_text(value, "type"),
        source=_text(value, "source"),
        mount_path=_text(value, "mountPath"),
        revision=_text(value, "revision") if value.get("revision") else "",
        read_only=read_only,
        path=_text(value, "path").strip("/") if value.get("path") else "",
    )


def _list(body: dict[str, Any], name: str) -> list[Any]:
    value = body.get(name) or []
    if not isinstance(value, list):
        raise _wrong(name, _("a list of objects"))
    return value


def _wrong(name: str, wanted: str) -> Invalid:
    return Invalid(_("%(name)s must be %(wanted)s.") % {"name": name, "wanted": wanted})


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise _wrong(name, _("a text of at most 200 characters"))
    return value


def _texts(body: dict[str, Any], name: str) -> list[str]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _wrong(name, _("a list of texts"))
    return value


def _mapping(body: dict[str, Any], name: str) -> dict[str, str]:
    value = body.get(name) or {}
    simple = str | int | float | bool
    if not isinstance(value, dict) or not all(isinstance(each, simple) for each in value.values()):
        raise _wrong(name, _("an object of texts"))
    return {key: each if isinstance(each, str) else str(each) for key, each in value.items()}


def _number(body: dict[str, Any], name: str, default: int | None) -> int | None:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(name, _("a whole number"))
    return value
