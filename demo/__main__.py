"""`make demo`: start a whole Wellspring here, run the loop on it, and leave it running."""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from config.supervisor import PROJECT, Site, StartFailed, stop_on_signal
from demo.report import Report


def main() -> int:
    parser = argparse.ArgumentParser(description="Run Wellspring's main loop on real parts.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--data", type=Path, default=PROJECT / "var")
    parser.add_argument("--steps", type=int, help="training steps; fewer are quicker and draw worse")
    parser.add_argument("--once", action="store_true", help="stop everything after the loop")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, stop_on_signal)
    site = Site(options.data, port=options.port)
    began = time.monotonic()
    try:
        print("Wellspring: starting the site", flush=True)
        site.start()
        print(f"  The site is up at {site.base_url} after {time.monotonic() - began:.1f} s.\n", flush=True)
        code = run_loop(site, options)
        if options.once:
            return code
        show_doors(site)
        site.watch()
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
    except StartFailed as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    finally:
        site.stop()
    return 0


def run_loop(site: Site, options: argparse.Namespace) -> int:
    """The loop is a process of its own, a user like any other: it knows the site by its address only."""
    report = Report(options.data)
    if report.is_complete and not options.once:
        print("The loop has already run on this data; `make clean` forgets it.\n")
        report.print_table(site.base_url)
        return 0
    command = [sys.executable, "-m", "demo.loop", "--data", str(options.data.resolve()), "--url", site.base_url]
    if options.steps:
        command += ["--steps", str(options.steps)]
    environment = os.environ | site.environment | _client_environment(site, options.data)
    loop = subprocess.Popen(command, env=environment, cwd=PROJECT)
    try:
        while loop.poll() is None:
            site.revive()
            time.sleep(0.3)
    finally:
        if loop.poll() is None:
            loop.terminate()
            loop.wait()
    return loop.returncode


def _client_environment(site: Site, data: Path) -> dict[str, str]:
    """The standard clients are told where the hub is, and keep their caches in the data directory."""
    home = data.resolve() / "demo" / "client"
    return {
        "HF_ENDPOINT": site.base_url,
        "HF_HOME": str(home),
        "HF_XET_CACHE": str(home / "xet"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "DO_NOT_TRACK": "1",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def show_doors(site: Site) -> None:
    from demo.people import PEOPLE, State  # noqa: PLC0415 - after the loop has written it

    state = State(site.data / "demo")
    print(f"\nThe site stays up at {site.base_url}. Log in at {site.base_url}/login as:")
    for name, what in PEOPLE.items():
        print(f"  {name:<12} {state.password(name):<24} {what}")
    print("Ctrl-C stops everything.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
