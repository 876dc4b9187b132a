"""The data-set maker uploads thousands of captioned pictures and four kinds of clients read them back."""

import hashlib
import shutil
import time
from pathlib import Path
from typing import Any

import requests

from demo.world import DATASET, World

TRAIN, TEST = 6000, 600


def run(world: World) -> tuple[dict[str, Any], str]:
    from huggingface_hub import HfApi  # noqa: PLC0415 - reads HF_ENDPOINT when imported

    from compute.recipes.shapes.parquet import write_parquet  # noqa: PLC0415 - heavy

    folder = world.folder / "shapes"
    shutil.rmtree(folder, ignore_errors=True)
    write_parquet(folder, train=TRAIN, test=TEST, seed=0)
    files = sorted(folder.rglob("*.parquet"))
    size = sum(file.stat().st_size for file in files)
    api = HfApi(token=world["maker"].token)
    api.create_repo(DATASET, repo_type="dataset", exist_ok=True)
    began = time.monotonic()
    commit = api.upload_folder(folder_path=folder, repo_id=DATASET, repo_type="dataset")
    upload = time.monotonic() - began
    _check_xet(api, files, folder)
    figures: dict[str, Any] = {
        "pictures": TRAIN + TEST,
        "megabytes": round(size / 1e6, 1),
        "upload by Xet": f"{size / 1e6 / upload:.1f} MB/s",
        "curl ranges": _read_in_two_halves(world, files[0], folder),
        "git clone": _clone(world, files[0], folder),
        "load_dataset": _load(world),
    }
    world.state.keep(dataset_commit=commit.oid)
    return figures, f"/datasets/{DATASET}"


def _check_xet(api: Any, files: list[Path], folder: Path) -> None:
    """The large files must really be held as Xet files, not have come in by another door."""
    for entry in api.get_paths_info(DATASET, [str(files[0].relative_to(folder))], repo_type="dataset"):
        if not entry.xet_hash:
            raise RuntimeError(f"{entry.path} is not held as a Xet file.")


def _read_in_two_halves(world: World, file: Path, folder: Path) -> str:
    """As `curl -C -` does after a break: the rest of a file by Range, equal to the byte."""
    address = f"{world.url}/datasets/{DATASET}/resolve/main/{file.relative_to(folder)}"
    content = file.read_bytes()
    half = len(content) // 2
    if shutil.which("curl"):
        target = world.folder / "halved.parquet"
        target.write_bytes(content[:half])
        world.run("curl", "--silent", "--show-error", "--fail", "--location", "-C", "-", "-o", str(target), address)
        got = target.read_bytes()
    else:
        answer = requests.get(address, headers={"Range": f"bytes={half}-"}, timeout=60)
        if answer.status_code != 206:
            raise RuntimeError(f"Range was answered {answer.status_code}.")
        got = content[:half] + answer.content
    if hashlib.sha256(got).digest() != hashlib.sha256(content).digest():
        raise RuntimeError("The resumed download differs from the original.")
    return "equal"


def _clone(world: World, file: Path, folder: Path) -> str:
    target = world.folder / "clone"
    shutil.rmtree(target, ignore_errors=True)
    world.run("git", "clone", "--quiet", f"{world.url}/datasets/{DATASET}", str(target))
    cloned = target / file.relative_to(folder)
    if not shutil.which("git-lfs"):
        if not cloned.read_text().startswith("version https://git-lfs.github.com/spec/v1"):
            raise RuntimeError("The clone holds no pointer where a large file should be.")
        return "pointers only, git-lfs is not installed"
    world.run("git", "-C", str(target), "lfs", "pull")
    if cloned.read_bytes() != file.read_bytes():
        raise RuntimeError("The cloned file differs from the original.")
    return "equal, with git-lfs"


def _load(world: World) -> str:
    from datasets import load_dataset  # noqa: PLC0415 - heavy

    loaded = load_dataset(DATASET, token=world["researcher"].token)
    counts = {name: split.num_rows for name, split in loaded.items()}
    if counts != {"train": TRAIN, "test": TEST}:
        raise RuntimeError(f"load_dataset found {counts}.")
    picture = loaded["test"][0]["image"]
    return f"{counts['train']} + {counts['test']} rows, {picture.size[0]} px"
