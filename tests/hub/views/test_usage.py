"""What the page of a model tells to paste, by what its files are."""

import ast
import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from hub.services import repositories
from tests.factories import hub as make
from tests.factories.accounts import UserFactory
from tests.factories.inference import weights
from tests.inference.engine.alone import stock
from tests.inference.engine.test_lora import make_lora
from tests.inference.pipelines import save_diffusion_pipeline, save_flow_pipeline

pytestmark = pytest.mark.django_db
PIPELINE = Path(__file__).resolve().parents[2] / "fixtures" / "shapes-tiny"
INDEX = {"_class_name": "StableDiffusion3Pipeline", "text_encoder_3": [None, None], "tokenizer_3": [None, None]}
LORA, WORD = "pytorch_lora_weights.safetensors", "learned_embeds.safetensors"


def code_of(client, address, label="diffusers"):
    answer = client.get(address)
    assert answer.status_code == 200
    found = re.search(rf"<summary>{label} .*?<pre><code>(.*?)</code></pre>", answer.content.decode(), re.DOTALL)
    code = unescape(found.group(1))
    ast.parse(code)
    return code


def card(text="", **words):
    lines = "".join(f"{name}: {json.dumps(value)}\n" for name, value in words.items())
    return f"---\n{lines}---\n# A card\n{text}\n".encode()


@pytest.fixture
def owner():
    return UserFactory(username="owner")


def test_an_adapter_is_loaded_into_its_base(client, owner):
    make.repository(owner, "base", files={"model_index.json": json.dumps(INDEX).encode()})
    files = {"README.md": card(base_model="owner/base", library_name="diffusers"), LORA: weights({"x": [1, 1]})}
    make.repository(owner, "lora", files=files)
    code = code_of(client, "/owner/lora")
    assert 'from_pretrained("owner/base", text_encoder_3=None, tokenizer_3=None)' in code
    assert 'load_lora_weights("owner/lora")' in code
    assert 'pipeline("a tree on a hill")' in code
    assert "not on this site" not in code
    files = {"README.md": card(base_model="owner/base"), WORD: weights({"clip_l": [1, 8], "clip_g": [1, 8]})}
    make.repository(owner, "word", files=files | {"README.md": card("`token='<sks>'`", base_model=["owner/base"])})
    code = code_of(client, "/owner/word")
    assert "class Pipeline(StableDiffusion3Pipeline, TextualInversionLoaderMixin):" in code
    assert 'token="<sks>"' in code
    assert 'pipeline("a picture of <sks>")' in code


def test_words_of_the_card_are_the_prompt(client, owner):
    index = {"model_index.json": b'{"_class_name": "StableDiffusionPipeline"}'}
    for name, text, words, prompt in (
        ("a", "", {"widget": [{"src": "a.png"}, {"text": "a cat\n on a mat"}]}, "a cat on a mat"),
        ("b", "", {"instance_prompt": "a photo of sks dog"}, "a photo of sks dog"),
        ("c", "```python\npipe('a red \"fox\"', 3)\n```", {"widget": "x"}, 'a red \\"fox\\"'),
        ("d", "nothing", {"widget": [3, {"text": ""}]}, "a tree on a hill"),
        ("e", "", {"widget": [{"text": "红色的圆"}]}, "红色的圆"),
    ):
        make.repository(owner, name, files=index | {"README.md": card(text, **words)})
        assert f'pipeline("{prompt}")' in code_of(client, f"/owner/{name}"), name


def test_one_network_and_a_language_model_are_loaded_by_their_class(client, owner):
    for name, config, label, line in (
        ("kl", {"_class_name": "AutoencoderKL"}, "diffusers", 'AutoencoderKL.from_pretrained("owner/kl")'),
        ("vq", {"_class_name": "VQModel"}, "diffusers", "encode(pictures).latents"),
        ("net", {"_class_name": "UNet2DModel"}, "diffusers", 'UNet2DModel.from_pretrained("owner/net")'),
        ("odd", {"_class_name": "os; x"}, "diffusers", "DiffusionPipeline"),
        (
            "lm",
            {"model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"]},
            "transformers",
            'AutoModelForCausalLM.from_pretrained("owner/lm")',
        ),
        (
            "gpt",
            {"model_type": "gpt2", "architectures": "GPT2LMHeadModel"},
            "transformers",
            'AutoModelForCausalLM.from_pretrained("owner/gpt")',
        ),
        ("clip", {"model_type": "clip", "architectures": ["CLIPModel"]}, "transformers", 'AutoModel.from_pretrained("'),
    ):
        make.repository(owner, name, files={"config.json": json.dumps(config).encode()})
        assert line in code_of(client, f"/owner/{name}", label), name


def test_a_base_that_one_may_not_have_is_to_be_brought_along(client, owner):
    """And nothing of its files is told."""
    base = make.repository(owner, "base", files={"model_index.json": json.dumps(INDEX).encode()})
    files = {LORA: weights({"x": [1, 1]})}
    make.repository(owner, "lora", files=files | {"README.md": card(base_model="owner/base")})
    make.repository(owner, "none", files=files)
    by = make.as_principal(owner)
    for change in ({"visibility": "private"}, {"visibility": "public", "gated": "manual"}):
        repositories.update_settings(base, by=by, **change)
        client.logout()
        code = code_of(client, "/owner/lora")
        assert "# The base model is not on this site, or not open to you" in code
        assert 'from_pretrained("owner/base")' in code
        client.force_login(owner)
        assert 'from_pretrained("owner/base", text_encoder_3=None' in code_of(client, "/owner/lora")
    assert "names no base model" in code_of(client, "/owner/none")


def test_what_is_in_a_gated_file_is_told_to_those_who_may_have_it(client, owner):
    made = make.repository(owner, "word", files={WORD: weights({"<secret>": [1, 8]})})
    assert "<secret>" in code_of(client, "/owner/word")
    repositories.update_settings(made, by=make.as_principal(owner), gated="manual")
    assert "<secret>" not in code_of(client, "/owner/word")
    client.force_login(owner)
    assert "<secret>" in code_of(client, "/owner/word")


def test_broken_and_hostile_files_leave_a_page(client, owner):
    nasty = 'x")\nimport os  # \u202e'
    for name, files in (
        ("a", {"model_index.json": b"[" * 9000, "README.md": card(library_name="diffusers")}),
        ("b", {WORD: b"no header", "README.md": card(base_model=nasty)}),
        ("c", {LORA: b"", "README.md": card(base_model=nasty, widget=[{"text": nasty}])}),
        ("d", {WORD: weights({nasty: [1, 1]})}),
        ("e", {"config.json": b'{"architectures": [], "model_type": "x"}'}),
        ("f", {"config.json": b'{"architectures": "GPT2LMHeadModel", "model_type": "gpt2"}'}),
    ):
        make.repository(owner, name, files=files)
        answer = client.get(f"/owner/{name}")
        assert answer.status_code == 200
        for code in re.findall(r"Python</span></summary><pre><code>(.*?)</code>", answer.content.decode(), re.DOTALL):
            assert "\u202e" not in code
            lines = unescape(code).splitlines()
            assert not any(line.startswith("import os  #") for line in lines)
            ast.parse(unescape(code))


def pasted(client, page, label, site, folder):
    """Run the Python snippet of a page as a person would; returns what it printed."""
    code = code_of(client, page, label).replace("http://127.0.0.1:8000", site.url)
    environment = {name: value for name, value in site.environment(folder).items() if name != "HF_ENDPOINT"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_snippets_work_when_pasted(client, site, tmp_path):
    ada = UserFactory(username="ada")
    by = make.as_principal(ada)
    model = make.repository(ada, "pictures")
    files = {str(file.relative_to(PIPELINE)): file.read_bytes() for file in PIPELINE.rglob("*") if file.is_file()}
    large = {path: data for path, data in files.items() if path.endswith(".safetensors")}
    make.put_large(model, large, by=by)
    make.put(model, {path: data for path, data in files.items() if path not in large}, by=by)
    make.repository(ada, "rows", kind="dataset", files={"train.csv": b"a,b\n1,2\n3,4\n"})
    repositories.update_settings(model, by=by, visibility="public")

    pasted(client, "/ada/pictures", "diffusers", site, tmp_path)
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert "weight" in pasted(client, "/ada/pictures", "safetensors", site, tmp_path)
    assert "num_rows: 2" in pasted(client, "/datasets/ada/rows", "datasets", site, tmp_path)


def put_folder(owner, name, folder, **words):
    """The files of a folder, those of weights as large ones, under a card of these words."""
    by, made = make.as_principal(owner), make.repository(owner, name)
    files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    large = {path: data for path, data in files.items() if path.endswith(".safetensors")}
    make.put_large(made, large, by=by)
    small = {path: data for path, data in files.items() if path not in large}
    make.put(made, small | {"README.md": card(**words)}, by=by)
    repositories.update_settings(made, by=by, visibility="public")
    return made


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_snippets_of_what_is_no_pipeline_work_when_pasted(client, site, tmp_path, owner):
    import torch
    from diffusers import AutoencoderKL, VQModel
    from safetensors.torch import save_file
    from transformers import AutoTokenizer, GPTNeoXConfig, GPTNeoXForCausalLM

    base = save_diffusion_pipeline(tmp_path / "base")
    put_folder(owner, "base", base)
    make_lora(stock("StableDiffusionPipeline", base), tmp_path / "lora", ["unet"], rank=2, alpha=2, seed=1)
    put_folder(owner, "lora", tmp_path / "lora", base_model="owner/base")
    (tmp_path / "word").mkdir()
    width = json.loads((base / "text_encoder" / "config.json").read_text())["hidden_size"]
    save_file({"<sks>": torch.ones(width)}, tmp_path / "word" / WORD)
    put_folder(owner, "word", tmp_path / "word", base_model="owner/base")
    flow = save_flow_pipeline(tmp_path / "flow")
    put_folder(owner, "flow", flow)
    width = json.loads((flow / "text_encoder" / "config.json").read_text())["hidden_size"]
    (tmp_path / "words").mkdir()
    save_file({"clip_l": torch.ones(width), "clip_g": torch.ones(width)}, tmp_path / "words" / WORD)
    put_folder(owner, "words", tmp_path / "words", base_model="owner/flow")
    small = {"block_out_channels": (8,), "norm_num_groups": 4, "latent_channels": 4}
    AutoencoderKL(**small).save_pretrained(tmp_path / "kl")
    VQModel(**small, num_vq_embeddings=8).save_pretrained(tmp_path / "vq")
    language = GPTNeoXConfig(
        vocab_size=600, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    GPTNeoXForCausalLM(language).save_pretrained(tmp_path / "lm")
    AutoTokenizer.from_pretrained(base / "tokenizer").save_pretrained(tmp_path / "lm")
    for name in ("kl", "vq", "lm"):
        put_folder(owner, name, tmp_path / name)

    for name in ("flow", "lora", "word", "words"):
        folder = tmp_path / f"out-{name}"
        folder.mkdir()
        pasted(client, f"/owner/{name}", "diffusers", site, folder)
        assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG"), name
    for name in ("kl", "vq"):
        assert "torch.Size([1, 3, 64, 64])" in pasted(client, f"/owner/{name}", "diffusers", site, tmp_path)
    assert pasted(client, "/owner/lm", "transformers", site, tmp_path).strip()
