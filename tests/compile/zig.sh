#!/usr/bin/env bash
# tests/compile/zig.sh : the header and hello.c by zig cc for Windows, macOS and musl, without warnings. Compiled, not run.
#
# zig comes as the Python package ziglang, about 400 MB, into build/zig, once. INSTALL=no: skipped without it.
set -uo pipefail
cd "$(dirname "$0")/../.."
work=build/zig
mkdir -p $work
export PYTHONPATH=$work/python ZIG_GLOBAL_CACHE_DIR=$work/cache ZIG_LOCAL_CACHE_DIR=$work/cache
warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Wundef -Wvla -Wwrite-strings -Wcast-align -Werror'

if [ ! -d $work/python/ziglang ]; then
    if [ "${INSTALL:-yes}" = no ]; then
        echo "skip zig cc: ziglang is not in $work/python, and INSTALL=no"
        exit 0
    fi
    python3 -m pip install --quiet --no-input --root-user-action ignore --target $work/python ziglang ||
        { echo "not ok installing ziglang by pip"; exit 1; }
fi
status=0
for target in x86_64-windows-gnu aarch64-macos x86_64-linux-musl; do
    for file in tests/compile/implementation.c examples/hello.c; do
        # shellcheck disable=SC2086
        if python3 -m ziglang cc -target $target -std=c99 $warnings -ffp-contract=off -O2 -I. -c -o $work/object.o $file; then
            echo "ok zig cc $target $file"
        else
            echo "not ok zig cc $target $file"
            status=1
        fi
    done
done
exit $status
