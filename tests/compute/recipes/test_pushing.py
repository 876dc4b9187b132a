"""What a recipe pushes beside what people put there: weights that are replaced, cards that others edit meanwhile."""

import json
import subprocess
import sys

import pytest

from tests.factories import hub as make

pytestmark = pytest.mark.e2e

SCRIPT = """
import json, sys
from pathlib import Path
from huggingface_hub import EvalResult, HfApi
from compute.recipes.evaluation.results import with_results
from compute.recipes.hub import change_card, publish
from compute.recipes.refusal import Refused

api, answer = HfApi(), {"files": []}


def push(name, files):
    folder = Path(sys.argv[1]) / name
    for path in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    publish(folder, "maker/model", private=False, message=name)
    answer["files"].append(api.list_repo_files("maker/model"))


def put(path, text):
    api.upload_file(path_or_fileobj=text.encode(), path_in_repo=path, repo_id="maker/model")


def shards(stem, count):
    return [f"{stem}-0000{i}-of-0000{count}.safetensors" for i in range(1, count + 1)]


INDEX = "unet/diffusion_pytorch_model.safetensors.index.json"
push("large", ["model_index.json", INDEX, *shards("unet/diffusion_pytorch_model", 3), *shards("model", 3)])
for path in ("lora.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors", *shards("other/model", 2)):
    put(path, "of a person")
push("smaller", ["model_index.json", INDEX, *shards("unet/diffusion_pytorch_model", 2), "model.safetensors"])
push("small", ["model_index.json", "unet/diffusion_pytorch_model.safetensors", "model.safetensors"])
answer["commits"] = len(api.list_repo_commits("maker/model"))
push("small", [])
answer["again"] = len(api.list_repo_commits("maker/model"))

results = [EvalResult("text-to-image", "shapes", "shapes", "kid", 0.5)]
seen = []


def meanwhile(card, *, times):
    seen.append(card)
    if len(seen) <= times:
        put("README.md", f"---\\nlicense: mit\\n---\\nWritten by a person {len(seen)} times.\\n")
    return with_results(card, results, name="model")


change_card("maker/model", lambda card: meanwhile(card, times=2), message="Add evaluation results")
card = api.model_info("maker/model").card_data
page = Path(api.hf_hub_download("maker/model", "README.md")).read_text()
answer["card"] = [card.license, [one.metric_type for one in card.eval_results], page.splitlines()[-1], len(seen)]
seen.clear()
try:
    change_card("maker/model", lambda card: meanwhile(card, times=99), message="Add evaluation results")
except Refused as error:
    answer["refused"] = str(error)
print(json.dumps(answer))
"""


def test_a_push_takes_away_what_it_replaces_and_a_card_keeps_what_people_write_meanwhile(site, tmp_path):
    token = site.token(make.person("maker"))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "models")],
        env=site.environment(tmp_path, token),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr[-6000:]}\n--- server\n{site.log.read_text()[-4000:]}"
    answer = json.loads(done.stdout.splitlines()[-1])

    def weights(files):
        return [path for path in files if path.endswith((".safetensors", ".index.json"))]

    theirs = [
        "lora.safetensors", "other/model-00001-of-00002.safetensors", "other/model-00002-of-00002.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
    ]  # fmt: skip
    _large, smaller, small, _again = answer["files"]
    unet = "unet/diffusion_pytorch_model"
    shards = [f"{unet}-0000{i}-of-00002.safetensors" for i in (1, 2)]
    index = f"{unet}.safetensors.index.json"
    assert sorted(weights(smaller)) == sorted([*theirs, "model.safetensors", *shards, index])
    assert sorted(weights(small)) == sorted([*theirs, "model.safetensors", f"{unet}.safetensors"])
    assert answer["commits"] == answer["again"]

    assert answer["card"] == ["mit", ["kid"], "Written by a person 2 times.", 3]
    assert "changed by others 5 times" in answer["refused"]
