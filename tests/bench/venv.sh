#!/usr/bin/env bash
# tests/bench/venv.sh PACKAGE... : prints a Python that has these packages, from PyPI by name, in a folder of its own: build/bench/venv. Installs
# what is missing, for at most PATIENCE seconds (900). Fails, having said why on standard error, when that cannot be done.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=build/bench/venv/bin/python
imports=$(printf 'import %s\n' "$@")
if ! "$python" -c "$imports" 2>/dev/null; then
    mkdir -p build/bench
    echo "installing $* into build/bench/venv" >&2
    [ -x "$python" ] || python3 -m venv build/bench/venv >&2
    timeout "${PATIENCE:-900}" "$python" -m pip install --quiet "$@" >&2
    "$python" -c "$imports" >&2
fi
echo "$python"
