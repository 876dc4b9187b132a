"""Inside the worker: one engine for all threads of the process, and one thread for each generation."""

import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.principal import Principal
from accounts.services.tokens import issue_reading_token, revoke_job_tokens
from hub.models import Repository
from hub.rules import may_read
from hub.selectors import has_contents
from inference.algorithms import uploads
from inference.algorithms.profiles import MAX_PICTURES
from inference.enums import FailureCode
from inference.errors import FileGone
from inference.models import Generation, InputImage
from inference.selectors import may_preview
from inference.selectors.files import content_of
from inference.selectors.safety import policy_in_force
from inference.services import running
from inference.services.finding import NothingFound, find_mask
from inference.services.looking import look
from licensing.selectors.grants import grants_hold

if TYPE_CHECKING:
    from inference.engine.engine import Engine
    from inference.engine.requests import Handle, Progress, Request, Result

logger = logging.getLogger(__name__)
FULL_FOR = 10.0  # seconds, when the engine has measured nothing yet
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
        detail = str(error) if isinstance(error, FileGone) else type(error).__name__
        running.fail(generation, FailureCode.ENGINE, detail=detail)
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
                max_waiting=settings.ENGINE_WAITING,
                max_call_bytes=settings.ENGINE_CALL_MEMORY or None,
                limits=Limits(compiler=settings.ENGINE_COMPILER),
            )
        return _engine


def _draw(generation: Generation) -> None:
    from inference.engine import requests  # noqa: PLC0415 - slow import

    gone = next((name for name, repository in _used(generation) if not _is_open(generation, repository)), None)
    if gone is not None:
        running.fail(generation, FailureCode.MODEL_GONE, detail=gone)
        return
    if not grants_hold(generation.grants_of_use):
        running.fail(generation, FailureCode.LICENCE_ENDED)
        return
    try:
        results = _results(generation)
    except requests.Cancelled:
        running.stop_cancelled(generation)
    except NothingFound:
        running.fail(generation, FailureCode.NOTHING_FOUND, detail=f"“{generation.search}”")
    except requests.EngineFull as full:
        running.postpone(generation, seconds=full.retry_after or FULL_FOR)
    except requests.DeadlinePassed:
        expired = generation.deadline is not None and generation.deadline <= timezone.now()
        running.fail(generation, FailureCode.EXPIRED if expired else FailureCode.TOO_LONG)
    except requests.ModelRefused as error:
        running.fail(generation, FailureCode.MODEL_REFUSED, detail=str(error))
    except requests.BadRequest as error:
        running.fail(generation, FailureCode.BAD_PARAMETERS, detail=str(error))
    else:
        _finish(generation, results)


def _finish(generation: Generation, results: "list[Result]") -> None:
    """Keep the pictures, unless the model's own checker or the policy's classifier sees in one what it forbids."""
    if any(result.is_flagged for result in results):
        running.refuse(generation, FailureCode.FLAGGED)
        return
    with _held(generation, steps_done=generation.steps_total):
        _look_and_keep(generation, results)


@contextmanager
def _held(generation: Generation, *, steps_done: int = 0) -> Iterator[None]:
    """Beats from a thread of its own: a classifier that is fetched, or a slow signature, can outlast the lease."""
    is_over = threading.Event()

    def beat() -> None:
        try:
            while running.beat(generation, steps_done=steps_done):
                if is_over.wait(settings.GENERATION_LEASE_SECONDS / 4):
                    return
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"beat-{generation.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _look_and_keep(generation: Generation, results: "list[Result]") -> None:
    from inference.engine.requests import ModelRefused  # noqa: PLC0415 - slow import

    try:
        # Nothing listens to sounds: their label was judged when they were asked for.
        verdict = None if generation.is_sound else look(generation, [result.picture for result in results])
    except ModelRefused as error:
        running.fail(generation, FailureCode.UNCHECKED, detail=str(error))
        return
    if verdict is not None and not verdict.allowed:
        running.refuse(generation, FailureCode.POLICY, verdict=verdict)
        return
    pictures = [_drawn(generation, result) for result in results]
    running.succeed(generation, pictures, timings=_timings(results), verdict=verdict)


def _used(generation: Generation) -> list[tuple[str, Repository | None]]:
    """The model, the LoRAs and the finder, by the names they were asked for."""
    loras = [(use.model_name, use.repository) for use in generation.loras.select_related("repository__namespace")]
    finder = [(generation.finder.model_name, generation.finder.repository)] if generation.must_search else []
    return [(generation.model_name, generation.repository), *loras, *finder]


def _is_open(generation: Generation, repository: Repository | None) -> bool:
    """Asked again: minutes may have passed since the request, and models close."""
    owner = Principal(user=generation.owner)
    return repository is not None and may_read(owner, repository) and has_contents(owner, repository)


def _results(generation: Generation) -> "list[Result]":
    """One result for each picture, or the EngineError that ended one of them."""
    watch = _Watch(generation)
    closed = [found for _name, found in _used(generation) if found is not None and _is_closed(found)]
    token = _token(generation, closed) if closed else None
    try:
        if generation.must_search:
            _search(generation, token)
        first = _request(generation, token)
        handles = [
            the_engine().submit(
                replace(
                    first,
                    seed=generation.seed + index,
                    previews=first.previews and index == 0,
                    on_progress=watch.listener(index),
                )
            )
            for index in range(generation.count)
        ]
        return watch.until_done(handles)
    finally:
        if token is not None:
            revoke_job_tokens(_job(generation))


def _search(generation: Generation, token: str | None) -> None:
    from inference.engine.requests import Cancelled  # noqa: PLC0415 - slow import

    with _held(generation):
        if not find_mask(generation, token):
            raise Cancelled


def _request(generation: Generation, token: str | None) -> "Request":
    """That of the first picture. No previews where a classifier looks, or of what may have been taken away."""
    from inference.engine.requests import LoraUse, ModelKey, Request  # noqa: PLC0415 - slow import

    assert generation.repository is not None
    used = [(use.repository, use) for use in generation.loras.select_related("repository__namespace")]
    asked = Request(
        ModelKey(generation.repository.full_name, generation.commit),
        prompt=generation.prompt,
        negative_prompt=generation.negative_prompt,
        seed=generation.seed,
        steps=generation.steps,
        guidance=1.0 if generation.guidance is None else generation.guidance,
        width=generation.width,
        height=generation.height,
        seconds=generation.seconds,
        scheduler=generation.scheduler or None,
        image=_opened(generation.image),
        mask=_opened(generation.mask),
        loras=tuple(LoraUse(ModelKey(lora.full_name, use.commit), use.scale) for lora, use in used if lora is not None),
        noise_level=generation.noise_level,
        step_reuse=generation.step_reuse,
        deadline=_deadline(generation),
        token=token,
        tenant=str(generation.billed_id),
        previews=policy_in_force().classifier is None and may_preview(generation),
    )
    if generation.strength is not None:
        asked = replace(asked, strength=generation.strength)
    if generation.image_guidance is not None:
        asked = replace(asked, image_guidance=generation.image_guidance)
    return asked


def _opened(given: InputImage | None) -> Any:
    return None if given is None else uploads.opened(content_of(given.path))


def _deadline(generation: Generation) -> float:
    """What comes first: its own, or the most that a generation may take."""
    limit = float(settings.GENERATION_LIMIT_SECONDS)
    if generation.deadline is not None:
        limit = min(limit, (generation.deadline - timezone.now()).total_seconds())
    return time.monotonic() + limit


class _Watch:
    """Collects progress from the engine's thread, and tells the database from the task's own."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.steps = [0.0] * MAX_PICTURES
        self.preview: Any = None
        self._told: tuple[Any, float] = (None, 0.0)

    def listener(self, index: int) -> Any:
        def listen(progress: "Progress") -> None:
            # Some samplers count each step twice: the shares are the same.
            self.steps[index] = progress.step / max(1, progress.steps)
            if progress.preview is not None:
                self.preview = progress.preview

        return listen

    def until_done(self, handles: "list[Handle]") -> "list[Result]":
        """Waits for all; when one ends badly, or the generation is no longer ours, cancels the others."""
        try:
            going = list(handles)
            while going:
                going[0].wait(LOOK_EVERY)
                # One that ended badly, wherever it stands, raises here.
                going = [handle for handle in going if not (handle.wait(0) and handle.result(0))]
                if going:
                    self._tell(handles)
            return [handle.result(0) for handle in handles]
        finally:
            for handle in handles:
                handle.cancel()

    def _tell(self, handles: "list[Handle]") -> None:
        done = round(sum(self.steps) * self.generation.steps_taken)
        standing = the_engine().standing(handles[0]) if not done else None
        place, seconds = (standing.position, standing.seconds) if standing else (None, None)
        news, now = (done, place), time.monotonic()
        if news == self._told[0] and now - self._told[1] < settings.GENERATION_LEASE_SECONDS / 4:
            return
        self._told = (news, now)
        if not running.beat(self.generation, steps_done=done, place=place, place_seconds=seconds):
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
    if generation.is_sound:
        from inference.services.sounding import sounded  # noqa: PLC0415 - slow import: numpy and the signing library

        return sounded(generation, result)
    from inference.services.marking import seal  # noqa: PLC0415 - slow import: numpy and the signing library

    given = [content_of(image.path) for image in (generation.image, generation.mask) if image is not None]
    sealed = seal(result.picture, result.parameters | _found(generation), generation=generation, inputs=given)
    return running.Drawn(
        sealed.content,
        hashlib.sha256(sealed.content).hexdigest(),
        *result.picture.size,
        sealed.parameters,
        drawn_sha256=sealed.drawn_sha256,
        mark=sealed.mark,
        credentials_failure=sealed.credentials_failure,
    )


def _found(generation: Generation) -> dict[str, Any]:
    """How the mask came to be."""
    used = generation.found_by
    if used is None:
        return {}
    return {"search": generation.search, "finder": {"model": used.model_name, "commit": used.commit}}


def _timings(results: "list[Result]") -> dict[str, Any]:
    """Seconds, summed over the pictures; `queued` is the longest wait."""
    each = [asdict(result.timings) for result in results]
    summed = {name: round(sum(timing[name] for timing in each), 4) for name in each[0]}
    return summed | {"queued": round(max(timing["queued"] for timing in each), 4)}


def _is_closed(repository: Repository) -> bool:
    return repository.is_private or repository.is_gated


def _token(generation: Generation, closed: list[Repository]) -> str:
    """Lets the engine read these repositories, and nothing else, for as long as the generation may run."""
    return issue_reading_token(
        generation.owner,
        repositories=[repository.reference for repository in closed],
        job=_job(generation),
        expires_at=timezone.now() + timedelta(seconds=settings.GENERATION_LIMIT_SECONDS),
    )


def _job(generation: Generation) -> str:
    return f"generation-{generation.pk}-{generation.attempt}"
