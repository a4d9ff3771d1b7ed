#!/usr/bin/env bash
# tests/style.sh [check|format|tidy] : check (the default) is clang-format without changing anything, then clang-tidy; format rewrites.
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/parallel.sh

# Releases of clang-format disagree on layout, so one is the measure: Debian 12's.
measure=14
formatter=clang-format
command -v clang-format-$measure >/dev/null && formatter=clang-format-$measure

mapfile -t sources < <(find lfrec.h plugin examples tests -type f \( -name '*.c' -o -name '*.h' -o -name '*.cc' \) | sort)

check_format() {
    local version file bad=0
    version=$($formatter --version | sed 's/.*version \([0-9]*\).*/\1/')
    if [ "$version" != $measure ]; then
        echo "skip clang-format: it is version $version here, and $measure is the measure"
        return
    fi
    for file in "${sources[@]}"; do
        $formatter --dry-run -Werror "$file" >/dev/null 2>&1 && continue
        diff -u --label "$file" --label "$file, formatted" "$file" <($formatter "$file") | head -n 20
        bad=$((bad + 1))
    done
    if [ $bad -gt 0 ]; then
        echo "not ok clang-format: $bad of ${#sources[@]} files; 'make format' mends them"
        return 1
    fi
    echo "ok clang-format: ${#sources[@]} files"
}

tidy_one() {
    local standard='-std=c11 -D_POSIX_C_SOURCE=200809L' out
    [ "$1" != examples/hello.c ] || standard=-std=c99
    # shellcheck disable=SC2086
    if out=$(clang-tidy --quiet "$1" -- $standard -I. 2>/dev/null); then
        echo "ok clang-tidy $1"
    else
        printf '%s\n' "$out"
        echo "not ok clang-tidy $1"
        return 1
    fi
}

# The header once, as an implementation; not the suites, whose Check macros are most of what would be found.
tidy() {
    local files
    mapfile -t files < <(ls plugin/*.c examples/*.c examples/demo/*.c tests/compile/implementation.c tests/fuzz/*.c 2>/dev/null)
    run_all tidy_one "${files[@]}"
}

case ${1-check} in
check) check_format && tidy ;;
tidy) tidy ;;
format) $formatter -i "${sources[@]}" ;;
*) sed -n '2s/^# //p' "$0" >&2; exit 2 ;;
esac
