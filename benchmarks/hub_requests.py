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
    token = ["-H", f"Authorization: Bearer {bench.token}"]
    session = ["-C", f"sessionid={bench.session()}"]

    def asked(path: str, credential: list[str]) -> float:
        command = ["ab", "-q", "-k", "-i", "-c", "8", "-n", str(_REQUESTS), *credential, f"{bench.url}{path}"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert "Non-2xx" not in said, said
        found = re.search(r"Requests per second:\s+([\d.]+)", said)
        assert found is not None, said
        return float(found[1])

    asked("/benchmark/empty", token)
    # Django's own way of knowing somebody, and ours: both are the floor that the other is not.
    floors = {"an empty view, Django's own session": session, "an empty view, the same token": token}
    for floor_name, credential in floors.items():
        value, floor = alternately(
            lambda: asked(f"/{name}/resolve/main/config.json", token),
            lambda credential=credential: asked("/benchmark/empty", credential),  # type: ignore[misc]
            3,
        )
        yield Measure("HEAD resolve", value, "requests/s", 0.7, floor, floor_name, at_least=True)
    bench.note_memory()
