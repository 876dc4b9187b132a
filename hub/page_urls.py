"""Addresses of pages. They come last of all: a namespace may be called anything that is not reserved."""

from django.urls import path
from django.urls.converters import StringConverter, register_converter

import hub.api.converters  # noqa: F401 - the parts of addresses below
from hub.views import (
    access,
    buckets,
    bulk,
    citing,
    collections,
    dataset_viewer,
    discussions,
    disputes,
    downloads,
    editing,
    files,
    imports,
    lineage,
    notices,
    opt_outs,
    publishers,
    repositories,
    safety,
    settings,
    sitemaps,
    social,
    storage,
    uploading,
    webhooks,
)


class NamePart(StringConverter):
    """One segment that can be a namespace or a repository."""

    regex = r"[A-Za-z0-9_][A-Za-z0-9._-]*"


register_converter(NamePart, "part")

urlpatterns = [
    path("sitemap.xml", sitemaps.index),
    path("sitemap-<int:number>.xml", sitemaps.page),
    path("settings/bulk", bulk.own_grants, name="bulk_own"),
    path("settings/bulk/<int:number>/end", bulk.grant_end, name="bulk_end"),
    path("bulk", bulk.public_list, name="bulk_list"),
    path("settings/storage", storage.storage_page, name="own_storage"),
    path("settings/storage/<part:name>", storage.storage_page, name="storage"),
    path("new", repositories.repository_create, name="repository_create"),
    path("settings/access", access.own_requests, name="access_own"),
    path("credits/<int:credit_id>/answer", lineage.credit_answer, name="credit_answer"),
    path("report", safety.report_create, name="report_create"),
    path("report/<str:key>", safety.report_follow, name="report_follow"),
    path("reports/<int:number>", safety.report_page, name="report_page"),
    path("register", safety.register, name="register"),
    path("desk/reports", safety.desk, name="desk"),
    path("desk/reports/<int:number>", safety.desk_report, name="desk_report"),
    path("desk/reports/<int:number>/act", safety.desk_act, name="desk_act"),
    path("disputes", disputes.dispute_list, name="dispute_list"),
    path("disputes/<int:number>", disputes.dispute_page, name="dispute"),
    path("opt-outs/<int:number>", opt_outs.opt_out_page, name="opt_out_page"),
    path("opt-outs/<int:number>/act", opt_outs.opt_out_act, name="opt_out_act"),
    path("notices/<int:notice_id>/read", notices.notice_read, name="notice_read"),
    path("credits/mentions/<int:mention_id>/claim", lineage.mention_claim, name="mention_claim"),
    path("lineage/<int:edge_id>/confirm", lineage.edge_answer, {"confirm": True}, name="edge_confirm"),
    path("lineage/<int:edge_id>/deny", lineage.edge_answer, {"confirm": False}, name="edge_deny"),
    path("buckets/<part:namespace>/<part:name>", buckets.bucket_page),
    path("buckets/<part:namespace>/<part:name>/tree/<path:folder>", buckets.bucket_page),
    path("collections", collections.collection_list, name="collection_list"),
    path("collections/new", collections.collection_create, name="collection_create"),
    path("collections/<part:namespace>", collections.collection_list),
    path("collections/<part:namespace>/<part:slug>", collections.collection_page),
    path("collections/<part:namespace>/<part:slug>/edit", collections.collection_act, {"act": "edit"}),
    path("collections/<part:namespace>/<part:slug>/add", collections.collection_act, {"act": "add"}),
    path("collections/<part:namespace>/<part:slug>/delete", collections.collection_act, {"act": "delete"}),
    path("collections/<part:namespace>/<part:slug>/items/<str:key>", collections.item_act),
    path("settings/following/<part:name>", social.follow, name="follow"),
    path("settings/webhooks", webhooks.webhook_list, name="webhook_list"),
    path("settings/webhooks/<str:key>", webhooks.webhook_page, name="webhook"),
    path("settings/webhooks/<str:key>/act", webhooks.webhook_act, name="webhook_act"),
    path("settings/webhooks/<str:key>/deliveries/<str:delivery>", webhooks.delivery_again, name="delivery_again"),
    path("import", imports.import_create, name="import_create"),
    path("settings/imports", imports.import_list, name="import_list"),
    path("settings/imports/<str:key>", imports.import_page, name="import"),
    path("settings/imports/<str:key>/live", imports.import_live, name="import_live"),
    path("settings/imports/<str:key>/act", imports.import_act, name="import_act"),
    path("users/<part:name>/followers", social.followers, name="followers"),
    path("users/<part:name>/following", social.following, name="following"),
    path("users/<part:name>/likes", social.likes, name="likes"),
    path("datasets/<part:namespace>/<part:name>/viewer", dataset_viewer.viewer),
    path("datasets/<part:namespace>/<part:name>/viewer/<str:config>/<str:split>", dataset_viewer.viewer),
    path("datasets/<part:namespace>/<part:name>/sql", dataset_viewer.sql_page),
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
        path(f"{base}/compare", files.compare_form, extra),
        path(f"{base}/compare/<path:rest>", files.compare, extra),
        path(f"{base}/edit/<path:rest>", editing.edit, extra),
        path(f"{base}/new/<path:rest>", editing.create, extra),
        path(f"{base}/upload/<path:rest>", uploading.upload, extra),
        path(f"{base}/move/<path:rest>", editing.move, extra),
        path(f"{base}/delete/<path:rest>", editing.delete, extra),
        path(f"{base}/preview", editing.preview, extra),
        path(f"{base}/cite.bib", citing.cite, extra | {"form": "bib"}),
        path(f"{base}/cite.cff", citing.cite, extra | {"form": "cff"}),
        path(f"{base}/lineage", lineage.lineage_page, extra),
        path(f"{base}/downloads", downloads.downloads_page, extra),
        path(f"{base}/credits", disputes.credits_edit, extra),
        path(f"{base}/disputes/new", disputes.dispute_create, extra),
        path(f"{base}/disputes/<int:number>", disputes.dispute_moved, extra),
        path(f"{base}/discussions", discussions.discussion_list, extra),
        path(f"{base}/discussions/new", discussions.discussion_create, extra),
        path(f"{base}/discussions/<int:number>", discussions.discussion_page, extra),
        path(f"{base}/discussions/<int:number>/act", discussions.discussion_act, extra),
        path(f"{base}/discussions/<int:number>/hide/<int:comment>", discussions.comment_hide, extra),
        path(f"{base}/like", social.like, extra),
        path(f"{base}/likers", social.likers, extra),
        path(f"{base}/collect", collections.collect, extra),
        path(f"{base}/settings/publishers", publishers.publisher_list, extra),
        path(f"{base}/settings", settings.repository_settings, extra),
        path(f"{base}/duplicate", settings.repository_duplicate, extra),
        path(f"{base}/ask-access", access.ask, extra),
        path(f"{base}/access", access.request_list, extra),
        path(f"{base}/access/grant", access.grant, extra),
        path(f"{base}/access/<int:number>", access.request_page, extra),
        path(f"{base}/access/<int:number>/act", access.act, extra),
    ]
    if prefix == "datasets":
        urlpatterns += [
            path(f"{base}/opt-outs", opt_outs.opt_out_list, extra),
            path(f"{base}/opt-outs/new", opt_outs.opt_out_create, extra),
        ]
