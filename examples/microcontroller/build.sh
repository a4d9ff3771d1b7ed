#!/usr/bin/env bash
# examples/microcontroller/build.sh : builds learn and serve for both boards and for the desktop, and prints what they take.
#
# Into build/microcontroller/: learn-, serve- and serve8-BOARD.elf for mps2-an386 (Cortex-M4F) and microbit (Cortex-M0), and the programs
# for the desktop, with the library as the boards have it (same-*) and as desktops have it (desktop-*).
# Needs gcc, gcc-arm-none-eabi; no library for the boards but the compiler's own.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=examples/microcontroller
work=build/microcontroller
mkdir -p "$work"

warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Wstrict-prototypes -Wmissing-prototypes -Werror'
exact=-ffp-contract=off
# The library without what these programs have no use for. No double: the boards' FPU has none.
small='-DLFREC_NO_SIMD -DLFREC_NO_DOUBLE -DLFREC_NO_EVALUATION -DLFREC_NO_ARTICLE -DLFREC_NO_BAYES -DLFREC_NO_RANKING -DLFREC_NO_THREADS'
packed=-DLFREC_NO_PACKED
arm="-std=c11 -Os -mthumb -ffreestanding -ffunction-sections -fdata-sections -fno-tree-loop-distribute-patterns $warnings $exact"
arm+=' -fstack-usage -fcallgraph-info=su'

core_of() {
    case $1 in
    mps2-an386) echo '-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16' ;;
    microbit) echo '-mcpu=cortex-m0' ;;
    esac
}
# The parts of a program besides the library and what is the board's.
parts_of() { case $1 in learn) echo learn.c print.c ratings_store.c ;; serve*) echo serve.c print.c model.S ;; esac; }
model_of() { case $1 in serve8) echo $work/films8.lfrec ;; *) echo $work/films.lfrec ;; esac; }
only_of() {
    case $1 in
    learn) echo "$small $packed" ;;
    serve) echo "$small $packed -DLFREC_NO_TRAINING" ;;
    serve8) echo "$small -DLFREC_NO_TRAINING" ;;
    esac
}

# image PROGRAM BOARD
image() {
    local name=$1-$2 dir=$work/$1-$2 core link board='cortexm.c flash_ram.c' file objects=()
    core=$(core_of "$2")
    link='-Wl,--defsym=FLASH_SIZE=4M,--defsym=RAM_SIZE=4M'
    if [ "$2" = microbit ]; then
        board='cortexm.c flash_nrf51.c'
        link='-Wl,--defsym=FLASH_SIZE=224K,--defsym=RAM_SIZE=16K' # of 256 KB; the model is saved behind the program
    fi
    mkdir -p "$dir"
    for file in $(parts_of "$1") lfrec.c $board; do
        # shellcheck disable=SC2046,SC2086
        arm-none-eabi-gcc $arm $core $(only_of "$1") -DMODEL=\"$(model_of "$1")\" -c -o "$dir/${file%.*}.o" $here/$file || return
        objects+=("$dir/${file%.*}.o")
    done
    # shellcheck disable=SC2086
    arm-none-eabi-gcc -mthumb $core -nostdlib "${objects[@]}" -lgcc -T $here/cortexm.ld $link -Wl,--gc-sections,-Map="$dir/map" \
        -o "$work/$name.elf" || return
    awk -f $here/sizes.awk "$dir/map" >"$dir/sizes" && awk -f $here/stack.awk "$dir"/*.ci >>"$dir/sizes" || return
    printf '%-17s %s\n' "$name" "$(paste -sd ' ' "$dir/sizes")"
}

# desktop NAME FLAGS...: the library and both programs
desktop() {
    local name=$1 program
    shift
    # shellcheck disable=SC2086
    gcc -std=c11 -O2 $warnings $exact "$@" -c -o "$work/$name-lfrec.o" $here/lfrec.c || return
    for program in learn serve serve8; do
        # shellcheck disable=SC2046,SC2086
        gcc -std=c11 -O2 $warnings $exact "$@" -DMODEL=\"$(model_of $program)\" -o "$work/$name-$program" \
            $(parts_of $program | sed "s|[^ ]*|$here/&|g") $here/host.c $here/flash_ram.c "$work/$name-lfrec.o" || return
    done
}

# The desktop trains first: what it has trained becomes part of the images.
# shellcheck disable=SC2086
gcc -std=c11 -O2 $warnings $exact -c -o "$work/make-lfrec.o" $here/lfrec.c
# shellcheck disable=SC2086
gcc -std=c11 -O2 $warnings -o "$work/make_model" $here/make_model.c "$work/make-lfrec.o"
"$work/make_model" "$work/films.lfrec" "$work/films8.lfrec"

pids=()
{ image learn mps2-an386 && image serve mps2-an386 && image serve8 mps2-an386 && desktop same $small; } &
pids+=($!)
{ image learn microbit && image serve microbit && image serve8 microbit && desktop desktop; } &
pids+=($!)
for pid in "${pids[@]}"; do wait "$pid"; done
