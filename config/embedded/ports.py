"""Free TCP ports on the loopback address."""

import socket


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(preferred: int = 0) -> int:
    """`preferred` when nobody listens on it, else any free port."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class HeldPort:
    """A free port that nobody else finds free until `release`: between choosing and using it, minutes may pass."""

    def __init__(self, preferred: int = 0) -> None:
        try:
            self._socket = _listening(preferred)
        except OSError:
            self._socket = _listening(0)
        self.number = int(self._socket.getsockname()[1])

    def release(self) -> None:
        self._socket.close()


def _listening(port: int) -> socket.socket:
    """Addresses may be used again, as servers do, or a port whose last connections are just over would seem taken; so
    only a socket that listens keeps others away."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind(("127.0.0.1", port))
        held.listen(0)
    except OSError:
        held.close()
        raise
    return held
