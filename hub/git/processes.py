"""Running git itself: one environment, nothing inherited that could change its ways."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hub.git.errors import GitError

# Policy lives here and not in each repository's config file, so that a new
# release changes it for all repositories at once.
_POLICY = {
    "safe.directory": "*",
    "core.fsync": "committed",
    "core.hooksPath": os.devnull,
    "core.logAllRefUpdates": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "receive.autogc": "false",
    "receive.fsckObjects": "true",
    "receive.denyDeleteCurrent": "refuse",
    "receive.advertisePushOptions": "false",
    "transfer.hideRefs": "refs/internal",
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "false",
    "uploadpack.allowReachableSHA1InWant": "true",
    "pack.threads": "2",
    "pack.windowMemory": "128m",
    "core.bigFileThreshold": "8m",
    "protocol.allow": "never",
    "protocol.file.allow": "always",
}


def environment(extra_config: Mapping[str, str] | None = None, **variables: str) -> dict[str, str]:
    """The environment of every git process: our policy and a bare minimum else."""
    config = {**_POLICY, **(extra_config or {})}
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "HOME": os.devnull,
        "XDG_CONFIG_HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_COMMITTER_NAME": "hub",
        "GIT_COMMITTER_EMAIL": "hub@localhost",
        "GIT_CONFIG_COUNT": str(len(config)),
    }
    for number, (key, value) in enumerate(config.items()):
        env[f"GIT_CONFIG_KEY_{number}"] = key
        env[f"GIT_CONFIG_VALUE_{number}"] = value
    return env | variables


def run_git(
    repository: Path,
    *arguments: str,
    stdin: bytes | None = None,
    config: Mapping[str, str] | None = None,
    timeout: float = 600,
    low_priority: bool = False,
) -> bytes:
    """Run one git command in a repository and give its output.

    Raises GitError with git's own last words when it fails or takes longer than
    ``timeout`` seconds.
    """
    command = ["git", "--git-dir", str(repository), *arguments]
    if low_priority:
        command = ["nice", "-n", "10", *command]
    try:
        done = subprocess.run(
            command,
            input=stdin if stdin is not None else b"",
            capture_output=True,
            env=environment(config),
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {arguments[0]} took longer than {timeout:.0f} s") from error
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip()
        raise GitError(f"git {arguments[0]} failed: {words[-500:]}")
    return done.stdout
