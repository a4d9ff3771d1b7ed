#!/usr/bin/env bash
# tests/all.sh PART... : run these parts of the tests, in this order, each as `make test-PART` runs it.
#
# Stops at the first part that fails (KEEP_GOING=yes: goes on), prints a line for each part with its time, and ends with a line
# "N passed, N failed". What counts as a test: Check's own ("Checks: 12, Failures: 0, Errors: 0") and lines "ok NAME" and
# "not ok NAME" of the scripts; "skip NAME: why" is shown again at the end. The output is kept in build/log/PART.log.
set -uo pipefail
cd "$(dirname "$0")/.."
flags=${MAKEFLAGS-}
case ${flags%% *} in -*) ;; *n*) exit 0 ;; esac # make -n
make=${MAKE:-make}
most=${PART_SECONDS:-1800}

# The packages that a part needs, and how it is run.
packages() {
    case $1 in
    unit | examples) echo unit ;;
    compile) echo compile ;;
    cross) echo cross ;;
    embedded) echo embedded ;;
    browser) echo browser ;;
    docs | install) echo build compile ;;
    style) echo style ;;
    clang | asan | tsan | fuzz) echo sanitize ;;
    valgrind) echo valgrind ;;
    http) echo http ;;
    package) echo package ;;
    broker) echo broker ;;
    esac
}
command_of() {
    case $1 in
    unit) echo "$make --no-print-directory check" ;;
    clang | asan | tsan | valgrind) echo "$make --no-print-directory VARIANT=$1 check" ;;
    fuzz) echo "$make --no-print-directory VARIANT=fuzz check-fuzz" ;;
    examples) echo "$make --no-print-directory check-examples" ;;
    compile) echo tests/compile/run.sh ;;
    cross) echo tests/cross/run.sh ;;
    embedded) echo tests/embedded.sh ;;
    browser) echo tests/browser/run.sh ;;
    docs) echo tests/docs/run.sh ;;
    install) echo tests/install.sh ;;
    package) echo tests/package.sh ;;
    style) echo tests/style.sh ;;
    http) echo tests/http/run.sh ;;
    broker) echo tests/broker/run.sh ;;
    *) echo "tests/all.sh: there is no part '$1'" >&2; exit 2 ;;
    esac
}

# Runs $command with its output on the screen and in $log; sets $status. A process that it leaves behind holds the output open.
run_part() {
    local pipe=build/log/pipe tee i
    rm -f "$pipe"
    mkfifo "$pipe"
    tee "$log" <"$pipe" &
    tee=$!
    timeout -k 20 "$most" "${command[@]}" </dev/null >"$pipe" 2>&1 &
    running=$!
    wait "$running"
    status=$?
    running=
    for ((i = 0; i < 50; i++)); do
        kill -0 "$tee" 2>/dev/null || return
        sleep 0.1
    done
    kill "$tee"
    echo "not ok $part left a process behind" | tee -a "$log"
}
running=
trap '[ -z "$running" ] || kill "$running"; exit 130' INT TERM

for part in "$@"; do command_of "$part" >/dev/null || exit 2; done
mkdir -p build/log
began=$SECONDS passed=0 failed=0 ran=() sets=()
for part in "$@"; do read -ra more <<<"$(packages "$part")"; sets+=("${more[@]}"); done
if ! .ci/deps "${sets[@]}"; then
    echo "make test: not everything that the tests need could be installed"
    echo "0 passed, 1 failed"
    exit 1
fi
installing=$((SECONDS - began))
[ $installing -lt 2 ] || echo "---- installed what was missing in $installing s"

for part in "$@"; do
    echo "---- $part"
    start=$SECONDS log=build/log/$part.log
    read -ra command <<<"$(command_of "$part")"
    run_part
    read -r good bad <<<"$(awk '
        { gsub(/\033\[[0-9;]*m/, "") } # Maven colors its silence
        match($0, /Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/) {
            split(substr($0, RSTART, RLENGTH), n, /[^0-9]+/)
            good += n[2] - n[3] - n[4]; bad += n[3] + n[4]
        }
        /^ok / { good++ }
        /^not ok / { bad++ }
        END { print good + 0, bad + 0 }' "$log")"
    # A part that fails without a failed test (it does not build, say), or passes without a counted one, is itself a test.
    if [ "$status" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
    if [ "$status" = 0 ] && [ "$good$bad" = 00 ]; then good=1; fi
    passed=$((passed + good)) failed=$((failed + bad))
    ran+=("$(printf '%-9s %5d passed %4d failed %5d s' "$part" "$good" "$bad" $((SECONDS - start)))")
    echo "---- ${ran[-1]}"
    if [ "$bad" != 0 ]; then
        case $status in
        124 | 137) echo "---- $part took more than $most s (PART_SECONDS) and was stopped" ;;
        esac
        echo "---- $part failed: see above or $log; it alone is 'make test-$part'"
        [ "${KEEP_GOING:-no}" = yes ] || break
    fi
done

echo
if [ ${#ran[@]} -gt 1 ]; then printf '%s\n' "${ran[@]}"; fi
for part in "${@:1:${#ran[@]}}"; do sed -n "s/^skip /skipped in $part: /p" "build/log/$part.log"; done
if [ $# -gt ${#ran[@]} ]; then echo "not run: ${*:${#ran[@]}+1}"; fi
echo "$((SECONDS - began)) s in all"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
