"""Which data, exactly, and under which licences: asked before anything is downloaded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from huggingface_hub import DatasetCard, HfApi

from compute.recipes.hub import told_as_refusal
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused

TOGETHER = 2**20  # bytes of a file that are in memory at one time


class Place(Protocol):
    """Where a data set is."""

    @property
    def id(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def revision(self) -> str: ...


@dataclass(frozen=True)
class DatasetFacts:
    """Which data, exactly, and under which licences its card puts it."""

    source: Source
    licences: tuple[str, ...]


def look_up(place: Place) -> DatasetFacts:
    """The exact revision and the licences, before anything is downloaded.

    The hub's address and token come from HF_ENDPOINT and HF_TOKEN. Raises Refused when
    the data set cannot be found.
    """
    if place.path:
        return _look_up_folder(Path(place.path))
    with told_as_refusal(
        f"The data set {place.id} at {place.revision} cannot be read",
        "Check 'dataset.id', and that the token in HF_TOKEN may read it.",
    ):
        info = HfApi().dataset_info(place.id, revision=place.revision)
        # What is behind a gate tells who it is, and not what is in it.
        HfApi().auth_check(place.id, repo_type="dataset")
    return DatasetFacts(Source(place.id, str(info.sha)), _licences(info.card_data))


def _look_up_folder(folder: Path) -> DatasetFacts:
    card = folder / "README.md"
    files = sorted(path for path in folder.rglob("*") if path != card and _is_visible_file(path, folder))
    if not files:
        raise Refused(f"The folder {folder} holds no data. Check 'dataset.path'.")
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            while part := file.read(TOGETHER):
                digest.update(part)
    licences = _licences(DatasetCard.load(card).data) if card.exists() else ()
    return DatasetFacts(Source(f"local/{folder.resolve().name}", digest.hexdigest()), licences)


def _is_visible_file(path: Path, folder: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)


def _licences(card_data: Any) -> tuple[str, ...]:
    stated = getattr(card_data, "license", None) or ()
    return (stated,) if isinstance(stated, str) else tuple(str(each) for each in stated)
