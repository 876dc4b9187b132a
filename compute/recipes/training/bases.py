"""Finished models that a recipe starts from or builds on, at an exact commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from huggingface_hub import HfApi, ModelCard, hf_hub_download, snapshot_download
from huggingface_hub.errors import RemoteEntryNotFoundError

from compute.recipes.hub import is_private, require_target, told_as_refusal
from compute.recipes.licences import require_base
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.training.config import PublishConfig, SourceConfig

# Never a pickle, never code: what is not on this list stays where it is.
WANTED = ["*.safetensors", "*.json", "*.txt", "*.model"]
INDEX, CONFIG = "model_index.json", "config.json"  # of a pipeline, and of a model by itself
LOCAL = "local"


def look_up_base(config: SourceConfig, *, key: str) -> Source:
    """The exact commit of the model; a local folder stands for itself. `key` names the setting."""
    if not config.id:
        raise Refused(f"Set '{key}.id' to a model on the hub or to a folder.")
    if Path(config.id).is_dir():
        return Source(config.id, LOCAL)
    with told_as_refusal(
        f"The model {config.id} at {config.revision} cannot be read",
        f"Check '{key}.id', and that the token in HF_TOKEN may read it.",
    ):
        info = HfApi().model_info(config.id, revision=config.revision)
    return Source(config.id, str(info.sha))


def look_up_finished(config: SourceConfig, *kinds: str, key: str = "base") -> Source | None:
    """The finished model to go on from, if one is named. Raises Refused, before it is downloaded, unless it is of one
    of these stock classes, in safetensors."""
    if not config.id:
        return None
    source = replace(look_up_base(config, key=key), kind="finetune")
    family = family_of(source)
    if family not in kinds:
        but = f" but a {family}" if family else ""
        raise Refused(f"{source.id} is no {' or '.join(kinds)}{but}. Choose one that is with '{key}.id'.")
    if not _has_safetensors(source):
        raise Refused(f"{source.id} has no weights in safetensors, and others are never read. Convert them first.")
    return source


def require_bases(sources: Sequence[Source], *, model_licence: str, accepted: str) -> None:
    """Raises Refused where a licence forbids that something under `model_licence` is made from one of these."""
    for source in sources:
        require_base(model=source.id, licences=licences_of(source), model_licence=model_licence, accepted=accepted)


def require_goal(goal: PublishConfig, *, datasets: Sequence[Source], models: Sequence[Source]) -> None:
    """Asks before training what is asked when the model is pushed. Raises Refused where it could not be, and where
    the card of a public model would name what is private."""
    if not goal.repo_id:
        return
    if not (goal.private or goal.show_private or is_private(goal.repo_id)):
        closed = [source.id for source in datasets if is_private(source.id, "dataset")]
        closed += [source.id for source in models if source.revision != LOCAL and is_private(source.id)]
        if closed:
            raise Refused(
                f"{' and '.join(closed)} cannot be read by everybody, and the card of {goal.repo_id} would name it and "
                "show what was made of it. Set 'publish.private' to true, or 'publish.show_private' if that is meant."
            )
    require_target(goal.repo_id, private=goal.private)


def called(source: Source) -> str:
    """How a card's code names a base. What it was called on the machine that trained is nobody's business."""
    return "FOLDER-OF-THE-BASE" if source.revision == LOCAL else source.id


def gone_on_from(earlier: Source | None) -> str:
    """How a card goes on about what the training began with, if that was not the base alone."""
    if earlier is None:
        return ""
    return f", trained further from {'one in a folder' if earlier.revision == LOCAL else earlier.id}"


def licences_of(source: Source) -> tuple[str, ...]:
    """The licence ids on the model's card, none when it names none."""
    if source.revision == LOCAL:
        card = Path(source.id) / "README.md"
        data = ModelCard.load(card).data if card.exists() else None
    else:
        with told_as_refusal(f"The model {source.id} cannot be read", "Try the same command again."):
            data = HfApi().model_info(source.id, revision=source.revision).card_data
    stated = getattr(data, "license", None) or ()
    return (stated,) if isinstance(stated, str) else tuple(str(each) for each in stated)


def folder_of(source: Source) -> Path:
    """The model's files on this machine, downloaded when need be."""
    if source.revision == LOCAL:
        return Path(source.id)
    with told_as_refusal(f"The model {source.id} cannot be downloaded", "Try the same command again."):
        return Path(snapshot_download(source.id, revision=source.revision, allow_patterns=WANTED))


def family_of(source: Source) -> str:
    """The stock class of the pipeline, or of the model by itself, as its own small file names it; empty when none
    does. Nothing else is downloaded."""
    for name in (INDEX, CONFIG):
        file = file_of(source, name)
        if file is not None:
            facts = json.loads(file.read_text(encoding="utf-8"))
            return str(facts.get("_class_name") or next(iter(facts.get("architectures") or ()), ""))
    return ""


def file_of(source: Source, name: str) -> Path | None:
    """One of its files, downloaded when need be; None when it has no such file."""
    if source.revision == LOCAL:
        file = Path(source.id) / name
        return file if file.exists() else None
    with told_as_refusal(f"The model {source.id} cannot be read", "Try the same command again."):
        try:
            return Path(hf_hub_download(source.id, name, revision=source.revision))
        except RemoteEntryNotFoundError:
            return None


def identity_of(source: Source) -> list[object]:
    """What a cache made with this model is named by. A folder's weights are known by size and time."""
    weights = sorted(folder_of(source).rglob("*.safetensors")) if source.revision == LOCAL else []
    marks = [[file.stat().st_size, file.stat().st_mtime_ns] for file in weights]
    return [source.id, source.revision, marks]


def forget_places(folder: Path) -> None:
    """Stock classes write into their files from where they were loaded: a place on this machine."""
    for file in folder.rglob(CONFIG):
        facts = json.loads(file.read_text(encoding="utf-8"))
        if facts.pop("_name_or_path", None) is not None:
            file.write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _has_safetensors(source: Source) -> bool:
    if source.revision == LOCAL:
        return any(Path(source.id).rglob("*.safetensors"))
    with told_as_refusal(f"The model {source.id} cannot be read", "Try the same command again."):
        return any(
            name.endswith(".safetensors") for name in HfApi().list_repo_files(source.id, revision=source.revision)
        )
