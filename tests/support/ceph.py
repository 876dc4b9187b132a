"""A real S3 server for one test run: Ceph's object gateway from Debian's packages.

One monitor, one object store and one gateway, on loopback, without systemd, in a
temporary folder, as their own user (started by root) or as ours. It checks signatures, expiry and digests, which
imitations do not.
"""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from config.embedded.ports import free_port

ACCESS_KEY, SECRET_KEY = "wellspring", "secret-of-the-tests"

_CONF = """
[global]
fsid = {fsid}
mon_host = v2:127.0.0.1:{mon}/0
mon_initial_members = a
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_crush_update_on_start = true
crush_location = root=default host=localhost
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
run_dir = {root}/run
admin_socket = {root}/run/$name.asok
pid_file = {root}/run/$name.pid
log_file = {root}/log/$name.log
mon_data = {root}/mon
mon_cluster_log_file = {root}/log/cluster.log
osd_data = {root}/osd
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_max_object_name_len = 1024
osd_op_threads = 2
rgw_data = {root}/rgw
{user}
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_enable_usage_log = false
rgw_enable_ops_log = false
rgw_thread_pool_size = 32
"""


# Ends what it was told of when the test run is gone, however that ended. Ceph's change of user rules out
# the kernel's own signal for this.
_GUARD = 'while read -r group; do groups="$groups -$group"; done; kill -9 $groups; rm -rf "$0"'


class Ceph:
    """The three processes; `endpoint` is where S3 answers."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="wellspring-ceph-"))
        self._conf = self.root / "ceph.conf"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, str(self.root)], stdin=subprocess.PIPE, start_new_session=True
        )
        self._port = free_port()
        self.endpoint = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """All of it, from nothing; about ten seconds. Raises with the logs when it does not come up."""
        atexit.register(self.stop)
        try:
            self._make_folders()
            self._start_monitor()
            self._start_store()
            self.start_gateway()
            self._make_user()
        except BaseException:
            self.stop()
            raise

    def start_gateway(self) -> None:
        """The part that clients talk to, also after `stop_gateway`."""
        self._run("radosgw", "-n", "client.rgw", "-f")
        self._wait(self._answers, "the gateway")

    def stop_gateway(self) -> None:
        """Away from one moment to the next, as when a network fails."""
        self._end(self._processes.pop(), signal.SIGKILL)

    def stop(self) -> None:
        """Nothing is left behind, neither processes nor files."""
        atexit.unregister(self.stop)
        self._guard.kill()
        self._guard.wait()
        self._guard.stdin.close()
        while self._processes:
            self._end(self._processes.pop(), signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)

    def _make_folders(self) -> None:
        self.root.chmod(0o755)
        for name in ("mon", "osd", "rgw", "log", "run"):
            (self.root / name).mkdir()
        fsid = str(uuid.uuid4())
        mon = free_port()
        is_root = os.geteuid() == 0
        user = "setuser = ceph\nsetgroup = ceph" if is_root else ""
        self._conf.write_text(_CONF.format(root=self.root, fsid=fsid, mon=mon, port=self._port, user=user))
        address = f"[v2:127.0.0.1:{mon}]"
        self._call(
            "monmaptool", "--create", "--addv", "a", address, "--fsid", fsid, str(self.root / "monmap"), conf=False
        )
        for path in (self.root, *self.root.iterdir()) if is_root else ():
            shutil.chown(path, "ceph", "ceph")

    def _start_monitor(self) -> None:
        self._call("ceph-mon", "--mkfs", "-i", "a", "--monmap", str(self.root / "monmap"))
        self._run("ceph-mon", "-i", "a", "-f")

    def _start_store(self) -> None:
        identity = str(uuid.uuid4())
        self._call("ceph", "osd", "new", identity)
        self._call("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", identity)
        self._run("ceph-osd", "-i", "0", "-f")

    def _make_user(self) -> None:
        keys = ("--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY)
        self._call("radosgw-admin", "user", "create", "--uid", "wellspring", "--display-name", "Wellspring", *keys)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.endpoint, timeout=5)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def _run(self, name: str, *arguments: str) -> None:
        with (self.root / f"{name}.out").open("ab") as output:
            process = subprocess.Popen(
                [name, "-c", str(self._conf), *arguments], stdout=output, stderr=output, start_new_session=True
            )
        self._processes.append(process)
        self._guard.stdin.write(f"{process.pid}\n".encode())
        self._guard.stdin.flush()

    def _call(self, name: str, *arguments: str, conf: bool = True) -> None:
        options = ["-c", str(self._conf)] if conf else []
        done = subprocess.run([name, *options, *arguments], capture_output=True, timeout=90, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{name} {' '.join(arguments)} failed: {done.stderr.decode()[-2000:]}\n{self._logs()}")

    def _wait(self, condition, what: str) -> None:
        for _attempt in range(600):
            if condition():
                return
            if any(process.poll() is not None for process in self._processes):
                break
            time.sleep(0.1)
        raise RuntimeError(f"{what} did not come up:\n{self._logs()}")

    def _logs(self) -> str:
        return "\n".join(f"{file.name}: {file.read_text(errors='replace')[-1500:]}" for file in self.root.glob("*.out"))

    def _end(self, process: subprocess.Popen[bytes], how: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        process.wait(20)
