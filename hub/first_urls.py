"""What is asked for most: git, LFS, files by name, and lists. Each address that is tried before costs time."""

from django.urls import path, re_path

import hub.api.converters  # noqa: F401 - the parts of addresses below
from hub.api import git_http, lfs, listing, misc, resolve
from hub.enums import RepositoryKind
from hub.views.listing import repository_list

_REPOSITORY = "<prefix:kind><str:namespace>/<name:name>"

urlpatterns = [
    path("api/<kinds:kind>", listing.listing),
    path("api/quicksearch", listing.quick_search),
    path("api/models-tags-by-type", listing.tags_by_type, {"kind": RepositoryKind.MODEL}),
    path("api/datasets-tags-by-type", listing.tags_by_type, {"kind": RepositoryKind.DATASET}),
    path("models", repository_list, {"kind": RepositoryKind.MODEL}, name="model_list"),
    path("datasets", repository_list, {"kind": RepositoryKind.DATASET}, name="dataset_list"),
    path(f"{_REPOSITORY}/info/refs", git_http.info_refs),
    path(f"{_REPOSITORY}/git-upload-pack", git_http.upload_pack),
    path(f"{_REPOSITORY}/git-receive-pack", git_http.receive_pack),
    path(f"{_REPOSITORY}/info/lfs/objects/batch", lfs.batch),
    path(f"{_REPOSITORY}/resolve/<path:rest>", resolve.resolve),
    path(f"{_REPOSITORY}/raw/<path:rest>", resolve.raw),
    re_path(r"^(?P<rest>[^/]+)/resolve/.+$", misc.elsewhere),
]
