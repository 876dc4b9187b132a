"""Inside the worker: one engine for all threads of the process, and one thread for each generation."""

import hashlib
import logging
import os
import threading
import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from accounts.principal import Principal
from accounts.services.tokens import issue_job_token, revoke_job_tokens
from hub.rules import may_read
from hub.selectors import has_contents
from inference.algorithms.profiles import MAX_PICTURES
from inference.enums import FailureCode
from inference.models import Generation
from inference.services import running
from inference.services.provenance import sealed_png

if TYPE_CHECKING:
    from inference.engine.engine import Engine
    from inference.engine.requests import Handle, Progress, Result

logger = logging.getLogger(__name__)
LOOK_EVERY = 0.25  # seconds between two looks at the engine
_lock = threading.Lock()
_engine: "Engine | None" = None


def serve(generation_id: str) -> None:
    """Draw what was asked and end the generation, unless somebody else does or did."""
    generation = running.claim(generation_id)
    if generation is None:
        return
    try:
        _draw(generation)
    except Exception as error:
        logger.exception("a generation failed", extra={"generation": generation_id})
        running.fail(generation, FailureCode.ENGINE, detail=type(error).__name__)
    finally:
        generation.preview_path.unlink(missing_ok=True)


def the_engine() -> "Engine":
    """This process's engine, made when first needed."""
    global _engine  # noqa: PLW0603 - one per process is the point
    with _lock:
        if _engine is None:
            # What the hub's client keeps for itself stays with the models, not in somebody's home.
            os.environ.setdefault("HF_HOME", str(Path(settings.MODELS_ROOT) / "client"))
            os.environ.setdefault("HF_XET_CACHE", str(Path(settings.MODELS_ROOT) / "client" / "xet"))
            os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
            # slow import: torch belongs to workers only
            from inference.engine.downloads import Downloads  # noqa: PLC0415
            from inference.engine.engine import Engine, best_device  # noqa: PLC0415
            from inference.engine.families import Limits  # noqa: PLC0415

            device = best_device() if settings.ENGINE_DEVICE == "auto" else settings.ENGINE_DEVICE
            downloads = Downloads(Path(settings.MODELS_ROOT), endpoint=settings.BASE_URL)
            _engine = Engine(
                downloads,
                device=device,
                max_bytes=settings.ENGINE_MEMORY,
                max_rows=settings.ENGINE_ROWS,
                max_call_bytes=settings.ENGINE_CALL_MEMORY or None,
                limits=Limits(compiler=settings.ENGINE_COMPILER),
            )
        return _engine


def _draw(generation: Generation) -> None:
    from inference.engine import requests  # noqa: PLC0415 - slow import

    repository = generation.repository
    # Asked again: minutes may have passed since the request, and models close.
    owner = Principal(user=generation.owner)
    if repository is None or not may_read(owner, repository) or not has_contents(owner, repository):
        running.fail(generation, FailureCode.MODEL_GONE)
        return
    try:
        results = _results(generation)
    except requests.Cancelled:
        running.stop_cancelled(generation)
    except requests.DeadlinePassed:
        running.fail(generation, FailureCode.TOO_LONG)
    except requests.ModelRefused as error:
        running.fail(generation, FailureCode.MODEL_REFUSED, detail=str(error))
    except requests.BadRequest as error:
        running.fail(generation, FailureCode.BAD_PARAMETERS, detail=str(error))
    else:
        pictures = [_drawn(generation, result) for result in results]
        running.succeed(generation, pictures, timings=_timings(results))


def _results(generation: Generation) -> "list[Result]":
    """One result for each picture, or the EngineError that ended one of them."""
    assert generation.repository is not None
    watch = _Watch(generation)
    is_closed = generation.repository.is_private or generation.repository.is_gated
    token = _token(generation) if is_closed else None
    try:
        handles = [the_engine().submit(_request(generation, i, token, watch)) for i in range(generation.count)]
        return watch.until_done(handles)
    finally:
        if token is not None:
            revoke_job_tokens(_job(generation))


def _request(generation: Generation, index: int, token: str | None, watch: "_Watch") -> Any:
    from inference.engine.requests import ModelKey, Request  # noqa: PLC0415 - slow import

    assert generation.repository is not None
    return Request(
        ModelKey(generation.repository.full_name, generation.commit),
        prompt=generation.prompt,
        negative_prompt=generation.negative_prompt,
        seed=generation.seed + index,
        steps=generation.steps,
        guidance=generation.guidance,
        width=generation.width,
        height=generation.height,
        deadline=time.monotonic() + settings.GENERATION_LIMIT_SECONDS,
        token=token,
        tenant=str(generation.owner_id),
        previews=index == 0,
        on_progress=watch.listener(index),
    )


class _Watch:
    """Collects progress from the engine's thread, and tells the database from the task's own."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.steps = [0] * MAX_PICTURES
        self.preview: Any = None
        self._told = (-1, 0.0)

    def listener(self, index: int) -> Any:
        def listen(progress: "Progress") -> None:
            self.steps[index] = progress.step
            if progress.preview is not None:
                self.preview = progress.preview

        return listen

    def until_done(self, handles: "list[Handle]") -> "list[Result]":
        """Waits for all; when one ends badly, or the generation is no longer ours, cancels the others."""
        try:
            for handle in handles:
                while not handle.wait(LOOK_EVERY):
                    self._tell(handles)
                handle.result(0)
            return [handle.result(0) for handle in handles]
        finally:
            for handle in handles:
                handle.cancel()

    def _tell(self, handles: "list[Handle]") -> None:
        done, now = sum(self.steps), time.monotonic()
        if done == self._told[0] and now - self._told[1] < settings.GENERATION_LEASE_SECONDS / 4:
            return
        self._told = (done, now)
        if not running.beat(self.generation, steps_done=done):
            for handle in handles:
                handle.cancel()
        self._show_preview()

    def _show_preview(self) -> None:
        preview, self.preview = self.preview, None
        if preview is None:
            return
        path = self.generation.preview_path
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        preview.save(part, "PNG")
        part.replace(path)


def _drawn(generation: Generation, result: "Result") -> running.Drawn:
    content = sealed_png(result.picture, parameters=result.parameters, generation=generation.pk)
    width, height = result.picture.size
    return running.Drawn(content, hashlib.sha256(content).hexdigest(), width, height, result.parameters)


def _timings(results: "list[Result]") -> dict[str, Any]:
    """Seconds, summed over the pictures; `queued` is the longest wait."""
    each = [asdict(result.timings) for result in results]
    summed = {name: round(sum(timing[name] for timing in each), 4) for name in each[0]}
    return summed | {"queued": round(max(timing["queued"] for timing in each), 4)}


def _token(generation: Generation) -> str:
    """Lets the engine read this one closed model's namespace for as long as the generation may run."""
    assert generation.repository is not None
    return issue_job_token(
        generation.owner,
        namespace=generation.repository.namespace,
        job=_job(generation),
        expires_at=timezone.now() + timedelta(seconds=settings.GENERATION_LIMIT_SECONDS),
    )


def _job(generation: Generation) -> str:
    return f"generation-{generation.pk}-{generation.attempt}"
