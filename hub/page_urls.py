"""Addresses of pages. They come last of all: a namespace may be called anything that is not reserved."""

from django.urls import path
from django.urls.converters import StringConverter, register_converter

from hub.enums import RepositoryKind
from hub.views import buckets, discussions, files, lineage, publishers, repositories, storage


class NamePart(StringConverter):
    """One segment that can be a namespace or a repository."""

    regex = r"[A-Za-z0-9_][A-Za-z0-9._-]*"


register_converter(NamePart, "part")

urlpatterns = [
    path("models", repositories.repository_list, {"kind": RepositoryKind.MODEL}, name="model_list"),
    path("datasets", repositories.repository_list, {"kind": RepositoryKind.DATASET}, name="dataset_list"),
    path("settings/storage", storage.storage_page, name="own_storage"),
    path("settings/storage/<part:name>", storage.storage_page, name="storage"),
    path("new", repositories.repository_create, name="repository_create"),
    path("credits/<int:credit_id>/answer", lineage.credit_answer, name="credit_answer"),
    path("lineage/<int:edge_id>/confirm", lineage.edge_confirm, name="edge_confirm"),
    path("buckets/<part:namespace>/<part:name>", buckets.bucket_page),
    path("buckets/<part:namespace>/<part:name>/tree/<path:folder>", buckets.bucket_page),
    path("<part:namespace>", repositories.namespace_page, name="namespace"),
]
for prefix in ("datasets", "spaces", "kernels", ""):
    base = f"{prefix}/<part:namespace>/<part:name>" if prefix else "<part:namespace>/<part:name>"
    extra = {"prefix": prefix}
    urlpatterns += [
        path(base, repositories.repository_page, extra),
        path(f"{base}/tree/<path:rest>", files.tree, extra),
        path(f"{base}/blob/<path:rest>", files.blob, extra),
        path(f"{base}/commits/<path:rest>", files.commits, extra),
        path(f"{base}/commit/<str:oid>", files.commit, extra),
        path(f"{base}/lineage", lineage.lineage_page, extra),
        path(f"{base}/discussions", discussions.discussion_list, extra),
        path(f"{base}/discussions/new", discussions.discussion_create, extra),
        path(f"{base}/discussions/<int:number>", discussions.discussion_page, extra),
        path(f"{base}/discussions/<int:number>/act", discussions.discussion_act, extra),
        path(f"{base}/discussions/<int:number>/hide/<int:comment>", discussions.comment_hide, extra),
        path(f"{base}/settings", repositories.repository_settings, extra),
        path(f"{base}/settings/publishers", publishers.publisher_list, extra),
    ]
