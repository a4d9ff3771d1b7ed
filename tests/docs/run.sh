#!/usr/bin/env bash
# tests/docs/run.sh : compile the code that people will copy: the synopsis of lfrec.h and every ```c and ```c++ block of README.md and of
# examples/*.md.
#
# A block with a main is a program: it is built, run, and when the next block is ```text, that is what it must print. Other blocks are
# statements; their #include and #define lines go to the top of a file and the rest into a function. ```c++ blocks likewise, as C++.
# A block that follows the line <!-- not compiled: WHY --> is left out.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/parallel.sh
work=build/docs
rm -rf "$work"
mkdir -p "$work"

# blocks FILE : each fenced block of C or C++ into $work/NAME-LINE.c or .cc, the expected output beside it as .expected.
blocks() {
    awk -v stem="$work/$(basename "${1%.md}")" '
        /^<!-- not compiled: .* -->$/ { skipping = 1; next }
        /^```/ && !open {
            open = 1; kind = substr($0, 4); out = ""
            if ((kind == "c" || kind == "c++") && !skipping) { out = stem "-" NR (kind == "c" ? ".c" : ".cc"); last = out }
            else if (kind == "text" && last != "") { out = last ".expected"; last = "" }
            else last = ""
            if (out != "") printf "" >out
            if (kind != "") skipping = 0
            next
        }
        /^```/ && open { open = 0; if (out != "") close(out); next }
        open && out != "" { print >out }' "$1"
}

# The synopsis: the indented lines after " * SYNOPSIS", up to the next line of text.
synopsis() {
    awk '/^\/?\*? ?\* SYNOPSIS$/ { on = 1; next }
        on && /^ \* [A-Z]+$/ { exit }
        on && /^ \*     / { print substr($0, 8) }' lfrec.h
}

# wrap FILE : statements become a function; programs stay as they are.
wrap() {
    grep -qE '^int main\(' "$1" && return
    {
        echo '#include <stddef.h>'
        echo '#define LFREC_IMPLEMENTATION'
        grep -E '^#' "$1" | grep -v '^#define LFREC_IMPLEMENTATION'
        grep -q '^#include "lfrec.h"' "$1" || echo '#include "lfrec.h"'
        case $1 in
        */synopsis*) echo 'int main(void)' ;; # complete, so it can run
        *) printf 'void snippet(void);\nvoid snippet(void)\n' ;;
        esac
        echo '{'
        grep -vE '^#' "$1"
        echo '}'
    } >"$1.wrapped"
    mv "$1.wrapped" "$1"
}

# build FILE COMPILER STANDARD
build() {
    local compiler=$2 flags='-c' libraries=
    case $1 in *.cc) compiler=${2/gcc/g++} compiler=${compiler/clang/clang++} ;; esac
    if grep -qE '^int main\(' "$1"; then flags='' libraries=-lm; fi
    # shellcheck disable=SC2086
    $compiler -std="$3" -Wall -Wextra -Wpedantic -Werror -Wno-unused-variable -Wno-unused-but-set-variable -ffp-contract=off -O1 -I. -Iexamples $flags \
        -o "$1.$2.$3" "$1" $libraries
}

check() {
    local file=$1 pair compiler standard pairs='gcc-c99 clang-c11' out name
    name=$(basename "$file")
    name=${name%.*}
    case $file in *.cc) pairs='gcc-c++11 clang-c++17' ;; esac
    for pair in $pairs; do
        compiler=${pair%%-*} standard=${pair#*-}
        command -v "$compiler" >/dev/null || continue
        if ! out=$(build "$file" "$compiler" "$standard" 2>&1); then
            printf '%s\n' "$out" | head -n 30
            echo "not ok $name: does not compile by $compiler as $standard"
            return 1
        fi
        [ -x "$file.$compiler.$standard" ] && grep -qE '^int main\(' "$file" || continue
        if ! out=$(timeout 60 "$file.$compiler.$standard" </dev/null 2>&1); then
            printf '%s\n' "$out" | head -n 30
            echo "not ok $name: ends with a failure"
            return 1
        fi
        if [ -e "$file.expected" ] && ! out=$(diff "$file.expected" - <<<"$out"); then
            printf '%s\n' "$out" | head -n 30
            echo "not ok $name: prints something else by $compiler as $standard"
            return 1
        fi
    done
    echo "ok $name"
}

synopsis >"$work/synopsis.c"
if [ -s "$work/synopsis.c" ]; then cp "$work/synopsis.c" "$work/synopsis-c++.cc"; else echo "not ok lfrec.h has no SYNOPSIS"; exit 1; fi
for page in README.md examples/*.md; do
    if [ -e "$page" ]; then blocks "$page"; fi
done
mapfile -t found < <(ls "$work"/*.c "$work"/*.cc)
for file in "${found[@]}"; do wrap "$file"; done
status=0
run_all check "${found[@]}" || status=1

# The first program of the README is examples/hello.c, whole.
if [ -e README.md ] && [ -e examples/hello.c ]; then
    same=no
    for file in "$work"/README-*.c; do if cmp -s "$file" examples/hello.c; then same=yes; fi; done
    if [ $same = yes ]; then
        echo "ok README.md shows examples/hello.c as it is"
    else
        echo "not ok README.md shows no program that is examples/hello.c to the letter"
        status=1
    fi
fi
exit $status
