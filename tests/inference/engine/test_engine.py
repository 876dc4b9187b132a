"""The loop: cancelling, deadlines, previews, faults, and models coming and going."""

import threading
import time

import numpy as np
import pytest

from inference.engine.engine import Engine
from inference.engine.requests import (
    BadRequest,
    Cancelled,
    DeadlinePassed,
    EngineStopped,
    ModelKey,
    ModelRefused,
    Request,
)
from inference.engine.samplers import DIFFUSION

# The others end with some noise left, or mix in what earlier steps said.
LAST_STEP_ENDS_AT_ESTIMATE = {"euler", "euler_a", "heun", "lcm", "dpmpp_2m", "dpmpp_2m_karras", "ddpm"}
FLOW, OTHER, UNET = (ModelKey(name, "1") for name in ("flow", "other", "unet"))


def request(model=FLOW, **changes):
    return Request(model, **({"prompt": "a red circle", "seed": 1, "steps": 3, "guidance": 2.0} | changes))


@pytest.mark.parametrize("model", [FLOW, UNET])
def test_cancel_takes_effect_between_two_steps(source, model):
    seen = []

    def cancel_after_two(progress):
        seen.append(progress.step)
        if progress.step == 2:
            handle.cancel()

    with Engine(source) as engine:
        started = threading.Event()
        waiting = request(model, steps=40, on_progress=lambda progress: started.wait() and cancel_after_two(progress))
        handle = engine.submit(waiting)
        started.set()
        with pytest.raises(Cancelled):
            handle.result(60)
        assert seen == [1, 2]
        assert engine.submit(request(model)).result(60).picture.size == (16, 16)


def test_a_deadline_that_passes_ends_the_request_and_no_other(source):
    with Engine(source) as engine:
        engine.submit(request()).result(60)
        late = engine.submit(request(steps=200, deadline=time.monotonic()))
        other = engine.submit(request())
        with pytest.raises(DeadlinePassed):
            late.result(60)
        assert other.result(60).parameters["steps"] == 3


def test_previews_are_pictures_of_the_whole_size(source):
    previews = []
    with Engine(source) as engine:
        engine.submit(request(previews=True, on_progress=lambda p: previews.append(p.preview))).result(60)
    assert [preview.size for preview in previews] == [(16, 16)] * 3


@pytest.mark.parametrize("scheduler", DIFFUSION)
def test_the_last_preview_is_what_the_sampler_ends_with(source, scheduler):
    previews = []
    asked = request(UNET, scheduler=scheduler, steps=4, previews=True, on_progress=lambda p: previews.append(p.preview))
    with Engine(source) as engine:
        picture = engine.submit(asked).result(60).picture
    assert {preview.size for preview in previews} == {(16, 16)}
    if scheduler in LAST_STEP_ENDS_AT_ESTIMATE:
        difference = np.abs(np.asarray(previews[-1]).astype(int) - np.asarray(picture))
        assert difference.max() <= 1


def test_a_listener_that_fails_does_not_stop_the_engine(source):
    def fail(progress):
        raise ZeroDivisionError

    with Engine(source) as engine:
        assert engine.submit(request(on_progress=fail)).result(60).picture


def test_sizes_that_do_not_fit_are_refused_with_the_unit(source):
    with Engine(source) as engine:
        with pytest.raises(BadRequest, match="multiples of 4"):
            engine.submit(request(width=18)).result(60)
        with pytest.raises(BadRequest, match="at most 32"):
            engine.submit(request(width=64)).result(60)


def test_a_row_that_fails_leaves_the_others_alone(source, monkeypatch):
    from diffusers import FlowMatchEulerDiscreteScheduler

    stock = FlowMatchEulerDiscreteScheduler.step

    def fail_without_numbers(self, output, *arguments, **named):
        if not output.isfinite().all():
            raise FloatingPointError
        return stock(self, output, *arguments, **named)

    monkeypatch.setattr(FlowMatchEulerDiscreteScheduler, "step", fail_without_numbers)
    with Engine(source) as engine:
        handles = [engine.submit(request(guidance=guidance)) for guidance in (2.0, float("inf"), 3.0)]
        assert handles[0].result(60).parameters["guidance"] == 2.0
        assert handles[2].result(60).parameters["guidance"] == 3.0
        with pytest.raises(FloatingPointError):
            handles[1].result(60)


def test_stopping_ends_what_waits(source):
    engine = Engine(source)
    handle = engine.submit(request(steps=5000))
    engine.stop()
    with pytest.raises(EngineStopped):
        handle.result(60)
    with pytest.raises(EngineStopped):
        engine.submit(request()).result(1)


def test_the_least_recently_used_model_makes_room(source):
    with Engine(source) as engine:
        engine.submit(request()).result(60)
        size = engine.loading.models.nbytes
    assert size > 0
    with Engine(source, max_bytes=int(size * 2.5)) as engine:
        third = ModelKey("flow", "2")
        for model in (FLOW, OTHER, FLOW, third):
            engine.submit(request(model)).result(60)
        assert engine.loading.models.loaded == [FLOW, third]
        assert engine.loading.models.nbytes == 2 * size
        assert engine.loading.loads == 3


def test_a_model_in_use_is_not_dropped_and_the_next_one_waits(source):
    with Engine(source) as engine:
        engine.submit(request()).result(60)
        size = engine.loading.models.nbytes
    with Engine(source, max_bytes=int(size * 1.5)) as engine:
        first = engine.submit(request(steps=20))
        second = engine.submit(request(OTHER))
        assert first.result(60).parameters["steps"] == 20
        assert second.result(60).parameters["model"] == "other"
        assert engine.loading.models.loaded == [OTHER]


def test_a_model_larger_than_the_cache_is_refused(source):
    with Engine(source, max_bytes=1000) as engine, pytest.raises(ModelRefused, match="too_large"):
        engine.submit(request()).result(60)
