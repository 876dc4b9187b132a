"""What the weights of a model say about themselves: parameters by type, and in all."""

import json
import posixpath
from collections import Counter
from collections.abc import Iterator
from typing import Any

from common.errors import Invalid
from hub import stores
from hub.algorithms import tensors, weights
from hub.algorithms.tensors import Tensor
from hub.algorithms.weights import HeaderTooLong, Read, WeightsUnreadable
from hub.enums import RepositoryKind
from hub.errors import EntryNotFound
from hub.git.reading import read_blob
from hub.git.repositories import open_repository
from hub.models import LargeObject, Repository
from hub.selectors import File, Revision, committed_objects, entries_named, files_ending, read_text, revision_of
from hub.selectors.reports import blocks_of
from hub.storage.errors import StorageError

INDEX = ".safetensors.index.json"
_MAX_INDEX = 20 * 2**20
MAX_SHARDS = 1000
_MAX_BYTES = 200 * 2**20  # of all headers of a model together
# What a page reads while somebody waits for it: of one header, and of all shards together.
SHOWN_HEADER = 4 * 2**20
_SHOWN_BYTES = 16 * 2**20
_SHOWN_SHARDS = 250
_AHEAD = 128 * 1024  # most headers are no longer, so they take one look into the store
_VARIANTS = (".fp16.", ".bf16.", ".non_ema.")  # other precisions of weights that are there already


def record(repository: Repository) -> None:
    """Read the weights at the head of the default branch and keep what they say. Harmless when repeated."""
    if repository.kind != RepositoryKind.MODEL or not repository.head:
        return
    revision = revision_of(repository, repository.head)
    files = files_ending(revision, ".safetensors", INDEX, ".gguf")
    facts: dict[str, Any] = {}
    parameters = _parameters(revision, files)
    if parameters:
        facts["safetensors"] = {"parameters": parameters, "total": sum(parameters.values())}
    gguf = _gguf(revision, files)
    if gguf:
        facts["gguf"] = gguf
    total = facts.get("safetensors", facts.get("gguf", {})).get("total")
    still = Repository.objects.filter(pk=repository.pk, head=repository.head)
    still.update(weights=facts, parameters=total if total and total < 2**63 else None)


def sharded_headers(revision: Revision, path: str) -> dict[str, Any]:
    """The index's metadata and the header of every shard. Raises EntryNotFound, Invalid."""
    index = _index(revision, path)
    if index is None:
        raise EntryNotFound("There is no such index of safetensors.", commit=revision.commit)
    try:
        shards = _shards(path, index)
    except WeightsUnreadable as error:
        raise Invalid(str(error)) from error
    files = entries_named(revision, list(shards))
    missing = sorted(set(shards) - {file.path for file in files})
    if missing:
        raise EntryNotFound(f"The index names {missing[0]}, which is not there.", commit=revision.commit)
    try:
        headers = _headers(revision, files)
    except WeightsUnreadable as error:
        raise Invalid(f"The shards of this model cannot be read. {error}") from error
    metadata = index.get("metadata")
    return {
        "index": {"metadata": metadata if isinstance(metadata, dict) else {}},
        "headers": {shards[name]: header for name, header in headers.items()},
    }


def describes_tensors(path: str) -> bool:
    """Whether a file of this name has a table of tensors: weights, or the index of their shards."""
    return path.endswith((".safetensors", INDEX))


def tensors_at(revision: Revision, path: str) -> list[Tensor]:
    """The tensors of a safetensors file, or of all shards that an index names, from their headers only.

    Raises WeightsUnreadable, HeaderTooLong.
    """
    paths = [path]
    if path.endswith(INDEX):
        paths = list(_shards(path, _index(revision, path) or {}))
        if len(paths) > _SHOWN_SHARDS:
            raise HeaderTooLong(f"The index names {len(paths)} shards; at most {_SHOWN_SHARDS} are shown.")
    files = entries_named(revision, paths)
    if not files or len(files) < len(paths) or blocks_of(revision.repository, [file.etag for file in files]):
        raise WeightsUnreadable("A shard is missing, or is not given out.")
    found: list[Tensor] = []
    left = _SHOWN_BYTES
    for name, read in _reads(revision, files):
        ahead = _Ahead(read)
        found += tensors.tensors_of(weights.safetensors_header(ahead, limit=min(left, SHOWN_HEADER)), name)
        left -= ahead.asked
    return found


def _parameters(revision: Revision, files: list[File]) -> dict[str, int]:
    try:
        headers = _headers(revision, _chosen(revision, files))
    except WeightsUnreadable:
        return {}
    found: Counter[str] = Counter()
    for header in headers.values():
        found.update(weights.parameters_of(header))
    return dict(found)


def _chosen(revision: Revision, files: list[File]) -> list[File]:
    """The files that make up the model once: an index's shards, else one file of each folder that has some.

    A pipeline has a folder for each of its parts; what lies at the root comes first.
    """
    by_path = {file.path: file for file in files}
    folders: dict[str, list[str]] = {}
    for path in by_path:
        if path.endswith((".safetensors", INDEX)) and not any(word in path for word in _VARIANTS):
            folders.setdefault(posixpath.dirname(path), []).append(path)
    if "" in folders:
        folders = {"": folders[""]}
    chosen: list[File] = []
    for paths in folders.values():
        index = min((path for path in paths if path.endswith(INDEX)), key=_plainest, default="")
        if index:
            shards = _shards(index, _index(revision, index) or {})
            chosen += [by_path[path] for path in shards if path in by_path]
        elif singles := [path for path in paths if path.endswith(".safetensors")]:
            chosen.append(by_path[min(singles, key=_plainest)])
    return chosen


def _plainest(path: str) -> tuple[bool, int, str]:
    name = posixpath.basename(path)
    return (not name.startswith(("model.", "diffusion_pytorch_model.", "adapter_model.")), len(name), name)


def _index(revision: Revision, path: str) -> dict[str, Any] | None:
    if not path.endswith(INDEX):
        return None
    file = next(iter(entries_named(revision, [path])), None)
    if file is None or file.is_folder or file.size > _MAX_INDEX:
        return None
    try:
        if file.lfs_sha256:
            _path, read = next(_reads(revision, [file]))
            value = json.loads(read(0, file.size))
        else:
            value = json.loads(read_text(revision, path, limit=_MAX_INDEX) or "")
    except (ValueError, RecursionError, WeightsUnreadable):
        return None
    return value if isinstance(value, dict) else None


def _shards(path: str, index: dict[str, Any]) -> dict[str, str]:
    """Path in the repository → name in the index, of the shards. Raises WeightsUnreadable."""
    named = index.get("weight_map")
    names = {name for name in named.values() if isinstance(name, str)} if isinstance(named, dict) else set()
    if len(names) > MAX_SHARDS:
        raise WeightsUnreadable(f"The index names {len(names)} shards; at most {MAX_SHARDS} are read.")
    return {posixpath.normpath(posixpath.join(posixpath.dirname(path), name)): name for name in sorted(names)}


def _headers(revision: Revision, files: list[File]) -> dict[str, dict[str, Any]]:
    """Raises WeightsUnreadable."""
    if len(files) > MAX_SHARDS:
        raise WeightsUnreadable("There are too many files.")
    left = _MAX_BYTES
    found = {}
    for path, read in _reads(revision, files):

        def counted(first: int, length: int, read: Read = read) -> bytes:
            nonlocal left
            left -= length
            if left < 0:
                raise WeightsUnreadable("The headers of all files together are too long.")
            return read(first, length)

        found[path] = weights.safetensors_header(counted)
    return found


def _gguf(revision: Revision, files: list[File]) -> dict[str, Any]:
    """Of the largest GGUF file: the others are the same weights in fewer bits."""
    largest = max((file for file in files if file.path.endswith(".gguf")), key=lambda file: file.size, default=None)
    if largest is None:
        return {}
    try:
        _path, read = next(_reads(revision, [largest]))
        return weights.gguf_facts(read)
    except WeightsUnreadable:
        return {}


def _reads(revision: Revision, files: list[File]) -> Iterator[tuple[str, Read]]:
    """How to read parts of files that the repository itself holds: a pointer to anything else stays closed.

    Raises WeightsUnreadable.
    """
    held = committed_objects(revision.repository, {file.lfs_sha256 for file in files if file.lfs_sha256})
    repo = open_repository(revision.repository.path)
    for file in files:
        if not file.lfs_sha256:
            yield file.path, _of_bytes(read_blob(repo, file.oid))
        elif file.lfs_sha256 in held:
            yield file.path, _of_object(held[file.lfs_sha256])
        else:
            raise WeightsUnreadable(f"The content of {file.path} was never uploaded.")


def _of_bytes(data: bytes) -> Read:
    return lambda first, length: data[first : first + length]


def _of_object(found: LargeObject) -> Read:
    def read(first: int, length: int) -> bytes:
        length = min(length, found.size - first)
        if length <= 0:
            return b""
        try:
            if found.is_plain:
                with stores.plain_objects().open(found.sha256, first, length) as file:
                    return file.read(length)
            return b"".join(stores.xet_store().read_file(found.xet_hash, first, length))
        except StorageError as error:
            raise WeightsUnreadable("The content cannot be read from its store.") from error

    return read


class _Ahead:
    """Reads the beginning of a file at one go; counts what is asked for."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._start = read(0, _AHEAD)
        self.asked = 0

    def __call__(self, first: int, length: int) -> bytes:
        self.asked += length
        last = first + length
        return self._start[first:last] if last <= len(self._start) else self._read(first, length)
