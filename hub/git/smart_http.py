"""git over HTTP: clone, fetch and push by git's own processes, streamed.

Protocol: gitprotocol-http(5). Every function yields blocks of bytes for the body
of the answer; closing the generator kills the process.

A push is received into git's own quarantine. Before any ref moves, the
pre-receive hook asks back through an inherited socket, and the ``check`` of the
caller runs here, in the caller's thread, with the pushed objects there to read.
"""

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hub.git.errors import GitError, PushRefused
from hub.git.processes import environment
from hub.git.refs import ZERO, RefUpdate
from hub.git.repositories import Repository, open_repository

UPLOAD_PACK = "git-upload-pack"
RECEIVE_PACK = "git-receive-pack"

MAX_FETCH_REQUEST = 64 * 1024 * 1024  # bytes; a fetch only sends wants and haves
MAX_PUSH = 2 * 1024 * 1024 * 1024  # bytes; large files come by LFS, not in a pack

_BLOCK = 64 * 1024
_HOOKS = Path(__file__).parent / "hooks"
_MAX_HOOK_MESSAGE = 64 * 1024 * 1024
_PATIENCE = 5.0  # seconds that git has to end by itself

logger = logging.getLogger(__name__)


class Readable(Protocol):
    """A request body; ``read`` gives b"" at its end."""

    def read(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Push:
    """A push that asks to be let in: its objects are there to read, its refs not moved yet.

    ``repository`` also sees the pushed objects; ``quarantine`` is where they lie (None when
    the push only deletes). Ids in ``updates`` may be those of annotated tags.
    """

    repository: Repository
    quarantine: Path | None
    updates: list[RefUpdate]


def advertise(path: Path, service: str, *, protocol: str = "") -> Iterator[bytes]:
    """The body for ``GET …/info/refs?service=…``.

    Answer it with ``Content-Type: application/x-<service>-advertisement`` and
    ``Cache-Control: no-cache``. ``protocol`` is the request's ``Git-Protocol`` header.
    """
    if service not in (UPLOAD_PACK, RECEIVE_PACK):
        raise GitError(f"There is no git service {service!r}.")
    if service == RECEIVE_PACK or "version=2" not in protocol:
        banner = f"# service={service}\n".encode()
        yield b"%04x%s0000" % (len(banner) + 4, banner)
    command = [*service.split("-", 1), "--http-backend-info-refs", str(path)]
    with _running(command, environment(_policy(), **_protocol(protocol))) as process:
        assert process.stdin is not None
        process.stdin.close()
        yield from _output(process)
        _finish(process)


def upload_pack(path: Path, body: Readable, *, protocol: str = "", gzipped: bool = False) -> Iterator[bytes]:
    """The body for ``POST …/git-upload-pack`` (clone and fetch).

    Content type ``application/x-git-upload-pack-result``. ``gzipped`` tells that the
    request had ``Content-Encoding: gzip``, which git uses for long requests.
    """
    source = Gunzipped(body, MAX_FETCH_REQUEST) if gzipped else body
    command = ["git", "upload-pack", "--stateless-rpc", "--strict", str(path)]
    with _running(command, environment(_policy(), **_protocol(protocol))) as process:
        _feed(process, source)
        yield from _output(process)
        _finish(process)


def receive_pack(
    path: Path,
    body: Readable,
    *,
    check: Callable[[Push], str | None],
    settled: Callable[[list[RefUpdate]], None] | None = None,
    protocol: str = "",
    gzipped: bool = False,
    max_bytes: int = MAX_PUSH,
) -> Iterator[bytes]:
    """The body for ``POST …/git-receive-pack`` (push).

    ``check`` runs once all objects have arrived and before any ref moves; raising
    PushRefused turns the whole push away with its text; the text it returns is shown to the
    one who pushes. ``settled`` gets the refs that
    did move, before git's client hears of it. Both run in the thread that drives this
    generator, so a lock or transaction may span them; hold one, or a later push may have
    moved a ref on before ``settled`` looks. Without a single ref update neither is called.
    """
    source = Gunzipped(body, max_bytes) if gzipped else body
    ours, theirs = socket.socketpair()
    env = environment(
        {**_policy(), "core.hooksPath": str(_HOOKS), "receive.maxInputSize": str(max_bytes)},
        HUB_HOOK_SOCKET=str(theirs.fileno()),
        HUB_HOOK_PYTHON=sys.executable,
        HUB_HOOK_PROGRAM=str(_HOOKS / "ask_server.py"),
        **_protocol(protocol),
    )
    command = ["git", "receive-pack", "--stateless-rpc", str(path)]
    with ours:
        with theirs:
            starting = _running(command, env, pass_fds=(theirs.fileno(),))
            process = starting.__enter__()
        try:
            _feed(process, source)
            conversation = _Conversation(process, ours, path, check)
            yield from conversation.run()
            _finish(process)
        finally:
            starting.__exit__(None, None, None)
    moved = [move for move in conversation.accepted if _direct_target(path, move.ref) == move.new]
    if moved and settled is not None:
        settled(moved)
    # Git's own report comes last: who reads "ok" finds everything in place.
    yield from conversation.held


class Gunzipped:
    """A gzip-encoded body, unpacked while it is read, up to ``limit`` bytes."""

    def __init__(self, source: Readable, limit: int) -> None:
        self._source = source
        self._inflate = zlib.decompressobj(wbits=31)
        self._left = limit

    def read(self, size: int = _BLOCK, /) -> bytes:
        """At most ``size`` bytes. Raises GitError on broken or oversized input."""
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._source.read(_BLOCK)
            if not packed:
                raise GitError("the request body ends in the middle of its gzip stream")
            try:
                block = self._inflate.decompress(packed, size)
            except zlib.error as error:
                raise GitError("the request body is not valid gzip") from error
            self._left -= len(block)
            if self._left < 0:
                raise GitError("the request body is too large")
            if block:
                return block
        return b""


class _Conversation:
    """What goes on between git, its hook and the caller's check during a push."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", hook: socket.socket, path: Path, check: Callable[[Push], str | None]
    ) -> None:
        self._process = process
        self._hook = hook
        self._path = path
        self._check = check
        self.accepted: list[RefUpdate] = []
        self.held: list[bytes] = []

    def run(self) -> Iterator[bytes]:
        """Git's output until the verdict; what follows is held back."""
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        message = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            selector.register(self._hook, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if self._hook.fileno() in ready:
                    block = self._hook.recv(_BLOCK)
                    message += block
                    if not block or len(message) > _MAX_HOOK_MESSAGE:
                        selector.unregister(self._hook)
                        self._answer(bytes(message))
                if output in ready:
                    block = os.read(output, _BLOCK)
                    if not block:
                        return
                    if self.accepted:
                        self.held.append(block)
                    else:
                        yield block

    def _answer(self, message: bytes) -> None:
        if not message:
            return  # the push ended before its hook
        with suppress(BrokenPipeError):
            try:
                push = self._parse(message)
                words = self._check(push)
            except PushRefused as refusal:
                self._hook.sendall(b"refuse\n" + str(refusal).encode("utf-8", "replace"))
            except Exception:
                logger.exception("the check of a push failed")
                self._hook.sendall(b"refuse\nThe server could not check this push; nothing was changed.")
            else:
                self.accepted = push.updates
                self._hook.sendall(b"accept\n" + (words or "").encode("utf-8", "replace"))
            self._hook.shutdown(socket.SHUT_WR)

    def _parse(self, message: bytes) -> Push:
        if len(message) > _MAX_HOOK_MESSAGE:
            raise PushRefused("The push moves too many refs at once.")
        first, _, rest = message.partition(b"\n")
        quarantine = Path(os.fsdecode(first)) if first else None
        if quarantine is not None and not quarantine.is_relative_to((self._path / "objects").resolve()):
            raise GitError("the quarantine of a push is not where it should be")
        updates = []
        for line in rest.splitlines():
            old, new, ref = line.decode("utf-8", "surrogateescape").split(" ", 2)
            updates.append(RefUpdate(ref, None if old == ZERO else old, None if new == ZERO else new))
        return Push(open_repository(self._path, quarantine=quarantine), quarantine, updates)


def _policy() -> dict[str, str]:
    # Conversions are made by the hub alone; nobody pushes to them.
    return {"receive.hideRefs": "refs/convert"}


def _protocol(protocol: str) -> dict[str, str]:
    """``Git-Protocol`` for git, only when it is the harmless thing it should be."""
    plain = len(protocol) <= 256 and all(char.isalnum() or char in "=:.-" for char in protocol)
    return {"GIT_PROTOCOL": protocol} if protocol and plain else {}


@contextmanager
def _running(
    command: list[str], env: Mapping[str, str], pass_fds: tuple[int, ...] = ()
) -> Iterator["subprocess.Popen[bytes]"]:
    """A git process in a group of its own, which does not outlive this block."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
        pass_fds=pass_fds,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            _stop(process)
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End git and its children: asked first, so that it removes its quarantine, then forced."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
            return
    process.wait()


def _feed(process: "subprocess.Popen[bytes]", body: Readable) -> None:
    """Send the request body to git from a thread of its own."""
    stdin = process.stdin
    assert stdin is not None

    def send() -> None:
        try:
            while block := body.read(_BLOCK):
                stdin.write(block)
                stdin.flush()
            stdin.close()
        except BrokenPipeError:
            pass  # git ended first; its output says why
        except Exception:
            # The client went away or sent nonsense: an incomplete request must not
            # look like a complete one.
            logger.info("the body of a git request broke off", exc_info=True)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)

    threading.Thread(target=send, daemon=True, name="git-request-body").start()


def _output(process: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    assert process.stdout is not None
    while block := os.read(process.stdout.fileno(), _BLOCK):
        yield block


def _finish(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the end. A failed git has told its client in-band; a killed one is an error."""
    if process.wait() < 0:
        raise GitError("git was stopped before it had finished")


def _direct_target(path: Path, ref: str) -> str | None:
    try:
        return str(open_repository(path).references[ref].target)
    except (KeyError, ValueError):
        return None
