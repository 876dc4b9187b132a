"""How the web process asks for memory, in a process of its own: the setting cannot be taken back."""

import ctypes
import subprocess
import sys

import pytest

_THREADS = """
import ctypes, sys, threading
from config import memory
if sys.argv[1] == "asked":
    memory.give_back()
together = threading.Barrier(6)
def work():
    together.wait()
    blocks = [bytes(2000) for _ in range(2000)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(6)]
[one.start() for one in threads]
[one.join() for one in threads]
ctypes.CDLL(None).malloc_stats()
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_stats"), reason="another C library than glibc")
@pytest.mark.parametrize(("asked", "shared"), [("asked", True), ("left alone", False)])
def test_all_threads_share_one_arena(asked, shared):
    done = subprocess.run([sys.executable, "-c", _THREADS, asked], capture_output=True, text=True, check=True)

    assert (done.stderr.count("Arena ") == 1) is shared
