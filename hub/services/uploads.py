"""Files that come in one form of a browser, for those without JavaScript: one commit."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Invalid
from hub.algorithms.patterns import is_lfs, lfs_rules
from hub.algorithms.uploading import SAMPLE, looks_large
from hub.git.commits import AddBytes, AddPointer, Operation
from hub.models import Repository
from hub.selectors.revisions import Revision, read_text
from hub.services import commits, discussions, objects
from hub.services.edits import Made

MAX_TOTAL = 64 * 1024 * 1024


@dataclass(frozen=True)
class SentFile:
    """A file and the path it is to have."""

    path: str
    file: UploadedFile


def commit_files(
    repository: Repository,
    at: Revision,
    sent: Sequence[SentFile],
    *,
    by: Principal,
    message: str,
    description: str = "",
    as_pull_request: bool = False,
) -> Made:
    """Store what is large, then commit. The caller has checked that this person may upload there.

    Raises Invalid when it is too much at once, and what `commits.commit` raises.
    """
    if sum(one.file.size or 0 for one in sent) > MAX_TOTAL:
        raise Invalid(
            _("That is too much for one form."),
            hint=_("Switch on JavaScript, or upload with: hf upload"),
        )
    rules = lfs_rules(read_text(at, ".gitattributes") or "")
    operations: list[Operation] = []
    for one in sent:
        size = one.file.size or 0
        sample = one.file.read(SAMPLE)
        one.file.seek(0)
        if is_lfs(one.path, rules) or looks_large(size, sample):
            digest = hashlib.sha256()
            for block in one.file.chunks():
                digest.update(block)
            one.file.seek(0)
            objects.receive(repository, digest.hexdigest(), size, one.file, by=by)
            operations.append(AddPointer(one.path, digest.hexdigest(), size))
        else:
            operations.append(AddBytes(one.path, one.file.read()))
    words = {"message": message, "description": description}
    if as_pull_request:
        opened, result = discussions.propose(repository, operations, by=by, target=at.name, **words)
        return Made(result, opened)
    return Made(commits.commit(repository, operations, by=by, branch=at.name, **words), None)
