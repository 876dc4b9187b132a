"""Running the client's tests: pytest processes of its own environment, and what they wrote down.

A test that hangs inside the client's native code can only be ended with its process. It is then
counted as failed, and the rest of its batch goes on in a new process.
"""

import itertools
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.compat.clients import Client
from tests.compat.nowhere import nowhere
from tests.compat.people import FULL_NAME, PRIVATE_ORGANISATION, People

_BATCH = 60
_TIMEOUT = 60  # seconds a test may take
_INI = """[pytest]
addopts = -Werror::FutureWarning --strict-markers -p no:cacheprovider
asyncio_default_fixture_loop_scope = function
markers =
    xet: needs hf_xet
    no_xet: needs its absence
    inference: calls a model
    production: needs the public Hub
    deprecated: expects a FutureWarning
    git_lfs: needs git-lfs
    transfer: moves content
"""


@dataclass(frozen=True)
class Run:
    """`folder` takes homes, settings and results."""

    client: Client
    endpoint: str
    people: People
    folder: Path
    without_xet: bool = False


@dataclass(frozen=True)
class Result:
    """`outcome` is pytest's word. `hosts` are those outside this machine that the test asked for."""

    test: str
    outcome: str
    seconds: float = 0.0
    message: str = ""
    last_request: str = ""
    hosts: tuple[str, ...] = ()
    needs_xet: bool = False


def run_all(run: Run, tests: list[str], *, processes: int, keep_going: Callable[[], None]) -> list[Result]:
    """Every test once; `keep_going` is called about once a second meanwhile."""
    run.folder.mkdir(parents=True)
    (run.folder / "pytest.ini").write_text(_INI)
    stop = threading.Event()
    threading.Thread(target=_while_running, args=(stop, keep_going), daemon=True).start()
    with nowhere() as address, ThreadPoolExecutor(processes) as pool:
        batches = [pool.submit(_run_batch, run, number, batch, address) for number, batch in enumerate(_batches(tests))]
        results = [result for batch in batches for result in batch.result()]
    stop.set()
    return sorted(results, key=lambda result: result.test)


def _while_running(stop: threading.Event, keep_going: Callable[[], None]) -> None:
    while not stop.wait(1):
        keep_going()


def _batches(tests: list[str]) -> list[list[str]]:
    """Tests of one file, classes together (they share what they made on the hub); the largest first."""
    batches = []
    for _file, of_file in itertools.groupby(tests, key=lambda test: test.split("::")[0]):
        batch: list[str] = []
        for _name, group in itertools.groupby(of_file, key=_class_of):
            together = list(group)
            if batch and len(batch) + len(together) > _BATCH:
                batches.append(batch)
                batch = []
            batch += together
        batches.append(batch)
    return sorted(batches, key=len, reverse=True)


def _class_of(test: str) -> str:
    parts = test.split("::")
    return parts[1] if len(parts) > 2 else ""


def _run_batch(run: Run, number: int, tests: list[str], production: str) -> list[Result]:
    done: dict[str, Result] = {}
    home = run.folder / f"home-{number}"
    home.mkdir()
    while left := [test for test in tests if test not in done]:
        written = run.folder / f"results-{number}.jsonl"
        current = run.folder / f"current-{number}"
        current.unlink(missing_ok=True)
        settings = _settings(run, left, written, current, production)
        (run.folder / f"settings-{number}.json").write_text(json.dumps(settings))
        ended = _pytest(run, number, left, home)
        done |= {result.test: result for result in _read(written)}
        if ended:
            break
        stuck = current.read_text() if current.exists() else left[0]
        if stuck in done:
            continue
        done[stuck] = Result(stuck, "failed", _TIMEOUT, f"did not end within {_TIMEOUT} s, or ended its process")
    missing = [Result(test, "missing", message="pytest did not find it") for test in tests if test not in done]
    shutil.rmtree(home, ignore_errors=True)
    return [*done.values(), *missing]


def _settings(run: Run, tests: list[str], written: Path, current: Path, production: str) -> dict[str, object]:
    people = run.people
    return {
        "endpoint": run.endpoint,
        "tests": tests,
        "results": str(written),
        "current": str(current),
        "constants": {
            "ENDPOINT_STAGING": run.endpoint,
            "ENDPOINT_PRODUCTION": production,
            "ENDPOINT_PRODUCTION_URL_SCHEME": production + "/{repo_id}/resolve/{revision}/{filename}",
            "USER": people.user.name,
            "FULL_NAME": FULL_NAME,
            "TOKEN": people.user.token,
            "OTHER_USER": people.other.name,
            "OTHER_TOKEN": people.other.token,
            "ENTERPRISE_USER": people.enterprise.name,
            "ENTERPRISE_ORG": PRIVATE_ORGANISATION,
            "ENTERPRISE_TOKEN": people.enterprise.token,
        },
    }


def _pytest(run: Run, number: int, tests: list[str], home: Path) -> bool:
    """Whether pytest came to its own end."""
    root = run.client.root
    command = [str(run.client.python), "-m", "pytest", "-c", str(run.folder / "pytest.ini"), "--rootdir", str(root)]
    command += ["-q", "--no-header", "--tb=short", "-rN", "--continue-on-collection-errors", "--vcr-record=none"]
    command += [f"--timeout={_TIMEOUT}", "--timeout-method=thread", "-p", "tests_compat_plugin"]
    if run.without_xet:
        command += ["-m", "not xet"]
    command += sorted({test.split("::")[0] for test in tests})
    environment = _environment(run, number, home)
    with (run.folder / "pytest.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            return process.wait(60 + 10 * len(tests) + 3 * _TIMEOUT) in {0, 1, 2, 5}
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return False


def _environment(run: Run, number: int, home: Path) -> dict[str, str]:
    strange = ("HF_", "HUGGING", "PYTEST_", "OAUTH_", "OPENID_", "WELLSPRING_", "DJANGO_", "DATABASE_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    plugins = run.folder / "plugins"
    plugins.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).parent / "plugin.py", plugins / "tests_compat_plugin.py")
    more = {
        "HF_ENDPOINT": run.endpoint,
        "HF_HOME": str(home / "hf"),
        "HOME": str(home),
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "PYTHONPATH": str(plugins),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TESTS_COMPAT_SETTINGS": str(run.folder / f"settings-{number}.json"),
    }
    return kept | more | ({"HF_HUB_DISABLE_XET": "1"} if run.without_xet else {})


def _read(written: Path) -> Iterable[Result]:
    if not written.exists():
        return
    for line in written.read_text().splitlines():
        row = json.loads(line)
        yield Result(**(row | {"hosts": tuple(row["hosts"])}))
