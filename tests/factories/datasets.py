"""Small data sets with pictures, as `datasets` writes them, and repositories that hold them."""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from accounts.models import User
from hub.models import DatasetView, Repository
from hub.services import dataset_views
from tests.factories import hub as make

FEATURES = {
    "image": {"_type": "Image"},
    "text": {"dtype": "string", "_type": "Value"},
    "label": {"names": ["circle", "square"], "_type": "ClassLabel"},
    "size": {"dtype": "float64", "_type": "Value"},
    "tags": {"feature": {"dtype": "int32", "_type": "Value"}, "_type": "List"},
}


def png(colour: str = "red", size: tuple[int, int] = (40, 30)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def shapes(count: int = 5, *, start: int = 0) -> bytes:
    """Parquet with a picture, a text, a label, a number and a list a row; every fourth size is empty."""
    numbers = range(start, start + count)
    columns = {
        "image": [{"bytes": png(), "path": f"{n}.png"} for n in numbers],
        "text": [f"shape number {n}" for n in numbers],
        "label": pa.array([n % 2 for n in numbers], pa.int64()),
        "size": pa.array([None if n % 4 == 3 else n / 2 for n in numbers], pa.float64()),
        "tags": pa.array([[n, n + 1] for n in numbers], pa.list_(pa.int32())),
    }
    return parquet(columns, features=FEATURES, row_group_size=4)


def parquet(columns: dict[str, Any], *, features: dict[str, Any] | None = None, row_group_size: int = 1000) -> bytes:
    table = pa.table(columns)
    if features:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=row_group_size)
    return file.getvalue()


def dataset(owner: User | None = None, name: str = "", *, files: dict[str, bytes] | None = None, **facts) -> Repository:
    """A data set whose tables were looked at."""
    files = files or {"data/train-00000-of-00001.parquet": shapes()}
    made = make.repository(owner, name, kind="dataset", files=files, **facts)
    looked_at(made)
    return made


def looked_at(repository: Repository) -> DatasetView:
    """The view of the newest commit, made."""
    repository.refresh_from_db()
    view = dataset_views.request_view(repository, repository.head)
    dataset_views.make_view(view.pk)
    view.refresh_from_db()
    return view
