"""What of the hub a job finds as folders: who may, where, and what the program inside of it is told."""

import json
import os
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Forbidden, Invalid, NotFound, Refusal
from compute.backends import sandbox
from compute.journal import JobFolder
from compute.models import Job
from compute.volumes import RAW, TREE, VARIABLE
from hub.enums.repositories import RepositoryKind
from hub.models import Bucket, Repository
from hub.selectors.access import require_contents
from hub.selectors.buckets import bucket_for
from hub.selectors.repositories import repository_for
from hub.selectors.revisions import revision_of

MOST_VOLUMES = 16
BUCKET = "bucket"
KINDS = (BUCKET, RepositoryKind.MODEL.value, RepositoryKind.DATASET.value)
HOME = "/volumes"  # in the job, all of them by number


@dataclass(frozen=True)
class VolumeWanted:
    """As clients ask for it; the names are those of huggingface_hub's `Volume`."""

    type: str
    source: str
    mount_path: str
    revision: str = ""
    read_only: bool | None = None
    path: str = ""


def settled(wanted: list[VolumeWanted], *, namespace: Namespace, by: Principal) -> list[dict[str, Any]]:
    """What is written down with the job, revisions as commits. Raises Invalid, NotFound, Forbidden, or what the hub
    says of a gate."""
    if len(wanted) > MOST_VOLUMES:
        raise Invalid(_("A job has at most %(most)d volumes.") % {"most": MOST_VOLUMES})
    _check_places([volume.mount_path for volume in wanted])
    return [_settled(volume, namespace, by) for volume in wanted]


def wanted_again(job: Job) -> list[VolumeWanted]:
    """The same again, at the same commits."""
    return [
        VolumeWanted(
            volume["type"],
            volume["source"],
            volume["mountPath"],
            volume.get("revision", ""),
            volume["readOnly"],
            volume.get("path", ""),
        )
        for volume in job.volumes
    ]


def mounts_of(job: Job, folder: JobFolder) -> list[sandbox.Mount]:
    """Their folders on this machine, made where they are missing, and where the job finds them."""
    mounts = []
    for number, volume in enumerate(job.volumes):
        here = folder.volumes / str(number)
        folder.volumes.mkdir(exist_ok=True)
        here.mkdir(exist_ok=True)
        for path in (folder.volumes, here):
            path.chmod(0o711)
        for name in (RAW, TREE):
            sandbox.prepare_folder(here / name, job.id)
        mounts += [
            sandbox.Mount(str(here), f"{HOME}/{number}", read_only=False),
            sandbox.Mount(str(here / TREE), volume["mountPath"], read_only=volume["readOnly"]),
        ]
    return mounts


def argv_with(job: Job) -> list[str]:
    """Its command, behind the program that brings the volumes and gives back what changed."""
    return ["python", "-m", "compute.volumes", *job.argv] if job.volumes else job.argv


def environment_with(job: Job, folder: JobFolder, level: str) -> dict[str, str]:
    if not job.volumes:
        return {}
    home = str(folder.volumes) if level == "process" else HOME
    plan = [
        {
            "type": volume["type"],
            "source": volume["source"],
            "mount": volume["mountPath"],
            "folder": f"{home}/{number}",
            "revision": volume.get("revision", ""),
            "path": volume.get("path", ""),
            "read_only": volume["readOnly"],
        }
        for number, volume in enumerate(job.volumes)
    ]
    return {VARIABLE: json.dumps(plan)}


def _settled(wanted: VolumeWanted, namespace: Namespace, by: Principal) -> dict[str, Any]:
    if wanted.type not in KINDS:
        raise Invalid(
            _("A volume cannot be a %(type)s.") % {"type": wanted.type},
            hint=_("It is one of: %(types)s.") % {"types": ", ".join(KINDS)},
        )
    plain = {"type": wanted.type, "mountPath": wanted.mount_path} | ({"path": wanted.path} if wanted.path else {})
    _check_inside(wanted.path)
    if wanted.type == BUCKET:
        bucket = _visible(wanted, lambda: bucket_for(by, wanted.source))
        _require_reach(bucket, namespace)
        return plain | {"source": bucket.full_name, "readOnly": _is_read_only(wanted, bucket, namespace)}
    repository = _visible(wanted, lambda: repository_for(by, wanted.type, wanted.source))
    _require_reach(repository, namespace)
    require_contents(by, repository)
    commit = revision_of(repository, wanted.revision or "main").commit
    return plain | {"source": repository.full_name, "revision": commit, "readOnly": True}


def _visible(wanted: VolumeWanted, found: Any) -> Any:
    try:
        return found()
    except Refusal as refusal:
        raise NotFound(
            _("There is no %(type)s %(name)s that you may read.") % {"type": wanted.type, "name": wanted.source[:200]},
            hint=_("Check the volumes of the job."),
        ) from refusal


def _require_reach(home: Bucket | Repository, namespace: Namespace) -> None:
    """The token of the job reads what everybody may, and what is its namespace's own."""
    if home.is_private and home.namespace_id != namespace.pk:
        raise Forbidden(
            _("A job of %(namespace)s cannot read %(name)s, which is private to another name.")
            % {"namespace": namespace.name, "name": home.full_name},
            hint=_("Submit the job for %(owner)s if you may.") % {"owner": home.namespace.name},
        )


def _is_read_only(wanted: VolumeWanted, bucket: Bucket, namespace: Namespace) -> bool:
    if wanted.read_only:
        return True
    if bucket.namespace_id == namespace.pk:
        return False
    raise Forbidden(
        _("A job of %(namespace)s cannot write to %(name)s: it writes under its own name alone.")
        % {"namespace": namespace.name, "name": bucket.full_name},
        hint=_("Mount it to be read only, with :ro at the end."),
    )


def _check_places(places: list[str]) -> None:
    taken = [*sandbox.OWN_PLACES, HOME]
    for place in places:
        path = PurePosixPath(place)
        plain = place == os.path.normpath(place) and path.root == "/" and len(path.parts) > 1 and len(place) <= 200
        if not plain or "\0" in place:
            raise Invalid(
                _("%(path)s is no place for a volume.") % {"path": place[:200]},
                hint=_("Write an absolute path, such as /data."),
            )
        for other in map(PurePosixPath, taken):
            if path == other or path in other.parents or other in path.parents:
                raise Invalid(
                    _("A volume at %(path)s would be in the way of %(other)s.") % {"path": place, "other": other},
                    hint=_("Choose another place, such as /data."),
                )
        taken.append(place)


def _check_inside(path: str) -> None:
    is_plain = os.path.normpath(path) == path and not path.startswith(("/", "../")) and path not in {".", ".."}
    if path and (not is_plain or "\0" in path):
        raise Invalid(
            _("%(path)s is no path inside of a volume's source.") % {"path": path[:200]},
            hint=_("Write it as it is listed there, such as images/train."),
        )
