#!/usr/bin/env bash
# What `make demo` runs once all is built: finds ratings, then examples/demo/demo.c shows them streaming in and lists coming out.
#
# DATA=PATH      a MovieLens folder, or a file of user,item,rating[,timestamp]
# else           MovieLens latest-small: fetched before into build/demo, or now from GroupLens, if it can be reached quickly
# else           made-up ratings, by examples/demo/generate.c
# SECONDS_LONG   how long the replay should take (30)
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf '  %s\n' "$@"; }
die() { printf 'demo: %s\n' "$@" >&2; exit 1; }

for program in build/lfrec-kafka build/examples/demo/demo build/examples/demo/generate; do
    [ -x "$program" ] || die "$program is not built; run: make demo"
done

fetched=build/demo/ml-latest-small
url=https://files.grouplens.org/datasets/movielens/ml-latest-small.zip

# Whole or not at all: unpacked beside its place, then renamed.
fetch() {
    command -v curl >/dev/null && command -v unzip >/dev/null || return 1
    local work
    work=$(mktemp -d build/demo/fetch.XXXXXX) || return 1
    if curl -fsSL --connect-timeout 4 --max-time 40 -o "$work/data.zip" "$url" 2>"$work/error" &&
        unzip -q "$work/data.zip" -d "$work" && [ -s "$work/ml-latest-small/ratings.csv" ]; then
        rm -rf "$fetched"
        mv "$work/ml-latest-small" "$fetched"
        rm -rf "$work"
        return 0
    fi
    sed 's/^/  /' "$work/error" >&2 || true
    rm -rf "$work"
    return 1
}

echo "lfrec: recommendations from a stream of ratings"
echo
mkdir -p build/demo
if [ -n "${DATA:-}" ]; then
    [ -e "$DATA" ] || die "DATA=$DATA: there is no such folder or file; expected a MovieLens folder (with ratings.csv or ratings.dat)"
    data=$DATA
    say "Ratings: $data"
elif [ -s "$fetched/ratings.csv" ]; then
    data=$fetched
    say "Ratings: MovieLens latest-small, fetched before ($data)"
elif fetch; then
    data=$fetched
    say "Ratings: MovieLens latest-small, now in $data" \
        "(F. M. Harper, J. A. Konstan: The MovieLens Datasets, 2015; for its terms of use see its README.txt)"
else
    data=build/demo/made-up
    say "Ratings: MADE UP. GroupLens cannot be reached and DATA=PATH was not given, so people and films were invented, with" \
        "hidden tastes for the model to find. With real ones: make demo DATA=PATH-OF-A-MOVIELENS-FOLDER"
    build/examples/demo/generate "$data"
fi

# exec: signals reach it directly, and it stops the daemon that it starts.
exec build/examples/demo/demo --data "$data" --daemon build/lfrec-kafka --seconds "${SECONDS_LONG:-30}"
