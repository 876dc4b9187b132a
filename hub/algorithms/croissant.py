"""A data set described as Croissant 1.0 (http://mlcommons.org/croissant/1.0) and as schema.org's `Dataset`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
MOST_FILES = 200  # listed one by one; of larger splits the files are a set
_MIME = {
    "parquet": "application/x-parquet", "csv": "text/csv", "tsv": "text/tab-separated-values",
    "json": "application/jsonlines",
}  # fmt: skip
_TYPES = (
    (("int", "uint"), "sc:Integer"), (("float", "decimal"), "sc:Float"), (("bool",), "sc:Boolean"),
    (("timestamp",), "sc:DateTime"), (("date",), "sc:Date"),
)  # fmt: skip
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


@dataclass(frozen=True)
class Table:
    """One split: `files` are `{"path", "size", "sha256"}`, `features` those of `datasets` by column."""

    config: str
    split: str
    format: str
    files: Sequence[Mapping[str, Any]]
    features: Mapping[str, Any]


def schema_of(
    *,
    full_name: str,
    url: str,
    card: Mapping[str, Any],
    licence: str,
    created: datetime,
    changed: datetime,
    creator: str,
    creator_url: str,
    is_organisation: bool,
) -> dict[str, Any]:
    """What schema.org's `Dataset` says of any data set; also the beginning of its Croissant."""
    title = card.get("pretty_name")
    found: dict[str, Any] = {
        "name": title if isinstance(title, str) and title.strip() else full_name.partition("/")[2],
        "alternateName": full_name,
        "description": _description(card, full_name),
        "url": url,
        "creator": {"@type": "Organization" if is_organisation else "Person", "name": creator, "url": creator_url},
        "datePublished": created.date().isoformat(),
        "dateModified": changed.date().isoformat(),
        "keywords": _words(card.get("tags")) + _words(card.get("task_categories")),
        "inLanguage": _words(card.get("language")),
        "isAccessibleForFree": True,
    }
    if licence:
        link = card.get("license_link")
        found["license"] = link if isinstance(link, str) and link.startswith("http") else licence
    return {name: value for name, value in found.items() if value not in ("", [], None)}


def metadata_of(*, url: str, commit: str, tables: Sequence[Table], **facts: Any) -> dict[str, Any]:
    """The whole description: files with digests, and a record set for each split with a field a column."""
    distribution: dict[str, Any] = {}
    sets = []
    for table in tables:
        source = _source(table, url, commit, distribution)
        sets.append(_record_set(table, source))
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        **schema_of(url=url, **facts),
        "version": "1.0.0",
        "distribution": list(distribution.values()),
        "recordSet": sets,
    }


def _source(table: Table, url: str, commit: str, distribution: dict[str, Any]) -> dict[str, Any]:
    """Describe the files of a split; tells what its fields are read from."""
    if len(table.files) > MOST_FILES:
        return _repository_set(table, url, commit, distribution)
    for file in table.files:
        distribution[file["path"]] = {
            "@type": "cr:FileObject",
            "@id": file["path"],
            "name": file["path"],
            "contentUrl": f"{url}/resolve/{commit}/{file['path']}",
            "contentSize": f"{file['size']} B",
            "encodingFormat": _MIME[table.format],
            "sha256": file["sha256"],
        }
    if len(table.files) == 1:
        return {"fileObject": {"@id": table.files[0]["path"]}}
    key = f"files/{table.config}/{table.split}"
    distribution[key] = {
        "@type": "cr:FileSet",
        "@id": key,
        "containedIn": [{"@id": file["path"]} for file in table.files],
        "encodingFormat": _MIME[table.format],
        "includes": [file["path"] for file in table.files],
    }
    return {"fileSet": {"@id": key}}


def _repository_set(table: Table, url: str, commit: str, distribution: dict[str, Any]) -> dict[str, Any]:
    distribution["repository"] = {
        "@type": "cr:FileObject",
        "@id": "repository",
        "name": "repository",
        "description": "The git repository that holds the files.",
        "contentUrl": url,
        "encodingFormat": "git+https",
        "sha256": commit,
    }
    key = f"files/{table.config}/{table.split}"
    distribution[key] = {
        "@type": "cr:FileSet",
        "@id": key,
        "containedIn": {"@id": "repository"},
        "encodingFormat": _MIME[table.format],
        "includes": [file["path"] for file in table.files],
    }
    return {"fileSet": {"@id": key}}


def _record_set(table: Table, source: dict[str, Any]) -> dict[str, Any]:
    key = f"{table.config}/{table.split}"
    fields = [_field(f"{key}/{name}", name, feature, source) for name, feature in table.features.items()]
    return {
        "@type": "cr:RecordSet",
        "@id": key,
        "name": key,
        "description": f"The split {table.split} of the configuration {table.config}.",
        "field": fields,
    }


def _field(key: str, name: str, feature: Any, source: dict[str, Any]) -> dict[str, Any]:
    inner, is_repeated = _item(feature)
    found: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": key,
        "name": name,
        "dataType": _data_type(inner),
        "source": source | {"extract": {"column": name}},
    }
    if isinstance(inner, dict) and inner.get("_type") == "ClassLabel":
        found["description"] = f"Labels by number: {', '.join(map(str, inner.get('names', [])[:100]))}."
    if is_repeated:
        found["repeated"] = True
    return found


def _item(feature: Any) -> tuple[Any, bool]:
    if isinstance(feature, list):
        return (feature[0] if feature else {}), True
    if isinstance(feature, dict) and feature.get("_type") in {"List", "LargeList", "Sequence"}:
        return feature.get("feature"), True
    return feature, False


def _data_type(feature: Any) -> str:
    if not isinstance(feature, dict):
        return "sc:Text"
    kind = feature.get("_type")
    if kind == "Image":
        return "sc:ImageObject"
    if kind == "Audio":
        return "sc:AudioObject"
    if kind == "ClassLabel":
        return "sc:Integer"
    dtype = str(feature.get("dtype", ""))
    return next((name for starts, name in _TYPES if dtype.startswith(starts)), "sc:Text")


def _description(card: Mapping[str, Any], full_name: str) -> str:
    for key in ("description", "dataset_summary"):
        if isinstance(card.get(key), str) and card[key].strip():
            return card[key].strip()[:5000]
    return f"The data set {full_name}."


def _words(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [word for word in values if isinstance(word, str) and word]
