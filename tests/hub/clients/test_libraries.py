"""Libraries that load from a hub and push to it, as their users call them."""

from pathlib import Path

import pytest

from tests.factories import hub as make
from tests.hub.clients.test_huggingface_hub import run

pytestmark = pytest.mark.e2e
PIPELINE = Path(__file__).resolve().parents[2] / "fixtures" / "shapes-tiny"


@pytest.fixture
def token(site):
    return site.token(make.person("ada"))


def test_transformers_pushes_and_loads(site, tmp_path, token):
    answer = run(
        site,
        tmp_path,
        token,
        """
        import torch, transformers
        config = transformers.BertConfig(
            vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
        )
        model = transformers.BertModel(config)
        model.push_to_hub("ada/bert", private=True)
        (here / "vocab.txt").write_text("\\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "world"]))
        transformers.BertTokenizer(str(here / "vocab.txt")).push_to_hub("ada/bert")
        back = transformers.AutoModel.from_pretrained("ada/bert")
        pairs = zip(model.state_dict().values(), back.state_dict().values())
        answer["same"] = all(torch.equal(one, other) for one, other in pairs)
        answer["config"] = transformers.AutoConfig.from_pretrained("ada/bert").hidden_size
        answer["words"] = transformers.AutoTokenizer.from_pretrained("ada/bert").tokenize("hello world")
        answer["missing"] = raised(transformers.AutoModel.from_pretrained, "ada/none")
        info = api.model_info("ada/bert")
        answer["library"] = info.library_name
        answer["files"] = "model.safetensors" in [one.rfilename for one in info.siblings]
        """,
    )

    assert answer == {
        "same": True,
        "config": 16,
        "words": ["hello", "world"],
        "missing": "OSError",
        "library": "transformers",
        "files": True,
    }


def test_diffusers_pushes_and_loads(site, tmp_path, token):
    answer = run(
        site,
        tmp_path,
        token,
        """
        import diffusers, torch
        pipeline = diffusers.DiffusionPipeline.from_pretrained(os.environ["PIPELINE"])
        pipeline.push_to_hub("ada/pictures")
        back = diffusers.DiffusionPipeline.from_pretrained("ada/pictures")
        answer["class"] = type(back).__name__
        pairs = zip(pipeline.transformer.state_dict().values(), back.transformer.state_dict().values())
        answer["same"] = all(torch.equal(one, other) for one, other in pairs)
        answer["part"] = type(diffusers.AutoencoderTiny.from_pretrained("ada/pictures", subfolder="vae")).__name__
        """,
        PIPELINE=str(PIPELINE),
    )

    assert answer == {"class": "StableDiffusion3Pipeline", "same": True, "part": "AutoencoderTiny"}


def test_safetensors_are_read_in_part(site, tmp_path, token):
    answer = run(
        site,
        tmp_path,
        token,
        """
        import torch
        from safetensors.torch import load_file, save_file
        save_file({"weight": torch.arange(6, dtype=torch.float32).reshape(2, 3)}, here / "model.safetensors")
        api.create_repo("ada/tensors")
        name = "model.safetensors"
        api.upload_file(path_or_fileobj=here / name, path_in_repo=name, repo_id="ada/tensors")
        answer["loaded"] = load_file(hf.hf_hub_download("ada/tensors", "model.safetensors"))["weight"].tolist()
        found = api.get_safetensors_metadata("ada/tensors")
        answer["parameters"] = found.parameter_count
        answer["shape"] = found.files_metadata["model.safetensors"].tensors["weight"].shape
        """,
    )

    assert answer == {"loaded": [[0, 1, 2], [3, 4, 5]], "parameters": {"F32": 6}, "shape": [2, 3]}


def test_tables_are_read_where_they_lie(site, tmp_path, token):
    """By fsspec; polars has the address of the public Hub built in, so it takes the file's own address."""
    answer = run(
        site,
        tmp_path,
        token,
        """
        import duckdb, fsspec, pandas, polars
        table = pandas.DataFrame({"n": range(1000), "word": [f"w{n}" for n in range(1000)]})
        table.to_parquet(here / "part.parquet")
        api.create_repo("ada/table", repo_type="dataset")
        api.upload_file(
            path_or_fileobj=here / "part.parquet", path_in_repo="data/part.parquet", repo_id="ada/table",
            repo_type="dataset",
        )
        place = "hf://datasets/ada/table/data/part.parquet"
        answer["pandas"] = int(pandas.read_parquet(place)["n"].sum())
        with fsspec.open(place, "rb") as file:
            answer["fsspec"] = file.read(4).decode()
        database = duckdb.connect()
        database.register_filesystem(hf.HfFileSystem())
        answer["duckdb"] = database.execute(f"SELECT count(*), max(word) FROM '{place}' WHERE n < 10").fetchone()
        address = f"{os.environ['HF_ENDPOINT']}/datasets/ada/table/resolve/main/data/part.parquet"
        answer["polars"] = int(polars.read_parquet(address)["n"].sum())
        scanned = polars.scan_parquet(f"{os.environ['HF_ENDPOINT']}/datasets/ada/table/resolve/main/data/part.parquet")
        answer["lazily"] = scanned.filter(polars.col("n") > 990).collect().height
        """,
    )

    assert answer == {"pandas": 499500, "fsspec": "PAR1", "duckdb": [10, "w9"], "polars": 499500, "lazily": 9}
