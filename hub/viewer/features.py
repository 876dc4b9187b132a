"""What the columns of a table are, in the words of `datasets` (its features, as JSON).

Files that `datasets` wrote say it themselves, under the key `huggingface` of their schema; of others
the features follow from the types.
"""

import json
from typing import Any

import pyarrow as pa

_NAMES = {"double": "float64", "float": "float32", "halffloat": "float16", "date32[day]": "date32", "bool": "bool"}


def features_of(schema: pa.Schema) -> dict[str, Any]:
    """Feature by column, in the order of the columns."""
    declared = _declared(schema)
    return {field.name: _fitting(declared.get(field.name), field.type) for field in schema}


def is_media(feature: Any) -> bool:
    """Pictures and sounds, and lists of them."""
    inner = item_of(feature)
    return isinstance(inner, dict) and inner.get("_type") in {"Image", "Audio"}


def item_of(feature: Any) -> Any:
    """What a list holds; anything else as it is."""
    if isinstance(feature, list):
        return feature[0] if feature else None
    if isinstance(feature, dict) and feature.get("_type") in {"List", "LargeList", "Sequence"}:
        return feature.get("feature")
    return feature


def label_names(feature: Any) -> list[str]:
    """The names of a ClassLabel, else nothing."""
    if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list):
        return [str(name) for name in feature["names"]]
    return []


def _declared(schema: pa.Schema) -> dict[str, Any]:
    try:
        info = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = info.get("info", {}).get("features", {})
    except (ValueError, AttributeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _fitting(declared: Any, kind: pa.DataType) -> Any:
    """What the file declares, if it can be true of this type."""
    found = declared.get("_type") if isinstance(declared, dict) else None
    item = kind.value_type if _is_list(kind) else kind
    if found == "ClassLabel" and not (pa.types.is_integer(kind) and label_names(declared)):
        return _of_type(kind)
    if is_media(declared) and not (_holds_bytes(item) and (item is kind) == (item_of(declared) is declared)):
        return _of_type(kind)
    return declared if isinstance(declared, dict | list) and declared else _of_type(kind)


def _of_type(kind: pa.DataType) -> Any:
    if _is_list(kind):
        return {"feature": _of_type(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _of_type(field.type) for field in kind}
    if pa.types.is_dictionary(kind):
        return _of_type(kind.value_type)
    name = str(kind)
    return {"dtype": _NAMES.get(name, name), "_type": "Value"}


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _holds_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or is_file_struct(kind)


def is_file_struct(kind: pa.DataType) -> bool:
    """`{bytes, path}`: how `datasets` keeps a picture or a sound."""
    return pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
