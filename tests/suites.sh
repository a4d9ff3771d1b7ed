#!/usr/bin/env bash
# tests/suites.sh VARIANT SUITE... : run Check suites, as many at a time as there are processors; the output of each in one piece.
set -uo pipefail
. "$(dirname "$0")/parallel.sh"

run=()
export CK_DEFAULT_TIMEOUT=${CK_DEFAULT_TIMEOUT:-60} # a hang is to be caught, a slow machine is not
case $1 in
asan)
    export ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1:${ASAN_OPTIONS-}
    export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS-}
    export CK_TIMEOUT_MULTIPLIER=4
    ;;
valgrind)
    export CK_TIMEOUT_MULTIPLIER=20
    # A finding in a forked test ends its process with 97, which Check reports as a failure.
    run=(valgrind -q --error-exitcode=97 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite
        --suppressions="$(dirname "$0")/valgrind.supp")
    ;;
esac
shift

one() {
    local log status
    log=$(mktemp)
    timeout -k 5 "${SUITE_SECONDS:-600}" "${run[@]}" "$1" </dev/null >"$log" 2>&1
    status=$?
    cat "$log"
    if ! grep -q 'Checks: [0-9]*, Failures: ' "$log"; then
        echo "not ok $1 ended with status $status and no summary"
        status=1
    elif [ $status != 0 ] && grep -q 'Failures: 0, Errors: 0' "$log"; then
        echo "not ok $1 ended with status $status after its checks had passed"
    fi
    rm -f "$log"
    return $status
}

if [ $# = 0 ]; then
    echo "not ok there is no suite: tests/test_*.c, tests/plugin/test_*.c"
    exit 1
fi
run_all one "$@"
