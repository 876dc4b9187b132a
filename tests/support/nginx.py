"""A real nginx in front of a site, with the configuration that docs/how-to/nginx.conf gives."""

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from config.embedded.ports import free_port

CONFIGURATION = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "nginx.conf"
# Debian keeps it out of the path of ordinary users.
PROGRAM = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
_MAIN = """
{user} worker_processes 2; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    sendfile on; tcp_nopush on; access_log off; default_type application/octet-stream; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/server.conf;
}}
"""


def in_front_of(app: str, objects: Path, folder: Path, port: int = 0) -> AbstractContextManager[str]:
    """nginx before the site at `app` (host:port), on a port that the site may know already; gives its address."""
    filled = CONFIGURATION.read_text().replace("@APP@", app).replace("@OBJECTS@", str(objects))
    return _running(filled, folder, port)


def static(files: Path, folder: Path) -> AbstractContextManager[str]:
    """nginx that serves the files of a folder and nothing else; gives its address."""
    return _running(f"server {{ listen @PORT@; root {files}; }}", folder)


@contextmanager
def _running(server: str, folder: Path, port: int = 0) -> Iterator[str]:
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.conf").write_text(server.replace("@PORT@", f"127.0.0.1:{port}"))
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user=user))
    process = subprocess.Popen([PROGRAM, "-c", str(folder / "nginx.conf"), "-p", str(folder)])
    try:
        _wait(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: str, process: subprocess.Popen) -> None:
    for _attempt in range(100):
        assert process.poll() is None, "nginx stopped at once"
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("nginx does not answer")
