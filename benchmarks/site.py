"""A whole site on a folder of its own, as `make run` starts it, for the time of a benchmark."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests
from huggingface_hub import HfApi

from config.embedded.ports import free_port
from config.embedded.processes import Child
from config.supervisor import Site
from tests.support import nginx


@dataclass
class Bench:
    """`url` is the web server itself, `front` the nginx before it."""

    site: Site
    folder: Path
    url: str
    front: str
    token: str
    memory: list[int] = field(default_factory=list)

    @property
    def api(self) -> HfApi:
        return HfApi(endpoint=self.url, token=self.token)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def session(self) -> str:
        """The key of a person's browser session, as a log-in makes it."""
        password = secrets.token_hex(8)
        self.site.manage("create_user", "grace", "--password", password)
        browser = requests.Session()
        page = f"{self.url}/login"
        browser.get(page, timeout=60)
        form = {"username": "grace", "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        browser.post(page, form, headers={"Referer": page}, timeout=60).raise_for_status()
        return str(browser.cookies["sessionid"])

    def web(self) -> list[psutil.Process]:
        """The master of the web server and its workers."""
        process = self.site.child("web").process
        assert process is not None
        master = psutil.Process(process.pid)
        return [master, *master.children()]

    def cpu(self) -> float:
        """Seconds of processor time that the web server has used, with the programs that it called."""
        return sum(sum(process.cpu_times()[:4]) for process in self.web())

    def note_memory(self) -> None:
        """The largest worker, in bytes."""
        self.memory.append(max(process.memory_info().rss for process in self.web()))

    def commit(self, repository: str, lines: list[bytes]) -> None:
        address = f"{self.url}/api/models/{repository}/commit/main"
        headers = self.headers | {"Content-Type": "application/x-ndjson"}
        requests.post(address, b"\n".join(lines), headers=headers, timeout=600).raise_for_status()


@contextmanager
def running(folder: Path) -> Iterator[Bench]:
    """The site, and beside it a second web server that leaves the sending of files to an nginx in front."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    for use in ("API", "RESOLVERS", "PAGES", "HEAVY", "TRANSFERS"):  # counted, and never used up
        os.environ[f"WELLSPRING_RATE_{use}"] = "1000000000/1000000000"
    site = Site(folder / "site", port=0)
    site.start()
    second = _second_web(site)
    try:
        second.start()
        token = site.manage("create_user", "ada", "--token").split()[-1]
        objects = (folder / "site" / "objects").resolve()
        app = second.command[3]
        with nginx.in_front_of(app, objects, folder / "nginx") as front:
            yield Bench(site, folder, site.base_url, front, token)
    finally:
        second.ask_to_stop()
        second.make_sure_it_stopped(within=20)
        site.stop()


def _second_web(site: Site) -> Child:
    port = free_port()
    web = site.child("web")
    command = [word if word != site.base_url.removeprefix("http://") else f"127.0.0.1:{port}" for word in web.command]
    environment = web.environment | {"WELLSPRING_SENDFILE_PREFIX": "/_objects/"}
    return Child("web-behind-nginx", command, environment, web.log.with_name("web-behind-nginx.log"))
