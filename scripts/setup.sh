#!/bin/sh
# Makes .venv from the requirements file given, and installs the few Debian packages that
# Python wheels cannot bring. Does nothing when nothing changed. Tells what it does.
set -eu
cd "$(dirname "$0")/.."
requirements=$1
stamp=".venv/$(basename "$requirements").stamp"
want=$(cat requirements.txt requirements-dev.txt scripts/setup.sh | sha256sum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then exit 0; fi

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3.11 python3 python3.12 python3.13; do
        if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
fi
if [ -z "$python" ]; then
    echo "Wellspring needs Python 3.11 or newer. Install it, or name it: make PYTHON=/path/to/python3.11" >&2
    exit 1
fi

missing=""
needs() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
needs git-lfs git-lfs
needs curl curl
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
if [ "$requirements" = requirements-dev.txt ]; then
    needs chromium chromium
    needs aria2c aria2
    needs nginx nginx-light
    # A real S3 server for the tests of objects on S3: about 35 seconds and 250 MB once.
    needs ceph-mon ceph-mon
    needs ceph-osd ceph-osd
    needs radosgw radosgw
    [ -d /usr/share/fonts/opentype/noto ] || missing="$missing fonts-noto-cjk"
fi
if [ -n "$missing" ]; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "Installing Debian packages:$missing"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        # shellcheck disable=SC2086 - a list of words
        apt-get install -y -qq --no-install-recommends $missing >/dev/null
    else
        echo "Missing programs. As root: apt-get install$missing" >&2
        echo "(git-lfs and curl are used by the demo, chromium, the font, aria2, nginx and Ceph by the tests; python3-venv by this script.)" >&2
        case $missing in *python3-venv*) exit 1 ;; esac
    fi
fi

if [ ! -x .venv/bin/python ]; then
    echo "Creating the virtual environment with $python"
    "$python" -m venv .venv
fi
echo "Installing $requirements (about 2 GB on disk; a few minutes the first time)"
{ .venv/bin/python -m pip install --disable-pip-version-check --progress-bar off -r "$requirements" 2>&1 || touch .venv/failed; } |
    tee .venv/install.log | grep --line-buffered -E '^(Collecting|Downloading|Installing|Successfully|ERROR)' | cut -c1-100 || true
if [ -f .venv/failed ]; then
    rm .venv/failed
    echo "The packages could not be installed; the whole story is in .venv/install.log:" >&2
    tail -n 15 .venv/install.log >&2
    exit 1
fi
.venv/bin/python -m pip check --disable-pip-version-check >/dev/null
printf '%s' "$want" >"$stamp"
if [ "$requirements" = requirements-dev.txt ]; then printf '%s' "$want" >.venv/requirements.txt.stamp; fi
