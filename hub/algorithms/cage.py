"""The walls around a reader: what it may ask of the kernel, and how much it may take.

A list of allowed system calls (seccomp, kernel 3.17): bytes in and out of what is open, memory,
threads, clocks. Every other call fails with EPERM, so there is no file, no socket, no new program
and no other process to be reached, whatever a damaged file makes the libraries do.
Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux.
"""

import ctypes
import platform
import resource
import struct

_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_SET_MODE_FILTER, _TO_ALL_THREADS = 1, 1
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _REFUSE, _UNKNOWN, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000  # EPERM, ENOSYS
_CLONE_THREAD = 0x00010000
_PR_SET_NAME = 15

_CALLS = {
    "x86_64": {
        "audit": 0xC000003E,
        "seccomp": 317,
        "clone": 56,
        "clone3": 435,
        "prctl": 157,
        "prlimit64": 302,
        # read write close fstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn
        # readv writev select sched_yield mremap mincore madvise nanosleep getpid exit uname fcntl gettimeofday
        # getrusage sysinfo getuid sigaltstack gettid time futex sched_getaffinity set_tid_address restart_syscall
        # clock_gettime clock_getres clock_nanosleep exit_group pselect6 ppoll set_robust_list getcpu getrandom
        # membarrier rseq
        "allowed": (
            0, 1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20, 23, 24, 25, 27, 28, 35, 39, 60, 63, 72, 96, 98, 99,
            102, 131, 186, 201, 202, 204, 218, 219, 228, 229, 230, 231, 270, 271, 273, 309, 318, 324, 334,
        ),
    },
    "aarch64": {
        "audit": 0xC00000B7,
        "seccomp": 277,
        "clone": 220,
        "clone3": 435,
        "prctl": 167,
        "prlimit64": 261,
        "allowed": (
            63, 64, 57, 80, 73, 62, 222, 226, 215, 214, 134, 135, 139, 65, 66, 124, 216, 232, 233, 101, 172, 93, 160,
            25, 169, 165, 179, 174, 132, 178, 98, 123, 96, 128, 113, 114, 115, 94, 72, 99, 168, 278, 283, 293,
        ),
    },
}  # fmt: skip


class NoCage(Exception):
    """This machine cannot confine the reader, so nothing is read."""


def limit(*, memory: int, seconds: int) -> None:
    """Bytes of address space and seconds of CPU time; no file grows, no core is left behind."""
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in limits.items():
        _soft, hard = resource.getrlimit(kind)
        own = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (own, own))


def lock() -> None:
    """Close the walls, for all threads and for good. Raises NoCage."""
    calls = _CALLS.get(platform.machine())
    if calls is None:
        raise NoCage(f"no list of system calls for {platform.machine()}")
    libc = ctypes.CDLL(None, use_errno=True)
    program = _program(calls)
    code = ctypes.create_string_buffer(b"".join(program), len(program) * 8)

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    rules = Filter(len(program), ctypes.addressof(code))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise NoCage("the kernel refuses no_new_privs")
    if libc.syscall(calls["seccomp"], _SECCOMP_SET_MODE_FILTER, _TO_ALL_THREADS, ctypes.byref(rules)) != 0:
        raise NoCage(f"the kernel refuses a filter of system calls (errno {ctypes.get_errno()})")


def _program(calls: dict[str, object]) -> list[bytes]:
    """Classic BPF over `struct seccomp_data`: number at 0, architecture at 4, first argument at 16."""
    rules = [
        _step(_LOAD, 4),
        _step(_JUMP_IF_EQUAL, calls["audit"], 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, 0),
        _step(_JUMP_IF_EQUAL, calls["clone3"], 0, 1),
        _step(_RETURN, _UNKNOWN),  # the C library then uses clone, whose flags can be looked at
    ]
    rules += _if_called(calls["clone"], _JUMP_IF_SET, _CLONE_THREAD)
    rules += _if_called(calls["prctl"], _JUMP_IF_EQUAL, _PR_SET_NAME)
    rules += _if_called(calls["prlimit64"], _JUMP_IF_EQUAL, 0)  # its own limits only
    for number in calls["allowed"]:  # type: ignore[attr-defined]
        rules += [_step(_JUMP_IF_EQUAL, number, 0, 1), _step(_RETURN, _ALLOW)]
    return [*rules, _step(_RETURN, _REFUSE)]


def _if_called(number: object, test: int, value: int) -> list[bytes]:
    """This call is allowed if its first argument passes the test."""
    return [
        _step(_JUMP_IF_EQUAL, number, 0, 4),
        _step(_LOAD, 16),
        _step(test, value, 0, 1),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _REFUSE),
    ]


def _step(code: int, value: object, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
