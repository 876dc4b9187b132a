"""Addresses below a repository's own: git, LFS, and files by name."""

from django.urls import path, re_path

import hub.api.converters  # noqa: F401 - the parts of addresses below
from hub.api import git_http, lfs, misc, resolve

_REPOSITORY = "<prefix:kind><str:namespace>/<name:name>"

urlpatterns = [
    path(f"{_REPOSITORY}/info/refs", git_http.info_refs),
    path(f"{_REPOSITORY}/git-upload-pack", git_http.upload_pack),
    path(f"{_REPOSITORY}/git-receive-pack", git_http.receive_pack),
    path(f"{_REPOSITORY}/info/lfs/objects/batch", lfs.batch),
    path(f"{_REPOSITORY}/resolve/<path:rest>", resolve.resolve),
    path(f"{_REPOSITORY}/raw/<path:rest>", resolve.raw),
    re_path(r"^(?P<rest>[^/]+)/resolve/.+$", misc.elsewhere),
]
