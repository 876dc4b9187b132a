"""The stock client lists, searches and reads what weights say."""

import pytest

from common.services import outbox
from tests.factories import hub as make
from tests.hub.clients.test_huggingface_hub import run
from tests.hub.weights import safetensors

pytestmark = pytest.mark.e2e

CARD = b"""---
license: mit
language: zh
tags: [lattice]
pipeline_tag: text-to-image
library_name: diffusers
---
# A painter of foxes
"""
INDEX = (
    b'{"metadata": {"total_size": 24},'
    b' "weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}'
)


def test_lists_searches_and_weights(site, tmp_path):
    ada = make.person("ada")
    token = site.token(ada)
    make.repository(ada, "painter-7b", files={"README.md": CARD, "model.safetensors": safetensors(a=("F32", [2, 3]))})
    shards = {
        "model.safetensors.index.json": INDEX,
        "model-1-of-2.safetensors": safetensors(a=("BF16", [5])),
        "model-2-of-2.safetensors": safetensors(b=("F32", [7])),
    }
    make.repository(ada, "sharded", files=shards)
    make.repository(ada, "hidden", visibility="private", files=shards)
    make.repository(ada, "foxes", kind="dataset", files={"README.md": b"---\ntask_categories: [translation]\n---\n"})
    make.repository(ada, "fox-space", kind="space", files={"README.md": b"---\nmodels: [ada/sharded]\n---\n"})
    outbox.relay()

    answer = run(
        site,
        tmp_path,
        token,
        """
        def ids(found): return [one.id for one in found]
        anyone = hf.HfApi(token=False)
        answer["words"] = ids(anyone.list_models(search="painter foxes"))
        answer["filters"] = ids(anyone.list_models(filter=["lattice", "zh"], pipeline_tag="text-to-image", gated=False))
        answer["sizes"] = ids(anyone.list_models(num_parameters="min:7,max:100"))
        answer["warm"] = ids(anyone.list_models(inference="warm"))
        answer["provider"] = ids(anyone.list_models(inference_provider="all"))
        answer["orders"] = [len(ids(api.list_models(sort=sort))) for sort in
                            ("created_at", "last_modified", "downloads", "trending_score")]
        answer["data"] = ids(anyone.list_datasets(search="foxes", task_categories="translation"))
        answer["named"] = ids(anyone.list_datasets(dataset_name="foxes", search="ada"))
        answer["spaces"] = ids(anyone.list_spaces(models="ada/sharded", linked=True))
        answer["running"] = ids(anyone.search_spaces("fox"))
        answer["any"] = ids(anyone.search_spaces("fox", include_non_running=True))
        answer["refused"] = raised(lambda: list(anyone.list_models(num_parameters="7B")))
        wanted = ["safetensors", "downloadsAllTime", "trendingScore", "baseModels"]
        info = anyone.model_info("ada/sharded", expand=wanted)
        answer["total"] = [info.safetensors.total, info.safetensors.parameters, info.downloads_all_time]
        listed = anyone.list_models(search="painter", expand=["safetensors"])
        answer["listed"] = [one.safetensors.total for one in listed]
        answer["single"] = anyone.get_safetensors_metadata("ada/painter-7b").parameter_count
        answer["sharded"] = anyone.get_safetensors_metadata("ada/sharded").parameter_count
        once = anyone.get_sharded_safetensors_metadata("ada/sharded")
        answer["once"] = [once.parameter_count, once.metadata, once.weight_map]
        first = anyone.parse_safetensors_file_metadata("ada/sharded", "model-1-of-2.safetensors")
        answer["file"] = first.parameter_count
        answer["private"] = raised(anyone.get_sharded_safetensors_metadata, "ada/hidden")
        answer["own"] = api.get_sharded_safetensors_metadata("ada/hidden").parameter_count
        answer["nothing"] = raised(api.get_sharded_safetensors_metadata, "ada/painter-7b")
        answer["tags"] = sorted(anyone.get_model_tags())
        """,
    )

    assert answer["words"] == answer["filters"] == ["ada/painter-7b"]
    assert answer["sizes"] == ["ada/sharded"]
    assert answer["warm"] == answer["provider"] == answer["running"] == []
    assert answer["orders"] == [3, 3, 3, 3]
    assert answer["data"] == answer["named"] == ["ada/foxes"]
    assert answer["spaces"] == answer["any"] == ["ada/fox-space"]
    assert answer["refused"] == "BadRequestError"
    assert answer["total"] == [12, {"BF16": 5, "F32": 7}, 0]
    assert answer["listed"] == [6]
    assert answer["single"] == {"F32": 6}
    assert answer["sharded"] == {"BF16": 5, "F32": 7}
    assert answer["once"] == [
        {"BF16": 5, "F32": 7},
        {"total_size": 24},
        {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"},
    ]
    assert answer["file"] == {"BF16": 5}
    assert answer["private"] == "RepositoryNotFoundError"
    assert answer["own"] == {"BF16": 5, "F32": 7}
    assert answer["nothing"] == "RemoteEntryNotFoundError"
    assert answer["tags"] == ["language", "library", "license", "other", "pipeline_tag"]
