"""Repositories, files and commits as the protocol spells them (hub-api.md, info and listing)."""

from typing import Any

from common.errors import Invalid
from hub.api.protocol import date
from hub.enums import GateMode
from hub.models import Repository, ScanResult
from hub.selectors import File
from hub.selectors.scanning import file_status

_COMMON = {
    "author", "cardData", "createdAt", "disabled", "lastModified", "likes", "private", "resourceGroup", "sha",
    "siblings", "tags", "trendingScore", "usedStorage",
}  # fmt: skip
_COUNTED = {"downloads", "downloadsAllTime", "gated"}
EXPANDABLE = {
    "model": _COMMON | _COUNTED | {
        "baseModels", "childrenModelCount", "config", "evalResults", "gguf", "inference", "inferenceProviderMapping",
        "library_name", "mask_token", "model-index", "pipeline_tag", "safetensors", "securityRepoStatus", "spaces",
        "transformersInfo", "widgetData",
    },
    "dataset": _COMMON | _COUNTED | {"citation", "description", "mainSize", "paperswithcode_id"},
    "space": _COMMON | {"datasets", "models", "region", "runtime", "sdk", "subdomain"},
    "kernel": _COMMON | _COUNTED,
}  # fmt: skip


def checked_expand(kind: str, asked: list[str]) -> list[str]:
    """The properties a client wants. Raises Invalid for one that nobody knows."""
    unknown = [name for name in asked if name not in EXPANDABLE[kind]]
    if unknown:
        raise Invalid(f'"expand" must be one of [{", ".join(sorted(EXPANDABLE[kind]))}], not {unknown[0]!r}')
    return asked


def info(
    repository: Repository,
    *,
    sha: str | None = None,
    siblings: list[dict[str, Any]] | None = None,
    expand: list[str] | None = None,
    card: bool = True,
) -> dict[str, Any]:
    """One repository. With `expand` only identity and what was asked for."""
    every = _properties(repository, sha or repository.head, siblings)
    identity = {"_id": f"{repository.pk:024x}", "id": repository.full_name}
    if repository.kind == "model":
        identity["modelId"] = repository.full_name
    if expand:
        return identity | {name: every[name] for name in expand if name in every}
    default = [name for name in every if name not in _ONLY_WHEN_ASKED and (card or name != "cardData")]
    return identity | {name: every[name] for name in default if every[name] is not None}


_ONLY_WHEN_ASKED = {"downloadsAllTime", "trendingScore", "baseModels", "childrenModelCount", "resourceGroup"}


def _properties(repository: Repository, sha: str, siblings: list[dict[str, Any]] | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "author": repository.namespace.name,
        "sha": sha,
        "private": repository.is_private,
        "gated": GateMode(repository.gated).on_the_wire,
        "disabled": repository.is_disabled,
        "downloads": repository.downloads,
        "downloadsAllTime": repository.downloads,
        "likes": repository.likes,
        "trendingScore": 0,
        "tags": repository.tags,
        "createdAt": date(repository.created_at),
        "lastModified": date(repository.updated_at),
        "usedStorage": repository.used_storage,
        "cardData": repository.card or None,
        "siblings": siblings,
        "resourceGroup": None,
    }
    if repository.kind == "model":
        found |= _model(repository)
    if repository.kind == "dataset":
        found["description"] = repository.card.get("description")
    if repository.kind == "space":
        found |= {
            "sdk": repository.card.get("sdk"),
            "subdomain": repository.full_name.replace("/", "-").replace(".", "-").lower(),
            "models": repository.card.get("models", []),
            "datasets": repository.card.get("datasets", []),
        }
    return found


def _model(repository: Repository) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "pipeline_tag": repository.pipeline_tag or None,
        "library_name": repository.library_name or None,
        "config": repository.config or None,
        "model-index": repository.card.get("model-index"),
        "mask_token": None,
        "spaces": [],
    }
    if repository.library_name == "transformers" and isinstance(repository.config.get("architectures"), list):
        facts["transformersInfo"] = {
            "auto_model": (repository.config["architectures"] or ["AutoModel"])[0],
            "pipeline_tag": repository.pipeline_tag or None,
        }
    return facts


def sibling(file: File, *, blobs: bool = False) -> dict[str, Any]:
    """A file in the list of a repository's info."""
    found: dict[str, Any] = {"rfilename": file.path}
    if blobs:
        found |= {"blobId": file.oid, "size": file.size}
        if file.lfs_sha256:
            found["lfs"] = {"sha256": file.lfs_sha256, "size": file.size, "pointerSize": file.pointer_size}
    return found


def tree_entry(file: File, *, expand: bool = False, result: ScanResult | None = None) -> dict[str, Any]:
    """A file or folder in a tree; `result` is what its inspection found."""
    found: dict[str, Any] = {
        "type": "directory" if file.is_folder else "file",
        "oid": file.oid,
        "size": file.size,
        "path": file.path,
    }
    if file.lfs_sha256:
        found["lfs"] = {"oid": file.lfs_sha256, "size": file.size, "pointerSize": file.pointer_size}
    if file.xet_hash:
        found["xetHash"] = file.xet_hash
    if expand and file.last_commit is not None:
        commit = file.last_commit
        found["lastCommit"] = {"id": commit.oid, "title": commit.title, "date": date(commit.date)}
    if expand and not file.is_folder:
        found["securityFileStatus"] = file_status(result)
    return found
