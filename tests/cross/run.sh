#!/usr/bin/env bash
# tests/cross/run.sh [suites] : what fingerprint.c prints is the same on foreign processors, emulated: 32 bits, the other byte order, fused
# multiplication; and here with every instruction set, with AVX hidden, without vectors, by another compiler.
#
# With `suites`: the header's own suites on the foreign processors, too, over check/check.h instead of Check. Takes minutes.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/parallel.sh
. tests/check.sh
here=tests/cross
work=build/cross
rm -rf "$work"
mkdir -p "$work"

# -ffp-contract=off is what DETERMINISM in lfrec.h asks for. Warnings are for the native compilers.
flags='-std=c11 -O2 -ffp-contract=off'
warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'

# What else a processor's compiler must be told. s390x's computes floats in double where the standard lets it; x87 rounds twice.
flags_of() {
    case $1 in
    s390x-*) echo -fexcess-precision=fast ;;
    i686-*) echo -msse2 -mfpmath=sse ;;
    esac
}
emulator_of() {
    case $1 in
    arm-linux-gnueabihf) echo qemu-arm-static ;;
    i686-*) ;; # runs as it is
    *) echo "qemu-${1%%-*}-static" ;;
    esac
}

# same COMMAND...: it prints the reference's lines. Emulators' warnings are no part of that.
same() { "$@" 2>/dev/null | diff "$work/reference.txt" -; }

# processor TRIPLE
processor() {
    # shellcheck disable=SC2046,SC2086
    "$1-gcc" $flags $(flags_of "$1") -static -o "$work/fingerprint-$1" $here/fingerprint.c || return
    # shellcheck disable=SC2046
    same timeout 60 $(emulator_of "$1") "$work/fingerprint-$1"
}
instruction_set() { same "$work/fingerprint" "$1"; }
# hidden CPU: of those that QEMU knows, without AVX, without AVX2
hidden_by_CPU() { same timeout 60 qemu-x86_64-static -cpu "$1" "$work/fingerprint"; }
# built COMPILER FLAG
built() {
    # shellcheck disable=SC2086
    "$1" $flags $warnings "$2" -o "$work/fingerprint-$1$2" $here/fingerprint.c && same "$work/fingerprint-$1$2"
}
# suite TRIPLE FILE
suite() {
    local program
    program=$work/$(basename "$2" .c)-$1
    # shellcheck disable=SC2046,SC2086
    "$1-gcc" $flags -D_POSIX_C_SOURCE=200809L $(flags_of "$1") -I$here/check -I. -DLFREC_TEST_QUICK -static -o "$program" "$2" tests/lfrec.c -lm || return
    # shellcheck disable=SC2046
    timeout 300 $(emulator_of "$1") "$program"
}

# shellcheck disable=SC2086
gcc $flags $warnings -o "$work/fingerprint" $here/fingerprint.c && "$work/fingerprint" >"$work/reference.txt" ||
    { cat "$work/reference.txt"; echo "not ok the reference"; exit 1; }

checks=('instruction_set 1' 'built gcc -DLFREC_NO_SIMD' 'built gcc -DLFREC_MAX_ISA=LFREC_ISA_PORTABLE')
[ "$(uname -m)" != x86_64 ] || checks+=('instruction_set 2' 'instruction_set 3')
if command -v clang >/dev/null; then checks+=('built clang -DNDEBUG'); else echo "skip clang: not installed"; fi
if [ "$(uname -m)" != x86_64 ] || ! command -v qemu-x86_64-static >/dev/null; then
    echo "skip hidden AVX: there is no qemu-x86_64-static for an x86-64"
else
    checks+=('hidden_by_CPU Nehalem' 'hidden_by_CPU SandyBridge')
fi
for triple in arm-linux-gnueabihf aarch64-linux-gnu s390x-linux-gnu i686-linux-gnu; do
    emulator=$(emulator_of $triple)
    if ! command -v $triple-gcc >/dev/null || { [ -n "$emulator" ] && ! command -v "$emulator" >/dev/null; }; then
        echo "skip $triple: there is no $triple-gcc or no ${emulator:-processor for it}"
        continue
    fi
    checks+=("processor $triple")
    [ "${1-}" = suites ] || continue
    for file in tests/test_*.c; do [ "$file" = tests/test_dataset.c ] || checks+=("suite $triple $file"); done
done
run_all check "${checks[@]}"
