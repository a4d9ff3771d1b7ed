#!/usr/bin/env bash
# tests/bench/libmf.sh : prints libmf's shared library, build/bench/libmf.so, made on its first use from the source on PyPI, by name, with the
# flags of libmf's own Makefile. Fails, having said why on standard error, when that cannot be done.
set -euo pipefail
cd "$(dirname "$0")/../.."
library=build/bench/libmf.so
if [ ! -e "$library" ]; then
    python=$(tests/bench/venv.sh numpy)
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    echo "building $library" >&2
    timeout "${PATIENCE:-300}" "$python" -m pip download --quiet --no-deps --no-binary :all: --dest "$folder" libmf==0.9.2 >&2
    tar -xzf "$folder"/libmf-*.tar.gz -C "$folder"
    g++ -shared -fPIC -w -O3 -pthread -std=c++0x -march=native -DUSESSE "$folder"/libmf-*/src_cpp/*.cpp -o "$folder/libmf.so" >&2
    mv "$folder/libmf.so" "$library"
fi
echo "$library"
