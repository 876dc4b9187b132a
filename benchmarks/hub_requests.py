"""Requests a second for what every download asks first, by ab (Apache's benchmark, which knows HEAD)."""

import re
import subprocess
from collections.abc import Iterator

from benchmarks.measuring import Measure, alternately
from benchmarks.site import Bench

_REQUESTS = 3000


def measures(bench: Bench) -> Iterator[Measure]:
    name = "ada/asked"
    bench.api.create_repo(name)
    bench.api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id=name)

    def asked(path: str) -> float:
        command = [
            "ab",
            "-q",
            "-k",
            "-i",
            "-c",
            "8",
            "-n",
            str(_REQUESTS),
            "-H",
            f"Authorization: Bearer {bench.token}",
        ]
        said = subprocess.run([*command, f"{bench.url}{path}"], check=True, capture_output=True, text=True).stdout
        assert "Non-2xx" not in said, said
        found = re.search(r"Requests per second:\s+([\d.]+)", said)
        assert found is not None, said
        return float(found[1])

    asked("/benchmark/empty")
    value, floor = alternately(lambda: asked(f"/{name}/resolve/main/config.json"), lambda: asked("/benchmark/empty"), 3)
    bench.note_memory()
    yield Measure("HEAD resolve", value, "requests/s", 0.7, floor, "an empty view for a known person", at_least=True)
