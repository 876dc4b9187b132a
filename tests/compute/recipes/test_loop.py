"""The loop that all recipes share, on networks so small that every step can be followed."""

import json
import struct
from dataclasses import replace

import pytest
import torch
from tensorboardX.proto.event_pb2 import Event
from torch import nn

from compute.recipes.events import EventLog
from compute.recipes.refusal import Refused
from compute.recipes.training.boards import Board
from compute.recipes.training.config import LoopConfig
from compute.recipes.training.loop import Hook, Loop, Player

CONFIG = LoopConfig(steps=12, batch=8, learning_rate=0.05, ema=0.5, device="cpu", log_every=3, checkpoint_every=4)


def _players(*, starts=0):
    """A line that is fitted through noise of its own, and a second network that learns to follow the first."""
    torch.manual_seed(0)
    first, second = nn.Linear(3, 1), nn.Linear(3, 1)

    def follow(step, index):
        x = torch.randn(8, 3)  # from torch's own generator, as dropout would draw
        return {"loss": (first(x) - x.sum(1, keepdim=True)).square().mean(), "seen": x.mean()}

    def answer(step, index):
        x = torch.randn(8, 3)
        return {"loss": (second(x) - first(x).detach()).square().mean()}

    return first, second, [Player(first, follow), Player(second, answer, starts=starts, rate=2.0)]


def _run(folder, config=CONFIG, *, hooks=(), starts=0):
    first, second, players = _players(starts=starts)
    with Board(folder / "tensorboard") as board, EventLog(folder / "log.jsonl", listeners=[board.hear]) as log:
        loop = Loop(config, players, log, folder=folder / "checkpoints", fingerprint="f", seed=1)
        loop.run(hooks)
        with loop.averaged():
            average = first.weight.detach().clone()
    return [first.weight.detach(), second.weight.detach(), average]


def _events(folder, kind):
    events = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [event for event in events if event["event"] == kind]


def _points(folder):
    """What TensorBoard would read: (step, tag, value), each record a length, a check sum and an event."""
    found = []
    for file in sorted((folder / "tensorboard").iterdir()):
        data = file.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
            data = data[16 + length :]
    return found


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_run_in_two_attempts_ends_with_the_same_bits(tmp_path, precision, accumulate):
    config = replace(CONFIG, precision=precision, accumulate=accumulate)
    whole = _run(tmp_path / "whole", config)

    class Killed(Exception):
        pass

    def kill(loop):
        raise Killed

    with pytest.raises(Killed):
        _run(tmp_path / "parts", config, hooks=[Hook(7, kill)])
    parts = _run(tmp_path / "parts", config)
    assert _events(tmp_path / "parts", "resume")[0]["step"] == 4
    assert all(torch.equal(one, other) for one, other in zip(whole, parts, strict=True))


def test_players_take_turns_and_start_late(tmp_path):
    before = _players()[1].weight.detach()
    _, resting, _ = _run(tmp_path / "rest", starts=12)
    assert torch.equal(resting, before)
    _run(tmp_path / "play", replace(CONFIG, steps=60))
    steps = _events(tmp_path / "play", "step")
    assert steps[-1]["loss"] < 0.2 * steps[0]["loss"]
    assert steps[-1]["loss_2"] < 0.2 * steps[0]["loss_2"]
    assert "seen" in steps[0]


def test_more_batches_per_step_are_one_larger_batch(tmp_path):
    """The gradient of two gathered batches is the mean of both."""
    config = replace(CONFIG, steps=1, accumulate=2, clip=1e9)
    network = nn.Linear(1, 1, bias=False)
    data = [torch.tensor([[1.0]]), torch.tensor([[3.0]])]
    with torch.no_grad():
        network.weight.fill_(1.0)
    seen = []
    network.weight.register_hook(lambda gradient: seen.append(float(gradient)))

    def loss(step, index):
        return {"loss": network(data[index]).square().mean()}

    with EventLog(tmp_path / "log.jsonl") as log:
        Loop(config, [Player(network, loss)], log, folder=tmp_path, fingerprint="f").run()
    assert seen == [1.0, 9.0]  # (2 * 1 * 1) / 2 and (2 * 3 * 3) / 2


def test_curves_are_written_for_tensorboard(tmp_path):
    _run(tmp_path)
    losses = [(step, value) for step, tag, value in _points(tmp_path) if tag == "training/loss"]
    told = [(event["step"], event["loss"]) for event in _events(tmp_path, "step")]
    assert [step for step, _ in losses] == [step for step, _ in told] == [3, 6, 9, 12]
    assert [value for _, value in losses] == pytest.approx([value for _, value in told], rel=1e-4)


def test_hooks_see_the_average(tmp_path):
    seen = []

    def look(loop):
        with loop.averaged():
            seen.append(loop.step)

    _run(tmp_path, hooks=[Hook(5, look), Hook(0, look)])
    assert seen == [5, 10]


def test_weights_that_are_no_numbers_end_the_run_and_become_no_checkpoint(tmp_path):
    torch.manual_seed(0)
    line = nn.Linear(3, 1)

    def lost_at_the_seventh_step(step, index):
        loss = line(torch.randn(8, 3)).square().mean()
        return {"loss": loss * float("nan") if step == 6 else loss}

    with EventLog(tmp_path / "log.jsonl") as log:
        players = [Player(line, lost_at_the_seventh_step)]
        loop = Loop(CONFIG, players, log, folder=tmp_path / "checkpoints", fingerprint="f", seed=1)
        with pytest.raises(Refused, match="no numbers any more"):
            loop.run()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000004"]
