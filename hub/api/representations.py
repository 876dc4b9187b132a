"""Repositories, files and commits as the protocol spells them (hub-api.md, info and listing)."""

from collections.abc import Callable
from functools import cache
from typing import Any

from common.errors import Invalid
from hub.api.protocol import date
from hub.enums import GateMode, RepositoryKind
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


def columns_for(expand: list[str], *, card: bool, config: bool) -> list[str]:
    """The columns that `info` needs: cards and configurations are long, and read only for those who ask."""
    wanted = {*_IDENTITY, *(_COLUMNS if not expand else ())}
    for name in expand:
        wanted |= set(_COLUMNS_OF.get(name, ()))
    if not expand:
        wanted |= {"card"} if card else set()
        wanted |= {"config", "weights"} if config else set()
    return sorted(wanted)


def info(
    repository: Repository,
    *,
    sha: str | None = None,
    siblings: list[dict[str, Any]] | None = None,
    children: int = 0,
    expand: list[str] | None = None,
    card: bool = True,
    config: bool = True,
) -> dict[str, Any]:
    """One repository. With `expand` only identity and what was asked for; without, nothing that is empty."""
    found: dict[str, Any] = {"_id": f"{repository.pk:024x}", "id": repository.full_name}
    if repository.kind == RepositoryKind.MODEL:
        found["modelId"] = repository.full_name
    given = {"siblings": siblings, "childrenModelCount": children}
    if not expand or "sha" in expand:
        given["sha"] = sha or repository.head
    for name in expand or names_given(repository.kind, card=card, config=config):
        read = _PROPERTIES.get(name)
        value = read(repository) if read is not None else given[name] if name in given else SAME_FOR_ALL[name]
        if value is not None or expand:
            found[name] = value
    return found


@cache
def names_given(kind: str, *, card: bool, config: bool) -> list[str]:
    """The properties that are given unasked."""
    left_out = (set() if card else _FROM_CARD) | (set() if config else _FROM_CONFIG)
    return [name for name in _DEFAULT[kind] if name not in left_out]


def _base_models(repository: Repository) -> list[str]:
    value = repository.card.get("base_model")
    return [name for name in (value if isinstance(value, list) else [value]) if isinstance(name, str)]


def _transformers(repository: Repository) -> dict[str, Any] | None:
    architectures = repository.config.get("architectures")
    if repository.library_name != "transformers" or not isinstance(architectures, list):
        return None
    return {"auto_model": (architectures or ["AutoModel"])[0], "pipeline_tag": repository.pipeline_tag or None}


# What nobody here knows is None, or empty where clients expect a list: no scanner, no providers, no apps.
SAME_FOR_ALL: dict[str, Any] = {
    "resourceGroup": None,
    "mask_token": None,
    "spaces": [],
    "inference": None,
    "inferenceProviderMapping": [],
    "securityRepoStatus": None,
    "widgetData": None,
    "citation": None,
    "mainSize": None,
    "region": None,
    "runtime": {"stage": "NO_APP_FILE", "hardware": None},
}
_PROPERTIES: dict[str, Callable[[Repository], Any]] = {
    "author": lambda one: one.namespace.name,
    "private": lambda one: one.is_private,
    "gated": lambda one: GateMode(one.gated).on_the_wire,
    "disabled": lambda one: one.is_disabled,
    "downloads": lambda one: one.downloads,
    "likes": lambda one: one.likes,
    "downloadsAllTime": lambda one: one.downloads_all_time,
    "trendingScore": lambda one: round(one.trending / 100),
    "tags": lambda one: one.tags,
    "createdAt": lambda one: date(one.created_at),
    "lastModified": lambda one: date(one.updated_at),
    "usedStorage": lambda one: one.used_storage,
    "cardData": lambda one: one.card or None,
    "pipeline_tag": lambda one: one.pipeline_tag or None,
    "library_name": lambda one: one.library_name or None,
    "config": lambda one: one.config or None,
    "model-index": lambda one: one.card.get("model-index"),
    "evalResults": lambda one: one.eval_results,
    "safetensors": lambda one: one.weights.get("safetensors"),
    "gguf": lambda one: one.weights.get("gguf"),
    "baseModels": _base_models,
    "transformersInfo": _transformers,
    "description": lambda one: one.card.get("description"),
    "paperswithcode_id": lambda one: one.card.get("paperswithcode_id"),
    "sdk": lambda one: one.card.get("sdk"),
    "subdomain": lambda one: one.full_name.replace("/", "-").replace(".", "-").lower(),
    "models": lambda one: one.card.get("models", []),
    "datasets": lambda one: one.card.get("datasets", []),
}
_ALWAYS = (
    "author", "sha", "private", "gated", "disabled", "downloads", "likes", "tags", "createdAt", "lastModified",
    "usedStorage", "cardData", "siblings",
)  # fmt: skip
_DEFAULT = {
    "model": (
        *_ALWAYS, "pipeline_tag", "library_name", "config", "model-index", "safetensors", "gguf", "spaces",
        "transformersInfo",
    ),
    "dataset": (*_ALWAYS, "description"),
    "space": (*_ALWAYS, "sdk", "subdomain", "models", "datasets"),
    "kernel": _ALWAYS,
}  # fmt: skip
_FROM_CARD = {"cardData", "model-index", "description", "sdk", "models", "datasets"}
_FROM_CONFIG = {"config", "transformersInfo", "safetensors", "gguf"}
_IDENTITY = ("kind", "name", "namespace__name")
_COLUMNS = (
    "visibility", "gated", "default_branch", "created_at", "updated_at", "downloads", "likes", "head", "tags",
    "pipeline_tag", "library_name", "used_storage", "is_disabled",
)  # fmt: skip
_COLUMNS_OF = {
    "gated": ["gated"], "private": ["visibility"], "disabled": ["is_disabled"],
    "downloads": ["downloads"], "likes": ["likes"], "downloadsAllTime": ["downloads_all_time"],
    "trendingScore": ["trending"], "tags": ["tags"], "createdAt": ["created_at"], "lastModified": ["updated_at"],
    "usedStorage": ["used_storage"], "sha": ["head"], "siblings": ["default_branch"],
    "pipeline_tag": ["pipeline_tag"], "library_name": ["library_name"], "config": ["config"],
    "evalResults": ["eval_results"],
    "safetensors": ["weights"], "gguf": ["weights"], "transformersInfo": ["config", "library_name", "pipeline_tag"],
} | {
    name: ["card"]
    for name in (
        "cardData", "model-index", "baseModels", "description", "paperswithcode_id", "sdk", "models", "datasets",
    )
}  # fmt: skip


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
