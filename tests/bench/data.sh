#!/usr/bin/env bash
# tests/bench/data.sh [FOLDER] : prints a MovieLens folder that can be read as it is. One whose ratings.dat is packed by xz is unpacked
# to build/bench/data, once. Without FOLDER: nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1-}
if [ -n "$folder" ] && [ ! -e "$folder/ratings.dat" ] && [ -e "$folder/ratings.dat.xz" ]; then
    mkdir -p build/bench/data
    [ -e build/bench/data/ratings.dat ] || { xz -dc "$folder/ratings.dat.xz" >build/bench/data/part && mv build/bench/data/part build/bench/data/ratings.dat; }
    cp -f "$folder/movies.dat" build/bench/data/ 2>/dev/null || true
    folder=build/bench/data
fi
echo "$folder"
