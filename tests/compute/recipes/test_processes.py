"""Two processes on one machine, started by torchrun and joined over gloo, train what one would."""

import json
import os
import subprocess
import sys

import torch
from safetensors.torch import load_file

from compute.recipes.text_to_image.program import run

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"


def test_two_processes_train_as_one_that_gathers_two_batches(tiny, tiny_file, tmp_path):
    steps = {"steps": 6, "checkpoint_every": 3, "optimizer": "adamw"}
    alone = run(tiny(output=str(tmp_path / "alone"), training={**steps, "accumulate": 2}))

    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "compute.recipes.text_to_image", "--config", str(tiny_file)]
    for name, value in {**steps, "accumulate": 1}.items():
        command += ["--set", f"training.{name}={value}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-4000:]

    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events].count("done") == 1, "only the first process speaks"
    assert [event["step"] for event in events if event["event"] == "checkpoint"] == [3, 6]
    ours, theirs = load_file(tmp_path / "output" / "model" / WEIGHTS), load_file(alone / WEIGHTS)
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, atol=2e-5, rtol=1e-4)
