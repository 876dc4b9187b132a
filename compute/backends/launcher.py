"""The program between a worker and a job: builds the sandbox from inside, drops every right, runs the job.

Run as `python -I -S launcher.py` with a plan as JSON on standard input (see `sandbox.Plan`). It uses
the standard library only and knows nothing of the site. It reports one JSON object per line on the file
descriptor `status_fd`: {"event": "started"}, {"event": "failed", "message"}, {"event": "ended", "exit_code",
"cpu_milliseconds", "peak_memory"}. Its own exit code is the job's (128 + signal when a signal ended it).
When the worker dies the kernel kills this program, and with it every process of the job.
"""

# pathlib would double the start-up time, and /tmp is the sandbox's own.
# ruff: noqa: PTH103, PTH110, PTH112, PTH120, PTH123, PTH211, S108, S606
import contextlib
import ctypes
import json
import os
import platform
import resource
import signal
import sys
from typing import Any, NoReturn

Plan = dict[str, Any]
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 1 << 17, 1 << 26, 1 << 27, 1 << 28, 1 << 29
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1, 2, 4, 8, 32, 4096, 16384, 1 << 18,
)  # fmt: skip
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
CAPABILITY_VERSION_3 = 0x20080522
# What statvfs calls the flags that a bind mount must keep when it is made read-only.
KEPT_FLAGS = {2: 2, 4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def main() -> NoReturn:
    plan = json.load(sys.stdin)
    os.set_inheritable(plan["status_fd"], False)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != plan["parent"]:
        sys.exit(1)  # the worker died before the line above
    try:
        for file in plan["control_groups"]:
            write_file(file, "0")
        code = run_isolated(plan) if plan["level"] != "process" else run_job(plan)
    except OSError as error:
        report(plan, event="failed", message=str(error))
        sys.exit(1)
    sys.exit(code)


def run_isolated(plan: Plan) -> int:
    """Become the parent of process 1 of a new set of namespaces, and wait for it."""
    uid, gid = os.getuid(), os.getgid()
    in_user_namespace = plan["level"] == "user-namespaces"
    flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID
    call("unshare", flags | (CLONE_NEWUSER if in_user_namespace else 0))
    if in_user_namespace:
        write_file("/proc/self/setgroups", "deny")
        write_file("/proc/self/uid_map", f"{uid} {uid} 1")
        write_file("/proc/self/gid_map", f"{gid} {gid} 1")
    first = os.fork()
    if first == 0:
        run_as_first_process(plan)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(first, signal.SIGTERM))
    return exit_code_of(wait_for(first))


def run_as_first_process(plan: Plan) -> NoReturn:
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        build_root(plan)
        drop_rights(plan)
        # Changing the user clears this, so it is said again.
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        code = run_job(plan)
    except OSError as error:
        report(plan, event="failed", message=f"The sandbox could not be built: {error}")
        code = 1
    os._exit(code)


def build_root(plan: Plan) -> None:
    """A root of its own on a tmpfs: system folders and given paths, nothing else of the machine."""
    root = plan["root"]
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m")
    # Before the binds: the environment of a site that lies below /tmp is bound into it.
    os.makedirs(root + "/tmp", exist_ok=True)
    mount("tmpfs", root + "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, f"mode=1777,size={plan['tmp_size']}")
    for source, target, mode in plan["binds"]:
        bind(source, root + target, read_only=mode == "ro")
    for target, source in plan["links"].items():
        os.makedirs(os.path.dirname(root + target), exist_ok=True)
        os.symlink(source, root + target)
    for target, text in plan["files"].items():
        os.makedirs(os.path.dirname(root + target), exist_ok=True)
        write_file(root + target, text)
    build_devices(root)
    os.makedirs(root + "/proc", exist_ok=True)
    mount("proc", root + "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    name = b"job"
    call("sethostname", name, len(name))
    os.chdir(root)
    call("syscall", PIVOT_ROOT[platform.machine()], b".", b".")
    call("umount2", b".", MNT_DETACH)
    os.chdir("/")
    mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def build_devices(root: str) -> None:
    os.makedirs(root + "/dev/shm", exist_ok=True)
    for name in DEVICES:
        if os.path.exists(f"/dev/{name}"):
            bind(f"/dev/{name}", f"{root}/dev/{name}", read_only=False)
    for name, target in {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        os.symlink(f"/proc/self/{target}", f"{root}/dev/{name}")
    mount("tmpfs", root + "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=1g")


def bind(source: str, target: str, *, read_only: bool) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        write_file(target, "")
    mount(source, target, None, MS_BIND | MS_REC)
    flags = os.statvfs(target).f_flag
    kept = sum(mount_flag for stat_flag, mount_flag in KEPT_FLAGS.items() if flags & stat_flag)
    own = MS_RDONLY if read_only else 0
    mount(None, target, None, MS_REMOUNT | MS_BIND | MS_NOSUID | kept | own)


def drop_rights(plan: Plan) -> None:
    for capability in range(64):
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # those that do not exist fail, and may
    if plan["uid"] is not None:
        os.setgroups([])
        os.setresgid(plan["uid"], plan["uid"], plan["uid"])
        os.setresuid(plan["uid"], plan["uid"], plan["uid"])
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    call("capset", header, none)


def run_job(plan: Plan) -> int:
    """Start the job's command in its own session, adopt what it leaves behind, report how it ended."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    job = os.fork()
    if job == 0:
        become_job(plan)

    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(OSError):
            os.killpg(job, number)

    signal.signal(signal.SIGTERM, pass_on)
    report(plan, event="started")
    code = exit_code_of(wait_for(job))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = round((usage.ru_utime + usage.ru_stime) * 1000)
    report(plan, event="ended", exit_code=code, cpu_milliseconds=cpu, peak_memory=usage.ru_maxrss * 1024)
    return code


def become_job(plan: Plan) -> NoReturn:
    os.setsid()
    os.umask(0o022)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores these, and a new program would inherit that
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    try:
        os.chdir(plan["directory"])
        for name, value in plan["limits"].items():
            kind = getattr(resource, f"RLIMIT_{name}")
            _soft, hard = resource.getrlimit(kind)
            own = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (own, own))
        os.nice(5)  # the site's own processes come first
        if plan["level"] == "process":
            drop_rights(plan)
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.execvpe(plan["argv"][0], plan["argv"], plan["environment"])
    except FileNotFoundError:
        os.write(2, f"{plan['argv'][0]}: there is no such program in this image\n".encode())
        os._exit(127)
    except OSError as error:
        os.write(2, f"{plan['argv'][0]}: {error.strerror}\n".encode())
        os._exit(126)


def wait_for(child: int) -> int:
    """Wait for one child and reap all others that end meanwhile."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return status


def exit_code_of(status: int) -> int:
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def report(plan: Plan, **fields: object) -> None:
    with contextlib.suppress(OSError):
        os.write(plan["status_fd"], json.dumps(fields).encode() + b"\n")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    def text(value: str | None) -> bytes | None:
        return None if value is None else os.fsencode(value)

    call("mount", text(source), text(target), text(kind), ctypes.c_ulong(flags), text(options), where=target)


def prctl(option: int, value: int) -> None:
    call("prctl", option, ctypes.c_ulong(value), 0, 0, 0)


def call(name: str, *arguments: object, where: str | None = None) -> None:
    if getattr(LIBC, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", where)


def write_file(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


if __name__ == "__main__":
    main()
