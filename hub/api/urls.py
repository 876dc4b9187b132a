"""Addresses under /api/ and /cas/."""

from django.urls import path

from hub.api import commits, converters, discussions, info, links, misc, people, refs, repositories, tree, xet
from hub.enums import RepositoryKind

converters.register()

_REPOSITORY = "api/<kinds:kind>/<str:namespace>/<str:name>"

urlpatterns = [
    path("api/whoami-v2", people.whoami),
    path("api/users/<str:name>/overview", people.user_overview),
    path("api/organizations/<str:name>/overview", people.organisation_overview),
    path("api/organizations/<str:name>/members", people.organisation_members),
    path("api/organizations/<str:name>/settings/repositories", people.own_repositories),
    path("api/settings/repositories", people.own_repositories),
    path("api/repos/create", repositories.create),
    path("api/repos/delete", repositories.delete),
    path("api/repos/move", repositories.move),
    path("api/validate-yaml", misc.validate_yaml),
    path("api/models-tags-by-type", misc.tags_by_type, {"kind": RepositoryKind.MODEL}),
    path("api/datasets-tags-by-type", misc.tags_by_type, {"kind": RepositoryKind.DATASET}),
    path("api/telemetry/<path:rest>", misc.telemetry),
    path("api/agent-harnesses", misc.agent_harnesses),
    path("api/tasks", misc.tasks),
    path("api/<kinds:kind>", info.listing),
    path(_REPOSITORY, info.detail),
    path(f"{_REPOSITORY}/revision/<path:rest>", info.detail),
    path(f"{_REPOSITORY}/settings", repositories.settings),
    path(f"{_REPOSITORY}/tree/<path:rest>", tree.tree),
    path(f"{_REPOSITORY}/paths-info/<path:rest>", tree.paths_info),
    path(f"{_REPOSITORY}/refs", refs.all_refs),
    path(f"{_REPOSITORY}/commits/<path:rest>", refs.commits),
    path(f"{_REPOSITORY}/branch/<path:rest>", refs.branch),
    path(f"{_REPOSITORY}/tag/<path:rest>", refs.tag),
    path(f"{_REPOSITORY}/super-squash/<path:rest>", refs.squash),
    path(f"{_REPOSITORY}/preupload/<path:rest>", commits.preupload),
    path(f"{_REPOSITORY}/commit/<path:rest>", commits.commit),
    path(f"{_REPOSITORY}/discussions", discussions.discussions),
    path(f"{_REPOSITORY}/discussions/<int:number>", discussions.details),
    path(f"{_REPOSITORY}/discussions/<int:number>/<str:action>", discussions.act),
    path(f"{_REPOSITORY}/discussions/<int:number>/comment/<str:comment>/<str:action>", discussions.comment),
    path(f"{_REPOSITORY}/auth-check", misc.auth_check),
    path(f"{_REPOSITORY}/auth-check/<str:rest>", misc.auth_check),
    path(f"{_REPOSITORY}/xet-read-token", xet.token, {"access": "read"}),
    path(f"{_REPOSITORY}/xet-read-token/<path:rest>", xet.token, {"access": "read"}),
    path(f"{_REPOSITORY}/xet-write-token", xet.token, {"access": "write"}),
    path(f"{_REPOSITORY}/xet-write-token/<path:rest>", xet.token, {"access": "write"}),
    path("api/<kinds:kind>/<path:rest>", misc.elsewhere),
    path("api/storage/objects/<str:sha256>", links.read_object),
    path("api/storage/xorbs/<str:xorb>", links.read_xorb),
    path("api/storage/uploads/<str:key>", links.upload_whole),
    path("api/storage/uploads/<str:key>/complete", links.complete_upload),
    path("api/storage/uploads/<str:key>/<int:number>", links.upload_part),
    path("api/storage/verify/<str:key>", links.verify_upload),
    path("cas/v1/chunks/<str:space>/<str:chunk>", xet.unknown_chunk),
    path("cas/v1/xorbs/<str:space>/<str:xorb>", xet.upload_xorb),
    path("cas/v1/shards", xet.upload_shard),
    path("cas/v2/shards", xet.upload_shard_v2),
    path("cas/v1/reconstructions/<str:file_hash>", xet.reconstruction, {"version": 1}),
    path("cas/v2/reconstructions/<str:file_hash>", xet.reconstruction, {"version": 2}),
    path("api/<path:rest>", misc.nowhere),
    path("cas/<path:rest>", misc.nowhere),
]
