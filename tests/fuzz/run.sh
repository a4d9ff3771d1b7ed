#!/usr/bin/env bash
# tests/fuzz/run.sh FUZZER... : give each libFuzzer program FUZZ_SECONDS (10), from its stored corpus tests/fuzz/corpus/NAME.
#
# What it finds anew goes to build/fuzz/found/NAME and is used again by the next run; an input that breaks something is kept
# beside it as NAME-crash-..., NAME-timeout-..., and belongs into the corpus once it is mended.
set -uo pipefail
. "$(dirname "$0")/../parallel.sh"
seconds=${FUZZ_SECONDS:-10}
[ -n "$seconds" ] || seconds=10

if [ $# = 0 ]; then
    echo "not ok there is no fuzzer: tests/fuzz/fuzz_*.c"
    exit 1
fi

one() {
    local name=${1##*/fuzz_} found=build/fuzz/found corpus log status
    corpus=tests/fuzz/corpus/$name
    mkdir -p "$found/$name"
    [ -d "$corpus" ] || corpus=
    log=$found/$name.log
    timeout -k 5 $((seconds + 120)) "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$found/$name-" "$found/$name" ${corpus:+"$corpus"} </dev/null >"$log" 2>&1
    status=$?
    if [ $status = 0 ]; then
        echo "ok fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs," \
            "$(find ${corpus:+"$corpus"} "$found/$name" -type f | wc -l) inputs kept"
    else
        grep -v '^#[0-9]' "$log" | tail -n 60
        echo "not ok fuzz $name: status $status, full output in $log"
    fi
    return $((status != 0))
}

export ASAN_OPTIONS=allocator_may_return_null=1:${ASAN_OPTIONS-}
run_all one "$@"
