"""Two processes on one machine, started by torchrun and joined over gloo, train what one would."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from compute.recipes.refusal import Refused
from compute.recipes.text_to_image.program import run
from compute.recipes.training.config import LoopConfig, require_sensible_loop
from compute.recipes.training.loop import Player, require_shardable
from tests.compute.recipes.started import ENVIRONMENT, two_processes

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"


def _same(ours, theirs, *, within=2e-5):
    ours, theirs = load_file(ours / "model" / WEIGHTS), load_file(theirs / WEIGHTS)
    assert ours.keys() == theirs.keys()
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, atol=within, rtol=1e-4)


def _by_torchrun(module, config, **settings):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", module]
    command += ["--config", str(config)]
    command += [part for name, value in settings.items() for part in ("--set", f"training.{name}={value}")]
    done = subprocess.run(
        command, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_two_processes_train_as_one_that_gathers_two_batches(tiny, tiny_file, tmp_path):
    steps = {"steps": 6, "checkpoint_every": 3, "optimizer": "adamw"}
    alone = run(tiny(output=str(tmp_path / "alone"), training={**steps, "accumulate": 2}))
    events = _by_torchrun("compute.recipes.text_to_image", tiny_file, **steps, accumulate=1)
    assert [event["event"] for event in events].count("done") == 1, "only the first process speaks"
    assert [event["step"] for event in events if event["event"] == "checkpoint"] == [3, 6]
    _same(tmp_path / "output", alone)


def test_weights_in_shards_train_as_whole_ones_and_one_process_goes_on(tiny, tiny_file, tmp_path):
    steps = {"steps": 6, "checkpoint_every": 3, "log_every": 1, "optimizer": "adamw"}
    alone = run(tiny(output=str(tmp_path / "alone"), training={**steps, "accumulate": 2}))
    events = two_processes(
        "text_to_image", tiny_file, **steps, accumulate=1, shard="true", gradient_checkpointing="true"
    )
    losses = [event["loss"] for event in events if event["event"] == "step"]
    whole = map(json.loads, (tmp_path / "alone" / "log.jsonl").read_text().splitlines())
    assert losses == pytest.approx([event["loss"] for event in whole if event["event"] == "step"], rel=1e-4)
    output = tmp_path / "output"
    _same(output, alone, within=1e-4)

    shutil.rmtree(output / "checkpoints" / "step-00000006")
    run(tiny(training={**steps, "accumulate": 2}))
    _same(output, alone, within=1e-4)


def test_what_cannot_be_trained_in_shards_is_refused():
    with pytest.raises(Refused, match=r"Set 'training.precision'"):
        require_sensible_loop(LoopConfig(shard=True, precision="fp16"))
    with pytest.raises(Refused, match=r"set 'training.optimizer'"):
        require_sensible_loop(LoopConfig(shard=True, optimizer="muon"))
    line = torch.nn.Linear(1, 1)
    for players in ([Player(line, dict), Player(line, dict)], [Player(line, dict, within=line)]):
        with pytest.raises(Refused, match=r"Set 'training.shard'"):
            require_shardable(players)
