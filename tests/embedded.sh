#!/usr/bin/env bash
# tests/embedded.sh : examples/microcontroller on two emulated boards. They print what the desktop prints, down to the bits of the trained
# model; what they take of flash, RAM and stack stays below the budgets.
set -uo pipefail
cd "$(dirname "$0")/.."
work=build/microcontroller
bad=0
mkdir -p build
verdict() { # NAME TEXT-OF-WHAT-IS-WRONG
    if [ -z "$2" ]; then echo "ok $1"; else printf '%s\n' "$2"; echo "not ok $1"; bad=1; fi
}

for tool in arm-none-eabi-gcc qemu-system-arm; do
    command -v $tool >/dev/null || { echo "skip microcontrollers: there is no $tool"; exit 0; }
done
examples/microcontroller/build.sh >"$work.sizes" 2>&1 || { cat "$work.sizes"; echo "not ok building for microcontrollers"; exit 1; }
echo "bytes of flash by whose they are, of static RAM, and the most stack:"
cat "$work.sizes"

# emulate PROGRAM BOARD: what it prints
emulate() {
    timeout 60 qemu-system-arm -M "$2" -nographic -monitor none -serial none -chardev stdio,id=text \
        -semihosting-config enable=on,target=native,chardev=text -kernel "$work/$1-$2.elf" </dev/null 2>"$work/$1-$2.err" ||
        echo "status $? $(head -n 3 "$work/$1-$2.err")"
}
# Without scores, which may differ in the last digit where sums are of double precision, and the hash of the bits.
lists() { grep -o '^  film [0-9]*' "$1"; }

for program in learn serve serve8; do
    "$work/same-$program" >"$work/same-$program.txt" && "$work/desktop-$program" >"$work/desktop-$program.txt"
    verdict "$program recommends on a desktop what it does without double and vectors" \
        "$(diff <(lists "$work/desktop-$program.txt") <(lists "$work/same-$program.txt"))"
    for board in mps2-an386 microbit; do
        emulate $program $board >"$work/$program-$board.txt"
        verdict "$program on $board prints what it does on a desktop" \
            "$(diff <(grep -v '^#' "$work/same-$program.txt") <(grep -v '^#' "$work/$program-$board.txt"))"
        used=$(sed -n 's/^#.*most stack \([0-9]*\)$/\1/p' "$work/$program-$board.txt")
        verdict "$program on $board used ${used:-no} bytes of stack, below 2048" "$([ "${used:-9999}" -lt 2048 ] || echo "too many")"
    done
done

# below NAME BOARD-IMAGE WHAT BUDGET
below() {
    local bytes
    bytes=$(sed -n "s/^$1 .*\<$2 \([0-9]*\).*/\1/p" "$work.sizes")
    verdict "$1 has $bytes bytes of $2, below $3" "$([ "${bytes:-$3}" -lt "$3" ] || echo "too many")"
}
for board in mps2-an386 microbit; do
    below learn-$board library 14336
    below serve-$board library 6144
    below serve8-$board library 6144
    below serve8-$board model 61440
    below learn-$board stack 2048
    below serve-$board stack 2048
    below serve-$board RAM 1024
    for program in learn serve serve8; do
        # By name: __aeabi_dadd, __aeabi_f2d, __aeabi_d2iz, __adddf3, __truncdfsf2.
        verdict "$program-$board has no double arithmetic, libgcc included" "$(arm-none-eabi-nm "$work/$program-$board.elf" |
            grep -E ' (__aeabi_(d[a-z]+|[a-z]+2d|d2[a-z]+|cd[a-z]+)|__[a-z]*df[a-z]*[0-9]?)$')"
    done
done
below learn-microbit RAM 14336
exit $bad
