"""Which files of a data set form which configuration and split.

The card's `configs` decide; without them names do, by the conventions that `datasets` documents:
`data/train-00000-of-00002.parquet`, folders or file names with a word for the split, else all is `train`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

FORMATS = {
    ".parquet": "parquet", ".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "json", ".ndjson": "json",
}  # fmt: skip
DEFAULT = "default"
WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
MOST_SPLITS = 100
_IGNORED = {"config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
_BETWEEN = r"[-._ 0-9]"
_SHARD = re.compile(r"^data/(?P<split>\w+(?:\.\w+)*)-\d{5}-of-\d{5}[^/]*\.[^/]+$")


@dataclass(frozen=True)
class SplitFiles:
    """The files of one split, in order, all of one format."""

    config: str
    split: str
    format: str
    paths: tuple[str, ...]


def splits_of(metadata: Mapping[str, Any], paths: Iterable[str]) -> list[SplitFiles]:
    """Every split, the default configuration first, in the order of the card or of convention."""
    usable = sorted(path for path in paths if _is_usable(path))
    configs = metadata.get("configs")
    found: list[SplitFiles] = []
    if isinstance(configs, list) and any(_is_config(entry) for entry in configs):
        listed = [entry for entry in configs if _is_config(entry)]
        for entry in sorted(listed, key=lambda entry: entry.get("default") is not True):
            found += _of_config(entry, usable)
    else:
        found = _by_convention(DEFAULT, usable)
    unique = {(entry.config, entry.split): entry for entry in reversed(found)}
    return [entry for entry in found if unique[entry.config, entry.split] is entry][:MOST_SPLITS]


def format_of(path: str) -> str:
    return FORMATS.get("." + path.rpartition(".")[2].lower(), "")


def _is_config(entry: Any) -> bool:
    return isinstance(entry, dict) and ("data_files" in entry or "data_dir" in entry)


def _is_usable(path: str) -> bool:
    folders = path.split("/")
    hidden = any(part.startswith((".", "__")) for part in folders)
    return bool(format_of(path)) and not hidden and folders[-1] not in _IGNORED


def _of_config(entry: dict[str, Any], paths: Sequence[str]) -> list[SplitFiles]:
    name = str(entry.get("config_name") or DEFAULT)
    folder = entry.get("data_dir")
    if isinstance(folder, str) and folder.strip("/. "):
        prefix = folder.removeprefix("./").strip("/") + "/"
        paths = [path for path in paths if path.startswith(prefix)]
    else:
        prefix = ""
    patterns = _patterns(entry.get("data_files"))
    if patterns is None:
        inside = _by_convention(name, [path.removeprefix(prefix) for path in paths])
        return [SplitFiles(name, one.split, one.format, tuple(prefix + path for path in one.paths)) for one in inside]
    found = []
    for split, globs in patterns:
        wanted = [_glob(prefix + glob.removeprefix("./")) for glob in globs]
        found += _split(name, split, [path for path in paths if any(glob.match(path) for glob in wanted)])
    return found


def _patterns(value: Any) -> list[tuple[str, list[str]]] | None:
    """`data_files` in any of its spellings: one pattern, a list, splits by name, a list of splits."""
    if isinstance(value, str):
        return [("train", [value])]
    if isinstance(value, dict):
        return [(str(split), _texts(globs)) for split, globs in value.items()]
    if isinstance(value, list):
        named = [entry for entry in value if isinstance(entry, dict)]
        if named:
            return [(str(entry.get("split") or "train"), _texts(entry.get("path"))) for entry in named]
        return [("train", _texts(value))]
    return None


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str)][:1000]


def _by_convention(config: str, paths: Sequence[str]) -> list[SplitFiles]:
    sharded: dict[str, list[str]] = {}
    for path in paths:
        if found := _SHARD.match(path):
            sharded.setdefault(found["split"], []).append(path)
    if sharded:
        order = [*WORDS, *sorted(sharded.keys() - WORDS.keys())]
        return [entry for split in order if split in sharded for entry in _split(config, split, sharded[split])]
    for pattern in (_in_folder, _in_name):
        by_split = {split: [path for path in paths if pattern(split).search(path)] for split in WORDS}
        if any(by_split.values()):
            return [entry for split, chosen in by_split.items() for entry in _split(config, split, chosen)]
    return _split(config, "train", list(paths))


def _split(config: str, split: str, paths: Sequence[str]) -> list[SplitFiles]:
    """Files of different formats cannot be one table: those of the commonest format are taken."""
    if not paths or not all(_is_name(name) for name in (config, split)):
        return []
    formats = Counter(format_of(path) for path in paths)
    chosen = max(formats, key=lambda name: (formats[name], name == "parquet"))
    return [SplitFiles(config, split, chosen, tuple(path for path in paths if format_of(path) == chosen))]


def _is_name(text: str) -> bool:
    """Fit for one segment of an address."""
    return 0 < len(text) <= 100 and "/" not in text and text.isprintable() and text not in {".", ".."}


@lru_cache
def _in_folder(split: str) -> re.Pattern[str]:
    words = "|".join(WORDS[split])
    return re.compile(rf"(?:^|/|[^/]*{_BETWEEN})(?:{words})(?:{_BETWEEN}[^/]*)?/")


@lru_cache
def _in_name(split: str) -> re.Pattern[str]:
    words = "|".join(WORDS[split])
    return re.compile(rf"(?:^|/|{_BETWEEN})(?:{words}){_BETWEEN}[^/]*$")


def _glob(pattern: str) -> re.Pattern[str]:
    """`**` crosses folders, `*` and `?` do not, `[…]` is one of these signs."""
    out = ""
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
            continue
        if pattern.startswith("**", at):
            out, at = out + ".*", at + 2
            continue
        end = pattern.find("]", at + 2) if char == "[" else -1
        if end > 0:
            inside = pattern[at + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            out += f"[{'^' + inside[1:] if inside[0] in '!^' else inside}]"
            at = end + 1
            continue
        out += {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char))
        at += 1
    try:
        return re.compile(out + r"\Z")
    except re.error:
        return re.compile(re.escape(pattern) + r"\Z")
