"""Brings model versions to local folders with the stock client, and keeps those folders within a size."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import snapshot_download

from inference.engine.folders import SAFE_FILES, weights_size
from inference.engine.leases import lease
from inference.engine.requests import ModelKey, ModelRefused

MARK = ".complete"
LEASES = ".leases"


class Downloads:
    """Folders `root/<ns>--<name>/<commit>`, for any number of processes.

    The least recently used go first when `max_bytes` is passed, never one that somebody holds: so much may stay.
    """

    def __init__(
        self, root: Path, *, endpoint: str, max_bytes: int = 64 * 2**30, files: Sequence[str] = SAFE_FILES
    ) -> None:
        self.root = root
        self.endpoint = endpoint
        self.max_bytes = max_bytes
        self.files = list(files)

    @contextmanager
    def held(self, key: ModelKey, token: str | None = None) -> Iterator[Path]:
        """The folder with this version, downloaded when it is not here yet; nobody takes it away meanwhile.

        Raises ModelRefused when it cannot be read with this token, or lacks parts.
        """
        folder = self.root / key.repository.replace("/", "--") / key.commit
        with lease(self._lease_of(folder)) as held:
            held.share()
            while not (folder / MARK).exists():
                held.take_alone()
                # Somebody else may have brought it while this one waited.
                if not (folder / MARK).exists():
                    self._download(key, folder, token)
                    (folder / MARK).touch()
                held.share()
                self._make_room()
            os.utime(folder / MARK)
            yield folder

    def _download(self, key: ModelKey, folder: Path, token: str | None) -> None:
        try:
            snapshot_download(
                key.repository,
                revision=key.commit,
                endpoint=self.endpoint,
                # False, not None: the engine must never use a token that lies around on its machine.
                token=token or False,
                local_dir=folder,
                allow_patterns=self.files,
            )
        except Exception as error:
            raise ModelRefused("missing_part", f"{type(error).__name__}: {error}"[:300]) from error

    def _make_room(self) -> None:
        """One process at a time, or two would take away what one was enough for."""
        with lease(self.root / LEASES / "room") as room:
            room.take_alone()
            kept = sorted(self.root.glob(f"*/*/{MARK}"), key=lambda mark: mark.stat().st_mtime)
            sizes = {mark.parent: weights_size(mark.parent) for mark in kept}
            for folder in sizes:
                if sum(sizes.values()) <= self.max_bytes:
                    return
                with lease(self._lease_of(folder)) as wanted:
                    if wanted.alone_at_once():
                        _forget(folder)
                        sizes[folder] = 0

    def _lease_of(self, folder: Path) -> Path:
        return self.root / LEASES / f"{folder.parent.name}--{folder.name}"


def _forget(folder: Path) -> None:
    """The mark first: who is killed in the middle leaves a folder that is downloaded anew.

    Weights that are mapped into memory stay readable after the file is gone.
    """
    (folder / MARK).unlink()
    shutil.rmtree(folder, ignore_errors=True)
