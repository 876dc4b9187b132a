"""The rooms, and who may import whom (README, "The rooms"). Read from the source, nothing is executed."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from compute.backends.sandbox import RECIPES

PROJECT = Path(__file__).resolve().parent.parent
LAYERS = [["common"], ["accounts"], ["revenue"], ["hub"], ["licensing", "compute"], ["inference", "grants"], ["config"]]
ROOMS = [room for layer in LAYERS for room in layer]
RANK = {room: rank for rank, layer in enumerate(LAYERS) for room in layer}
OPEN_TO_OTHERS = {"services", "selectors", "enums", "rules", "models", "algorithms"}
# The foundation rooms offer more: errors, identifiers, the person who asks.
FOUNDATION = {"common", "accounts"}

HEAVY = {"torch", "diffusers", "transformers", "accelerate", "safetensors", "peft", "tensorboardX"}
HEAVY_ROOMS = ("inference/engine/", "compute/recipes/")
DJANGO_FREE = (
    *HEAVY_ROOMS,
    "hub/git/",
    "hub/storage/",
    "hub/viewer/",
    "licensing/standin/",
    "compute/backends/sandbox",
)
STRIPE_FILES = {"licensing/gateway.py", "licensing/standin/schema.py"}


@cache
def source_files() -> list[Path]:
    return sorted(file for room in ROOMS for file in (PROJECT / room).rglob("*.py") if "migrations" not in file.parts)


@cache
def imports_of(file: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def relative(file: Path) -> str:
    return str(file.relative_to(PROJECT))


@cache
def all_imports() -> list[tuple[str, int, str]]:
    return [(relative(file), line, name) for file in source_files() for line, name in imports_of(file)]


def test_there_is_something_to_read():
    assert len(all_imports()) > 500
    assert {relative(file).split("/")[0] for file in source_files()} == set(ROOMS)


def test_rooms_import_leftwards_only():
    wrong = []
    for file, line, name in all_imports():
        room, target = file.split("/")[0], name.split(".")[0]
        if target in RANK and target != room and RANK[target] >= RANK[room]:
            wrong.append(f"{file}:{line} imports {name}")
    assert wrong == []


def test_rooms_use_only_the_open_doors_of_others():
    wrong = []
    for file, line, name in all_imports():
        room, parts = file.split("/")[0], name.split(".")
        if room == "config" or parts[0] not in RANK or parts[0] == room or parts[0] in FOUNDATION:
            continue
        if parts[1] not in OPEN_TO_OTHERS:
            wrong.append(f"{file}:{line} imports {name}")
    assert wrong == []


def test_heavy_packages_stay_with_engine_and_recipes():
    wrong = [
        f"{file}:{line} imports {name}"
        for file, line, name in all_imports()
        if name.split(".")[0] in HEAVY and not file.startswith(HEAVY_ROOMS)
    ]
    assert wrong == []


def test_engine_recipes_git_and_storage_know_no_django():
    rooms_with_django = set(ROOMS) - {"compute", "inference", "hub", "licensing"}
    wrong = [
        f"{file}:{line} imports {name}"
        for file, line, name in all_imports()
        if file.startswith(DJANGO_FREE) and name.split(".")[0] in {"django", "celery", *rooms_with_django}
    ]
    assert wrong == []


def test_a_job_finds_all_that_recipes_import():
    there = [path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".") for path in RECIPES]
    wrong = [
        f"{file}:{line} imports {name}"
        for file, line, name in all_imports()
        if file.startswith("compute/recipes/") and name.split(".")[0] in ROOMS
        if not name.startswith("compute.recipes.") and name not in there
    ]
    assert wrong == []


def test_only_the_gateway_talks_to_stripe():
    wrong = [
        f"{file}:{line} imports {name}"
        for file, line, name in all_imports()
        if name.split(".")[0] == "stripe" and file not in STRIPE_FILES
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("package", "home"),
    [
        ("pygit2", "hub/git/"),
        ("psutil", "compute/backends/"),
        ("hf_xet", "-"),
        ("duckdb", "hub/viewer/"),
        ("boto3", "hub/storage/s3/"),
        ("botocore", "hub/storage/s3/"),
        ("c2pa", "inference/content/"),
    ],
)
def test_special_packages_have_one_home(package, home):
    wrong = [
        f"{file}:{line}"
        for file, line, name in all_imports()
        if name.split(".")[0] == package and not file.startswith(home)
    ]
    assert wrong == []


LAYER_ORDER = [
    {"enums", "algorithms"}, {"models"}, {"selectors"}, {"rules"}, {"services"},
    {"forms", "tasks", "receivers"}, {"views", "api", "admin", "management", "urls"},
]  # fmt: skip


def layer_of(parts: list[str]) -> int | None:
    return next((rank for rank, names in enumerate(LAYER_ORDER) if len(parts) > 1 and parts[1] in names), None)


def test_layers_inside_a_room_import_downwards_only():
    wrong = []
    for file in source_files():
        own = layer_of(relative(file).removesuffix(".py").split("/"))
        if own is None:
            continue
        # An import inside a function is a stated exception and carries its reason.
        for node in ast.parse(file.read_text()).body:
            if (
                isinstance(node, ast.ImportFrom)
                and node.module
                and node.module.split(".")[0] == relative(file).split("/")[0]
            ):
                target = layer_of([*node.module.split("."), *[alias.name for alias in node.names]])
                if target is not None and target > own:
                    wrong.append(f"{relative(file)}:{node.lineno} imports {node.module}")
    assert wrong == []


def test_doors_ask_selectors_for_rows():
    wrong = [
        f"{relative(file)}:{number}"
        for file in source_files()
        if relative(file).startswith(("accounts/api/", "hub/api/", "hub/views/", "inference/views/"))
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if re.search(r"\b[A-Z][A-Za-z]+\.objects\.|get_object_or_404\([A-Z]", line)
    ]
    assert wrong == []


def test_files_stay_readable():
    long = {relative(file): count for file in source_files() if (count := len(file.read_text().splitlines())) > 450}
    assert long == {}
