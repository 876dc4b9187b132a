"""Steps that are left out: only when asked, told in the parameters, and fewer calls."""

import numpy as np
import pytest

from inference.engine.engine import Engine
from inference.engine.requests import BadRequest, ModelKey, Request


@pytest.fixture(scope="module")
def drawn(flow_folder, unet_folder):
    """Result and calls of a request, alone in an engine."""
    from tests.inference.engine.conftest import Folders

    def draw(model: str, **facts):
        with Engine(Folders(flow=flow_folder, unet=unet_folder)) as engine:
            asked = Request(ModelKey(model, "0" * 40), "a red circle", seed=3, steps=9, guidance=3.0, **facts)
            result = engine.submit(asked).result(60)
            return result, engine.counts.row_steps

    return draw


@pytest.mark.parametrize("model", ["flow", "unet"])
def test_fewer_calls_another_picture_and_both_told(drawn, model):
    plain, all_steps = drawn(model)
    assert "step_reuse" not in plain.parameters
    pictures = {"": np.asarray(plain.picture)}
    for method, saved in {"light": 2, "strong": 3}.items():
        result, calls = drawn(model, step_reuse=method)
        told = (result.parameters["step_reuse"], result.parameters["calls_saved"], result.parameters["calls"])
        assert told == (method, saved, 9)
        assert calls == all_steps - saved
        pictures[method] = np.asarray(result.picture)
    assert not np.array_equal(pictures[""], pictures["strong"])
    again, _calls = drawn(model, step_reuse="strong")
    assert np.array_equal(np.asarray(again.picture), pictures["strong"])


def test_an_unknown_method_is_refused(drawn):
    with pytest.raises(BadRequest, match="light, strong"):
        drawn("flow", step_reuse="all")
