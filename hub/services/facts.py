"""What the files at the head of the default branch say about a repository."""

import json
from collections.abc import Callable
from typing import Any

from hub.algorithms import cards, evaluations
from hub.git import reading
from hub.git.errors import EntryMissing
from hub.git.repositories import Repository as GitRepository
from hub.git.repositories import open_repository
from hub.models import Repository

_LIMIT = 1024 * 1024
_LIBRARY_FILES = (
    ("model_index.json", "diffusers"),
    ("adapter_config.json", "peft"),
    ("config_sentence_transformers.json", "sentence-transformers"),
)
_FORMATS = ((".safetensors", "safetensors"), (".gguf", "gguf"), (".onnx", "onnx"))
_DATA_FORMATS = ((".parquet", "parquet"), (".csv", "csv"), (".jsonl", "json"), (".json", "json"), (".arrow", "arrow"))


def read_facts(repository: Repository, commit: str) -> dict[str, Any]:
    """The fields of Repository that follow from its files."""
    repo = open_repository(repository.path)

    def text(path: str) -> str:
        try:
            return reading.read_file(repo, commit, path, limit=_LIMIT).decode("utf-8", "replace")
        except EntryMissing:
            return ""

    card = cards.parse(text("README.md"))
    names = reading.file_names(repo, commit)
    config = _config(_json(text("config.json")), _json(text("model_index.json")), _json(text("adapter_config.json")))
    library = card.library_name or _library(names, config)
    tags = [*_file_tags(repository.kind, names, library, config), *cards.tags_of(card, repository.kind)]
    return {
        "card": card.metadata,
        "tags": list(dict.fromkeys(tags)),
        "license": card.license,
        "pipeline_tag": card.pipeline_tag,
        "library_name": library if repository.kind == "model" else "",
        "config": config,
        "eval_results": _evaluations(repo, commit, text),
    }


def facts_follow(path: str) -> bool:
    """Whether a change of this file may change the facts: of no file elsewhere is a word read."""
    return "/" not in path or path.startswith(f"{evaluations.FOLDER}/")


def _evaluations(repo: GitRepository, commit: str, text: Callable[[str], str]) -> list[dict[str, Any]]:
    names = reading.file_names(repo, commit, evaluations.FOLDER)
    files = sorted(f"{evaluations.FOLDER}/{name}" for name in names if name.endswith(evaluations.ENDINGS))
    entries = [entry for path in files[: evaluations.MAX_FILES] for entry in evaluations.read_file(text(path), path)]
    return entries[: evaluations.MAX_RESULTS]


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _config(config: dict[str, Any], model_index: dict[str, Any], adapter: dict[str, Any]) -> dict[str, Any]:
    """The excerpt that the protocol calls `config`."""
    found: dict[str, Any] = {}
    for key in ("architectures", "model_type"):
        value = config.get(key)
        if isinstance(value, str):
            found[key] = _short(value)
        elif isinstance(value, list):
            found[key] = [_short(word) for word in value[:50] if isinstance(word, str)]
    if isinstance(model_index.get("_class_name"), str):
        found["diffusers"] = {"_class_name": _short(model_index["_class_name"])}
    elif isinstance(config.get("_class_name"), str):
        found["diffusers"] = {"_class_name": _short(config["_class_name"])}
    if isinstance(adapter.get("base_model_name_or_path"), str):
        found["peft"] = {"base_model_name_or_path": _short(adapter["base_model_name_or_path"])}
    return found


def _library(names: list[str], config: dict[str, Any]) -> str:
    for file, library in _LIBRARY_FILES:
        if file in names:
            return library
    if "diffusers" in config:
        return "diffusers"
    return "transformers" if "model_type" in config and "config.json" in names else ""


def _file_tags(kind: str, names: list[str], library: str, config: dict[str, Any]) -> list[str]:
    if kind == "dataset":
        formats = [f"format:{tag}" for ending, tag in _DATA_FORMATS if any(name.endswith(ending) for name in names)]
        return formats[:1]
    if kind != "model":
        return []
    tags = [library] if library else []
    tags += [tag for ending, tag in _FORMATS if any(name.endswith(ending) for name in names)]
    if isinstance(config.get("model_type"), str):
        tags.append(config["model_type"])
    if "diffusers" in config:
        tags.append(f"diffusers:{config['diffusers']['_class_name']}")
    return tags


def _short(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:200]
