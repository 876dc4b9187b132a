"""Checkpoints on disk: whole, verified, the newest two."""

import pytest
import torch

from compute.recipes.checkpoints import STATE, Checkpoint, load_newest, save_checkpoint
from compute.recipes.refusal import Refused


def _save(folder, step, **facts):
    checkpoint = Checkpoint(step, step / 10, {"x": torch.full((2,), step)})
    return save_checkpoint(folder, checkpoint, fingerprint="f", **facts)


def test_the_newest_is_loaded_and_two_are_kept(tmp_path):
    for step in (5, 10, 15):
        _save(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000010", "step-00000015"]
    newest = load_newest(tmp_path, fingerprint="f")
    assert (newest.step, newest.seconds, newest.state["x"].tolist()) == (15, 1.5, [15, 15])


def test_nothing_is_found_where_nothing_was_saved(tmp_path):
    assert load_newest(tmp_path / "none", fingerprint="f") is None


def test_a_damaged_checkpoint_is_passed_over(tmp_path):
    _save(tmp_path, 5)
    state = _save(tmp_path, 10) / STATE
    state.write_bytes(state.read_bytes()[:-1] + b"x")
    assert load_newest(tmp_path, fingerprint="f").step == 5


def test_a_write_that_was_cut_off_is_ignored_and_cleared_away(tmp_path):
    _save(tmp_path, 5)
    (tmp_path / ".writing-00000010").mkdir()
    assert load_newest(tmp_path, fingerprint="f").step == 5
    _save(tmp_path, 10)
    assert not list(tmp_path.glob(".writing-*"))


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path):
    _save(tmp_path, 5)
    with pytest.raises(Refused, match=r"another configuration or data set\. Choose"):
        load_newest(tmp_path, fingerprint="g", shaping={"seed": 1})


def test_the_refusal_names_what_differs(tmp_path):
    before = {"seed": 1, "training": {"learning_rate": 0.002, "batch": 4}, "model": {"channels": [16, 32]}}
    _save(tmp_path, 5, shaping=before)
    now = {"seed": 1, "training": {"learning_rate": 0.001, "clip": 1.0, "batch": 4}, "model": {"channels": [16]}}
    with pytest.raises(Refused) as refused:
        load_newest(tmp_path, fingerprint="g", shaping=now)
    told = (
        "training.learning_rate is 0.001 and was 0.002; training.clip is 1.0 and was not there; "
        "model.channels is [16] and was [16, 32]. Choose"
    )
    assert told in str(refused.value)
    assert "batch" not in str(refused.value)
    with pytest.raises(Refused, match=r"; 95 more differ\. Choose"):
        load_newest(tmp_path, fingerprint="g", shaping=before | {"more": {f"k{n}": "x" * 100 for n in range(100)}})
    # What an old checkpoint does not say is not guessed.
    assert load_newest(tmp_path, fingerprint="f", shaping=now).step == 5
