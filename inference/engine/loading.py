"""Brings models and LoRAs from folders into memory, and keeps account of who uses them."""

from __future__ import annotations

import gc
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from inference.engine.cache import ModelCache
from inference.engine.families import Limits, ServedModel, load_model
from inference.engine.folders import check_folder, weights_size
from inference.engine.lora import Lora, Use, load_lora
from inference.engine.requests import LoraUse, ModelKey, ModelRefused, Request


class FolderSource(Protocol):
    """Where model folders come from that stay where they are."""

    def folder(self, key: ModelKey, token: str | None = None) -> Path:
        """The local folder of this version. Raises ModelRefused."""
        ...


@runtime_checkable
class SharedSource(Protocol):
    """The same where others may take folders away: `downloads.Downloads`."""

    def held(self, key: ModelKey, token: str | None = None) -> AbstractContextManager[Path]:
        """The local folder of this version, there until it is let go. Raises ModelRefused."""
        ...


def held_folder(source: FolderSource | SharedSource, key: ModelKey, token: str | None) -> AbstractContextManager[Path]:
    """The folder of this version, for as long as it is read. Raises ModelRefused."""
    return source.held(key, token) if isinstance(source, SharedSource) else nullcontext(source.folder(key, token))


@dataclass(frozen=True)
class Loaded:
    """What one request uses, until it is released."""

    model: ServedModel
    loras: tuple[Use, ...]


class Loading:
    """`max_bytes` bounds models in memory, `max_lora_bytes` LoRAs; both drop what was not used for longest."""

    def __init__(
        self,
        source: FolderSource | SharedSource,
        *,
        device: str,
        dtype: torch.dtype,
        max_bytes: int,
        max_lora_bytes: int,
        limits: Limits,
    ) -> None:
        self.limits = limits
        self.source = source
        self.device = device
        self.dtype = dtype
        self.loads = 0
        self.models: ModelCache[ServedModel] = ModelCache(max_bytes, dropped=self._collect)
        self.loras: ModelCache[Lora] = ModelCache(max_lora_bytes)

    def at_once(self, request: Request) -> Loaded | None:
        """What the request needs if all of it is in memory, else None."""
        model = self.models.acquire_loaded(request.model)
        if model is None:
            return None
        uses: list[Use] = []
        for asked in request.loras:
            lora = self.loras.acquire_loaded(asked.lora)
            if lora is None:
                self._release(request.model, request.loras[: len(uses)])
                return None
            uses.append(Use(lora, asked.scale))
        return Loaded(model, tuple(uses))

    def load(self, request: Request) -> Loaded:
        """The same, however long it takes. Called by one thread at a time. Raises ModelRefused."""
        model = self._model(request)
        try:
            return Loaded(model, self._loras(request))
        except BaseException:
            self.models.release(request.model)
            raise

    def release(self, request: Request) -> None:
        """The request has ended."""
        self._release(request.model, request.loras)

    def close(self) -> None:
        self.models.close()
        self.loras.close()

    def _model(self, request: Request) -> ServedModel:
        loaded = self.models.acquire_loaded(request.model)
        if loaded is not None:
            return loaded
        with held_folder(self.source, request.model, request.token) as folder:
            check_folder(folder)

            def load() -> ServedModel:
                self.loads += 1
                return load_model(folder, device=self.device, dtype=self.dtype, limits=self.limits)

            return self.models.acquire(request.model, load, expected=weights_size(folder))

    def _loras(self, request: Request) -> tuple[Use, ...]:
        with ExitStack() as held:
            folders = {
                use.lora: held.enter_context(held_folder(self.source, use.lora, request.token)) for use in request.loras
            }
            return self._loaded_loras(request, folders)

    def _loaded_loras(self, request: Request, folders: dict[ModelKey, Path]) -> tuple[Use, ...]:
        sizes = {key: weights_size(folder) for key, folder in folders.items()}
        # All at once, or a request could wait for room that it holds itself.
        if sum(sizes.values()) > self.loras.max_bytes:
            raise ModelRefused("too_large", f"LoRAs of {sum(sizes.values())} > {self.loras.max_bytes} bytes")
        uses: list[Use] = []
        try:
            for asked in request.loras:
                load = partial(load_lora, folders[asked.lora], device=self.device, dtype=self.dtype)
                lora = self.loras.acquire(asked.lora, load, expected=sizes[asked.lora])
                uses.append(Use(lora, asked.scale))
        except BaseException:
            for asked in request.loras[: len(uses)]:
                self.loras.release(asked.lora)
            raise
        return tuple(uses)

    def _release(self, model: ModelKey, loras: tuple[LoraUse, ...]) -> None:
        for use in loras:
            self.loras.release(use.lora)
        self.models.release(model)

    def _collect(self) -> None:
        gc.collect()
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
