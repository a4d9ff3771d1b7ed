#!/usr/bin/env bash
# examples/browser/build.sh : build/browser/films.html, one file that needs no other and no network. Needs clang and lld.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=examples/browser
work=build/browser
mkdir -p "$work"
# The library without what the page has no use for; rows of 8 factors are too short for vectors anyway.
small='-DLFREC_NO_SIMD -DLFREC_NO_EVALUATION -DLFREC_NO_FILES -DLFREC_NO_ARTICLE -DLFREC_NO_BAYES -DLFREC_NO_RANKING -DLFREC_NO_PACKED -DLFREC_NO_THREADS'
# -mbulk-memory: without it a compiler's own memset is an import.
# shellcheck disable=SC2086
clang --target=wasm32 -std=c11 -Os -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -ffp-contract=off -ffreestanding -mbulk-memory \
    $small -nostdlib -Wl,--no-entry,--strip-all,-z,stack-size=32768 -o "$work/films.wasm" \
    $here/recommender.c $here/people.c $here/map.c
base64 -w 0 "$work/films.wasm" >"$work/films.base64"
awk 'NR == FNR { code = $0; next } { gsub(/@WASM@/, code) } 1' "$work/films.base64" $here/page.html >"$work/films.html"
echo "$work/films.html: $(wc -c <"$work/films.wasm") bytes of WebAssembly"
