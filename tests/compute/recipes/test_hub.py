"""The recipe against the running site: data set from the hub, model back to the hub."""

import json
import subprocess
import sys

import pytest

from compute.recipes.language_model.texts import make_texts, write_parquet
from hub.services import opt_outs
from tests.factories import hub as make

pytestmark = pytest.mark.e2e

SCRIPT = """
import json, sys
from huggingface_hub import HfApi
from compute.recipes.text_to_image.__main__ import main

data, config = sys.argv[1:]
api = HfApi()
api.create_repo("maker/shapes", repo_type="dataset")
api.upload_folder(folder_path=data, repo_id="maker/shapes", repo_type="dataset")
api.create_repo("maker/closed", repo_type="dataset")
card = b"---\\nlicense: cc-by-nd-4.0\\n---\\n"
api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id="maker/closed", repo_type="dataset")

command = ["--config", config, "--set", "dataset.path=", "--set", "training.steps=2"]
trained = [*command, "--set", "dataset.id=maker/shapes", "--set", "publish.repo_id=maker/model"]
answer = {"codes": [main(trained), main(trained), main([*command, "--set", "dataset.id=maker/closed"])]}

from diffusers import DiffusionPipeline
pipeline = DiffusionPipeline.from_pretrained("maker/model")
answer["class"] = type(pipeline).__name__
answer["data"] = api.dataset_info("maker/shapes").sha
answer["commits"] = [commit.title for commit in api.list_repo_commits("maker/model")]
card = api.model_info("maker/model").card_data
answer["card"] = [card.license, card.datasets, card.pipeline_tag, card.library_name]
answer["lineage"] = json.load(open(api.hf_hub_download("maker/model", "wellspring.json")))
print(json.dumps(answer))
"""


def test_data_comes_from_the_hub_and_the_model_goes_back(site, tiny_file, shapes_folder, tmp_path):
    token = site.token(make.person("maker"))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(shapes_folder), str(tiny_file)],
        env=site.environment(tmp_path, token),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr[-6000:]}\n--- server\n{site.log.read_text()[-4000:]}"
    *events, answer = map(json.loads, done.stdout.splitlines())

    assert answer["codes"] == [0, 0, 2]
    assert "The data set maker/closed is under cc-by-nd-4.0, which forbids derived works" in done.stderr
    assert answer["class"] == "StableDiffusion3Pipeline"
    assert answer["card"] == ["apache-2.0", ["maker/shapes"], "text-to-image", "diffusers"]
    assert answer["lineage"]["datasets"] == [{"id": "maker/shapes", "revision": answer["data"]}]
    # The second run finds its work done: it resumes at the end and has nothing new to push.
    assert answer["commits"] == ["Add the model trained for 2 steps", "initial commit"]
    published = [event["commit"] for event in events if event["event"] == "published"]
    assert len(published) == 2
    assert len(set(published)) == 1


OPTED_OUT = """
import json, sys
from compute.recipes.language_model.config import Config
from compute.recipes.language_model.program import run
from compute.recipes.configuration import build
from huggingface_hub import HfApi
from transformers import AutoModelForCausalLM

plain = json.loads(sys.argv[1])
run(build(Config, plain))
AutoModelForCausalLM.from_pretrained("maker/words")
api = HfApi()
answer = {"card": api.model_info("maker/words").card_data.library_name}
answer["text"] = open(api.hf_hub_download("maker/words", "README.md")).read()
answer["lineage"] = json.load(open(api.hf_hub_download("maker/words", "wellspring.json")))
print(json.dumps(answer))
"""


def test_what_was_opted_out_on_the_hub_is_not_trained_on(site, tmp_path):
    maker, asker = make.person("maker"), make.person("asker")
    write_parquet(tmp_path / "texts", train=60, test=20)
    files = {
        path.relative_to(tmp_path / "texts").as_posix(): path.read_bytes()
        for path in (tmp_path / "texts").rglob("*.*")
        if path.is_file()
    }
    data = make.repository(maker, "texts", kind="dataset", files=files)
    request = opt_outs.request_opt_out(
        data, matches=[("text", "circle")], statement="My shape", by=make.as_principal(asker)
    )
    for state in ("acknowledged", "verified", "honoured"):
        opt_outs.answer(request, state, by=make.as_principal(maker))
    plain = {
        "output": str(tmp_path / "output"),
        "dataset": {"id": "maker/texts"},
        "model": {"width": 16, "layers": 1, "heads": 2, "context": 16, "vocabulary": 300},
        "training": {"steps": 2, "batch": 2, "device": "cpu", "threads": 1},
        "publish": {"repo_id": "maker/words"},
    }
    done = subprocess.run(
        [sys.executable, "-c", OPTED_OUT, json.dumps(plain)],
        env=site.environment(tmp_path, site.token(maker)),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr[-6000:]}\n--- server\n{site.log.read_text()[-4000:]}"
    *events, answer = map(json.loads, done.stdout.splitlines())
    start = next(event for event in events if event["event"] == "start")
    assert start["left_out"] == 1
    kept = [text for text in make_texts(0, 60) if "circle" not in text]
    assert 0 < len(kept) < 40
    tokens = sum(len(text) for text in kept)
    assert start["rows"] * 17 < tokens, "windows of the kept texts only"
    assert "| Left out on request | 1 values |" in answer["text"]
    assert answer["card"] == "transformers"
    assert [source["id"] for source in answer["lineage"]["datasets"]] == ["maker/texts"]
    assert answer["lineage"]["datasets"][0]["revision"] in answer["text"]
