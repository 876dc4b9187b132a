"""The pre-receive hook: hand the ref updates to the server, obey its verdict.

Runs as a process of its own, started by git, with nothing but the standard
library. It talks through a socket that it inherits, so that a server that died
means a push that is refused.
"""

import os
import socket
import sys


def main() -> int:
    with socket.socket(fileno=int(os.environ["HUB_HOOK_SOCKET"])) as server:
        quarantine = os.environ.get("GIT_OBJECT_DIRECTORY", "")
        server.sendall(os.fsencode(quarantine) + b"\n" + sys.stdin.buffer.read())
        server.shutdown(socket.SHUT_WR)
        verdict = b""
        while block := server.recv(65536):
            verdict += block
    words = verdict.partition(b"\n")[2]
    if verdict.startswith(b"accept\n"):
        if words:
            sys.stderr.buffer.write(words + b"\n")
        return 0
    words = words if verdict.startswith(b"refuse\n") else b""
    sys.stderr.buffer.write((words or b"The server went away; nothing was changed.") + b"\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
