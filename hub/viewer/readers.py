"""Processes that read: one has loaded the libraries and waits, and each task has a copy of it to itself.

Loading takes half a second, copying a few thousandths. The one that waits sees no file of anybody: it hands the
door of a task to a copy of itself, and ends copies when it is told to.
"""

import atexit
import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from hub.viewer import wire

_PROJECT = Path(__file__).resolve().parents[2]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from hub.viewer.reader import main; main(int(sys.argv[2]))"
_PATIENCE = 60  # seconds for loading and copying on a machine with much else to do


class Reader:
    """A process for one task, and our end of its only door."""

    def __init__(self, loaded: "_Loaded", door: socket.socket, number: int) -> None:
        self._loaded = loaded
        self.door = door
        self._number = number

    def end(self) -> None:
        self.door.close()
        self._loaded.end(self._number)


class _Loaded:
    """The process that waits. It ends by itself after two minutes without a task, and when this process ends."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._lock = threading.Lock()
        self._control, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_PATIENCE)
        with far:
            self._process = _start(far)

    def copy(self) -> Reader:
        """Raises OSError when it is not there any more."""
        door, far = socket.socketpair()
        try:
            with far, self._lock:
                socket.send_fds(self._control, [b"door"], [far.fileno()])
                said = self._control.recv(wire.NUMBER.size)
            if not said:
                raise ConnectionResetError("the process that waits has ended")
        except OSError:
            door.close()
            raise
        return Reader(self, door, wire.NUMBER.unpack(said)[0])

    def end(self, number: int) -> None:
        with self._lock, suppress(OSError):  # where it is gone its copies are gone too
            self._control.send(wire.NUMBER.pack(number))

    def stop(self) -> None:
        with self._lock:
            self._control.close()
        self._process.kill()
        self._process.wait()


class _Keeper:
    """Of the one process that waits, started at the first task."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    def reader(self) -> Reader:
        with self._lock:
            loaded = self._mine()
            if loaded is not None:
                try:
                    return loaded.copy()
                except OSError:  # it had waited long enough
                    loaded.stop()
            self._loaded = loaded = _Loaded()
            return loaded.copy()

    def drop(self) -> None:
        with self._lock:
            found, self._loaded = self._mine(), None
        if found is not None:
            found.stop()

    def _mine(self) -> _Loaded | None:
        """A process that was forked off leaves its parent's alone."""
        return self._loaded if self._loaded is not None and self._loaded.owner == os.getpid() else None


_keeper = _Keeper()
atexit.register(_keeper.drop)
reader = _keeper.reader


def _start(control: socket.socket) -> "subprocess.Popen[bytes]":
    # In isolated mode neither the environment nor the user's site can slip code in.
    command = [sys.executable, "-I", "-B", "-c", _START, str(_PROJECT), str(control.fileno())]
    nothing = subprocess.DEVNULL
    environment = {
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }
    return subprocess.Popen(
        command,
        stdin=nothing,
        stdout=nothing,
        stderr=nothing,
        pass_fds=[control.fileno()],
        env=environment,
        cwd="/",
    )
