"""Checkpoints on disk: whole, verified, the newest two."""

import pytest
import torch

from compute.recipes.checkpoints import STATE, Checkpoint, load_newest, save_checkpoint
from compute.recipes.refusal import Refused


def _save(folder, step):
    return save_checkpoint(folder, Checkpoint(step, step / 10, {"x": torch.full((2,), step)}), fingerprint="f")


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
    with pytest.raises(Refused, match="another configuration"):
        load_newest(tmp_path, fingerprint="g")
