"""Brings model versions to local folders with the stock client, and keeps those folders within a size."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import snapshot_download

from inference.engine.folders import SAFE_FILES, weights_size
from inference.engine.requests import ModelKey, ModelRefused

MARK = ".complete"


class Downloads:
    """Folders `root/<ns>--<name>/<commit>`; the least recently used go first when `max_bytes` is passed."""

    def __init__(
        self, root: Path, *, endpoint: str, max_bytes: int = 64 * 2**30, files: Sequence[str] = SAFE_FILES
    ) -> None:
        self.root = root
        self.endpoint = endpoint
        self.max_bytes = max_bytes
        self.files = list(files)
        self._lock = threading.Lock()

    def folder(self, key: ModelKey, token: str | None = None) -> Path:
        """The folder with this version, downloaded when it is not here yet.

        Raises ModelRefused when it cannot be read with this token, or lacks parts.
        """
        folder = self.root / key.repository.replace("/", "--") / key.commit
        with self._lock:
            if not (folder / MARK).exists():
                self._download(key, folder, token)
                (folder / MARK).touch()
                self._make_room(keep=folder)
            os.utime(folder / MARK)
        return folder

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

    def _make_room(self, *, keep: Path) -> None:
        kept = sorted(self.root.glob(f"*/*/{MARK}"), key=lambda mark: mark.stat().st_mtime)
        sizes = {mark.parent: weights_size(mark.parent) for mark in kept}
        for folder in sizes:
            if sum(sizes.values()) <= self.max_bytes:
                return
            if folder != keep:
                # Weights that are mapped into memory stay readable after the file is gone.
                shutil.rmtree(folder, ignore_errors=True)
                sizes[folder] = 0
