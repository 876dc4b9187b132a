"""What `datasets` pushes is shown, and the stock client's list of Parquet files works once it is told where to ask."""

import pytest

from hub.models import Repository
from tests.factories import datasets as make_data
from tests.factories import hub as make
from tests.hub.clients.test_huggingface_hub import run

pytestmark = pytest.mark.e2e

PUSH = """
import datasets
from PIL import Image
features = datasets.Features(
    {"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"]), "text": datasets.Value("string")}
)
rows = {"image": [Image.new("RGB", (20, 10), "red")] * 3, "label": [0, 1, 1], "text": ["one", "two", "three"]}
whole = datasets.Dataset.from_dict(rows, features=features)
datasets.DatasetDict({"train": whole, "test": whole.select([0])}).push_to_hub("ada/shapes", private=True)
"""
LIST = """
import io
import pandas
hf.constants._HF_DEFAULT_ENDPOINT = api.endpoint
hf.constants.DATASETS_SERVER_ENDPOINT = api.endpoint + "/datasets-server"
found = api.list_dataset_parquet_files("ada/shapes", config="default")
answer["found"] = [[one.config, one.split] for one in found]
headers = {"Authorization": "Bearer " + os.environ["HF_TOKEN"]}
data = hf.utils.get_session().get(found[0].url, headers=headers, follow_redirects=True).content
answer["size"] = [found[0].size, len(data)]
answer["text"] = list(pandas.read_parquet(io.BytesIO(data))["text"])
answer["anonymous"] = hf.utils.get_session().get(found[0].url).status_code
"""


def test_a_pushed_data_set_is_shown_and_listed(site, tmp_path, client):
    ada = make.person("ada")
    run(site, tmp_path, site.token(ada), PUSH)
    view = make_data.looked_at(Repository.objects.get(name="shapes"))

    assert [(one.config, one.split, one.rows, one.problem) for one in view.splits.all()] == [
        ("default", "train", 3, ""),
        ("default", "test", 1, ""),
    ]
    client.force_login(ada)
    row = client.get("/datasets-server/rows?dataset=ada/shapes").json()["rows"][1]["row"]
    assert (row["label"], row["text"], row["image"]["width"]) == (1, "two", 20)
    listed = run(site, tmp_path, site.token(ada), LIST)
    assert listed["found"] == [["default", "train"], ["default", "test"]]
    assert listed["size"][0] == listed["size"][1]
    assert listed["text"] == ["one", "two", "three"]
    assert listed["anonymous"] == 401
