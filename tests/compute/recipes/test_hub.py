"""The recipe against the running site: data set from the hub, model back to the hub."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from common.services import outbox
from compute.recipes.language_model.texts import make_texts, write_parquet
from hub.enums import EdgeKind
from hub.models import LineageEdge
from hub.services import opt_outs, repositories
from tests.factories import hub as make

pytestmark = pytest.mark.e2e

SCRIPT = """
import json, sys
from pathlib import Path
from huggingface_hub import HfApi
from PIL import Image
from compute.recipes.adapters.config import Config as Adapter
from compute.recipes.adapters.program import run as adapt
from compute.recipes.configuration import build
from compute.recipes.data.config import PicturesConfig
from compute.recipes.data.facts import look_up
from compute.recipes.data.opt_outs import LeftOut
from compute.recipes.data.pictures import load_pictures
from compute.recipes.distillation.config import Config as Distillation
from compute.recipes.distillation.program import run as distil
from compute.recipes.evaluation.config import Config as Evaluation
from compute.recipes.evaluation.program import run as evaluate
from compute.recipes.text_to_image.__main__ import main

data, config, student, judged, adapter = sys.argv[1:]
api = HfApi()
api.create_repo("maker/shapes", repo_type="dataset")
api.upload_folder(folder_path=data, repo_id="maker/shapes", repo_type="dataset")
api.create_repo("maker/closed", repo_type="dataset")
card = b"---\\nlicense: cc-by-nd-4.0\\n---\\n"
api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id="maker/closed", repo_type="dataset")

Path("laid/train").mkdir(parents=True)
Image.new("RGB", (32, 32), "red").save("laid/train/a.png")
Path("laid/train/metadata.csv").write_text("file_name,text\\na.png,a red square\\n")
api.create_repo("maker/laid", repo_type="dataset", private=True)
api.upload_folder(folder_path="laid", repo_id="maker/laid", repo_type="dataset")
laid = PicturesConfig(id="maker/laid", caption_column="text", size=16)
(laid,) = load_pictures(laid, look_up(laid), LeftOut(), Path("laid-cache")).buckets
answer = {"laid": laid.captions, "whole": laid.pixels[0, :, 0, 0].tolist()}

command = ["--config", config, "--set", "dataset.path=", "--set", "training.steps=2"]
trained = [*command, "--set", "dataset.id=maker/shapes", "--set", "publish.repo_id=maker/model"]
answer["codes"] = [main(trained), main(trained), main([*command, "--set", "dataset.id=maker/closed"])]
answer["codes"].append(main([*trained, "--set", "publish.private=true"]))
to_others = ["--set", "dataset.id=maker/shapes", "--set", "publish.repo_id=other/stolen"]
of_few = ["--set", "dataset.id=maker/laid", "--set", "dataset.caption_column=text"]
accepted = ["--set", "accept_dataset_licence=mit", "--set", "publish.repo_id=maker/leak"]
behind_a_gate = ["--set", "dataset.id=other/gated"]
answer["refused"] = [main([*command, *more]) for more in (to_others, [*of_few, *accepted], behind_a_gate)]
answer["leaked"] = api.repo_exists("maker/leak")
distil(build(Distillation, json.loads(student)))
for name in ("lora", "further"):
    plain = json.loads(adapter)
    plain |= {"output": plain["output"] + name, "publish": {"repo_id": "maker/" + name}}
    adapt(build(Adapter, plain | ({"earlier": {"id": "maker/lora"}} if name == "further" else {})))
for _twice in range(2):
    evaluate(build(Evaluation, json.loads(judged)))

from diffusers import DiffusionPipeline
pipeline = DiffusionPipeline.from_pretrained("maker/model")
answer["class"] = type(pipeline).__name__
answer["data"] = api.dataset_info("maker/shapes").sha
answer["commits"] = [commit.title for commit in api.list_repo_commits("maker/model")]
card = api.model_info("maker/model").card_data
answer["card"] = [card.license, card.datasets, card.pipeline_tag, card.library_name]
answer["lineage"] = json.load(open(api.hf_hub_download("maker/model", "wellspring.json")))
answer["teacher"] = api.model_info("maker/model").sha
card = api.model_info("maker/further").card_data
answer["further"] = [card.base_model, card.to_dict()["base_model_relation"]]
answer["further"].append(json.load(open(api.hf_hub_download("maker/further", "wellspring.json")))["base_models"])
answer["lora"] = api.model_info("maker/lora").sha
answer["judged"] = [commit.title for commit in api.list_repo_commits("maker/student")]
results = api.model_info("maker/student").card_data.eval_results
answer["results"] = [[result.metric_type, result.metric_args] for result in results]
print(json.dumps(answer))
"""


STUDENT = {
    "teacher": {"id": "maker/model"},
    "teaching": {"pictures": 4, "steps": 1},
    "model": {"head_width": 8, "steps": 2, "feature_steps": 1},
    "dataset": {"id": "maker/shapes", "caption_column": "caption", "most": 8, "most_test": 4},
    "training": {"steps": 1, "batch": 2, "device": "cpu", "threads": 1},
    "sampling": {"steps": 2, "guidance": 1.0},
    "validation": {"pictures": 2},
    "publish": {"repo_id": "maker/student", "title": "A student"},
}
ADAPTER = {
    "base": {"id": "maker/model"},
    "adapter": {"rank": 2, "alpha": 2},
    "dataset": {"id": "maker/shapes", "caption_column": "caption", "most": 8, "most_test": 4},
    "training": {"steps": 1, "batch": 2, "device": "cpu", "threads": 1},
    "sampling": {"steps": 1},
    "validation": {"pictures": 1},
}
JUDGED = {
    "model": {"id": "maker/student"},
    "dataset": {"id": "maker/shapes"},
    "metrics": ["prompt_accuracy"],
    "drawing": {"prompts": 4, "steps": 2, "guidance": 1.0},
    "device": "cpu",
    "threads": 1,
    "publish": True,
}


def test_what_is_trained_distilled_and_judged_stands_on_the_hub(site, tiny_file, shapes_folder, tmp_path):
    token = site.token(make.person("maker"))
    other = make.person("other")
    gated = make.repository(other, "gated", kind="dataset")
    repositories.update_settings(gated, by=make.as_principal(other), gated="manual")
    student = json.dumps(STUDENT | {"output": str(tmp_path / "student")})
    adapter = json.dumps(ADAPTER | {"output": str(tmp_path / "adapter-")})
    judged = json.dumps(JUDGED | {"output": str(tmp_path / "judged")})
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(shapes_folder), str(tiny_file), student, judged, adapter],
        env=site.environment(tmp_path, token) | {"PYTHONPATH": str(Path.cwd())},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr[-6000:]}\n--- server\n{site.log.read_text()[-4000:]}"
    *events, answer = map(json.loads, done.stdout.splitlines())

    assert (answer["laid"], answer["whole"]) == (["a red square"], [255, 0, 0])
    assert answer["codes"] == [0, 0, 2, 2]
    assert "maker/model is public" in done.stderr
    assert "The data set maker/closed is under cc-by-nd-4.0, which forbids derived works" in done.stderr
    assert (answer["refused"], answer["leaked"]) == ([2, 2, 2], False)
    assert "could not be pushed to other/stolen" in done.stderr
    assert "maker/laid cannot be read by everybody, and the card of maker/leak would name it" in done.stderr
    assert "The data set other/gated at main cannot be read" in done.stderr
    assert "huggingface.co/datasets" not in done.stderr
    assert answer["class"] == "StableDiffusion3Pipeline"
    assert answer["card"] == ["apache-2.0", ["maker/shapes"], "text-to-image", "diffusers"]
    assert answer["lineage"]["datasets"] == [{"id": "maker/shapes", "revision": answer["data"]}]
    # The second run finds its work done: it resumes at the end and has nothing new to push.
    assert answer["commits"] == ["Add the model trained for 2 steps", "initial commit"]
    published = [event["commit"] for event in events if event["event"] == "published"]
    assert len(published) == 7
    assert published[0] == published[1]

    # The student names its teacher's commit as what it was distilled from.
    while outbox.relay():
        pass
    (edge,) = LineageEdge.objects.filter(parent__name="model", version__repository__name="student")
    assert (edge.kind, edge.parent_commit, edge.version.number) == (EdgeKind.DISTILLED, answer["teacher"], 1)
    page = site.read("/maker/student/lineage")
    assert 'href="/maker/model' in page
    assert "distilled from" in page

    # An adapter that was trained further names its base first, and what it went on from.
    base = {"id": "maker/model", "revision": answer["teacher"], "kind": "adapter"}
    earlier = {"id": "maker/lora", "revision": answer["lora"], "kind": "finetune"}
    assert answer["further"] == [["maker/model", "maker/lora"], "adapter", [base, earlier]]
    edges = LineageEdge.objects.filter(version__repository__name="further").exclude(kind=EdgeKind.DATASET)
    assert {(edge.parent.name, edge.kind) for edge in edges} == {
        ("model", EdgeKind.ADAPTER),
        ("lora", EdgeKind.FINETUNE),
    }
    page = site.read("/maker/further")
    assert "trained further from maker/lora" in page

    # Its results stand on its page with their circumstances, once, though it was judged twice.
    assert answer["judged"][0] == "Add evaluation results"
    facts = [facts for name, facts in answer["results"] if name == "prompt_accuracy" and facts]
    assert [(one["recipe"], one["prompts"]) for one in facts] == [("evaluation 1", 4)]
    page = site.read("/maker/student")
    assert page.count("held-out prompts of the coloured shapes") >= 1
    assert "Colour and shape as asked, share of pictures" in page


OPTED_OUT = """
import json, sys
from compute.recipes.language_model.config import Config
from compute.recipes.language_model.program import run
from compute.recipes.configuration import build
from huggingface_hub import HfApi
from huggingface_hub.constants import HF_HUB_CACHE
from pathlib import Path
from transformers import AutoModelForCausalLM
from compute.recipes.refusal import Refused
from compute.recipes.training.bases import look_up_finished
from compute.recipes.training.config import SourceConfig

plain = json.loads(sys.argv[1])
run(build(Config, plain))
try:
    look_up_finished(SourceConfig("maker/words"), "CLIPModel")
except Refused as refused:
    print(json.dumps({"event": "refused", "told": str(refused)}))
print(json.dumps({"event": "downloaded", "weights": [*map(str, Path(HF_HUB_CACHE).rglob("*.safetensors"))]}))
tuned = {"base": {"id": "maker/words"}, "context": 16}
goal = {"repo_id": "maker/tuned"}
run(build(Config, plain | {"output": plain["output"] + "-tuned", "model": tuned, "publish": goal}))
AutoModelForCausalLM.from_pretrained("maker/words")
api = HfApi()
answer = {"card": api.model_info("maker/words").card_data.library_name}
answer["bases"] = [api.model_info("maker/tuned").card_data.base_model]
answer["bases"] += json.load(open(api.hf_hub_download("maker/tuned", "wellspring.json")))["base_models"]
answer["base"] = api.model_info("maker/words").sha
answer["text"] = open(api.hf_hub_download("maker/words", "README.md")).read()
answer["lineage"] = json.load(open(api.hf_hub_download("maker/words", "wellspring.json")))
print(json.dumps(answer))
"""


def test_what_was_opted_out_is_not_trained_on_and_a_finished_model_is_gone_on_with(site, tmp_path):
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
    told = {event["event"]: event for event in events if event["event"] in ("refused", "downloaded")}
    assert told["refused"]["told"].startswith("maker/words is no CLIPModel but a GPTNeoXForCausalLM.")
    assert told["downloaded"]["weights"] == [], "of another kind, and known before anything large came"
    base = {"id": "maker/words", "revision": answer["base"], "kind": "finetune"}
    assert answer["bases"] == [["maker/words"], base]
    assert [source["id"] for source in answer["lineage"]["datasets"]] == ["maker/texts"]
    assert answer["lineage"]["datasets"][0]["revision"] in answer["text"]
