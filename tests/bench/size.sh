#!/usr/bin/env bash
# tests/bench/size.sh : bytes of text of each part of lfrec.h, -Os, LFREC_NO_SIMD, for x86-64, Cortex-M4 and WebAssembly.
#
# "all" is the whole header. A part is how much smaller the object is without it (each compiled by its macro alone); what is in
# more than one part is in neither. WebAssembly: bytes of the code section. TSV=1: tab-separated. Targets whose compiler is
# missing say so.
set -uo pipefail
cd "$(dirname "$0")/../.."
work=build/bench/size
mkdir -p $work
printf '#define LFREC_IMPLEMENTATION\n#include "lfrec.h"\n' >$work/all.c

flags='-std=c99 -Os -ffp-contract=off -ffreestanding -DLFREC_NO_SIMD -I.'
declare -A compiler=(
    [x86-64]="gcc $flags"
    [cortex-m4]="clang --target=thumbv7em-none-eabihf -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 $flags"
    [wasm]="clang --target=wasm32 $flags"
)
targets=(x86-64 cortex-m4 wasm)

# Text and read-only data of an ELF object as size(1) counts it; the CODE section of a WebAssembly object.
bytes() {
    local target=$1 object
    shift
    object=$work/$target.o
    # shellcheck disable=SC2086
    ${compiler[$target]} "$@" -c $work/all.c -o "$object" 2>$work/log || { echo absent; return; }
    if [ "$target" = wasm ]; then
        llvm-size -A "$object" 2>/dev/null | awk '$1 == "CODE" { print $2; found = 1 } END { if (!found) print "absent" }'
    else
        { llvm-size "$object" 2>/dev/null || size "$object"; } | awk 'NR == 2 { print $1 }'
    fi
}

row() {
    if [ -n "${TSV:-}" ]; then
        printf '%s\t%s\t%s\t%s\n' "$@"
    else
        printf '%-44s %10s %10s %10s\n' "$@"
    fi
}

echo "# bytes of text, -Os -DLFREC_NO_SIMD; $(gcc --version | head -n 1); $(clang --version 2>/dev/null | head -n 1)"
row case "${targets[@]}"
declare -A whole
for target in "${targets[@]}"; do whole[$target]=$(bytes "$target"); done
row 'all' "${whole[x86-64]}" "${whole[cortex-m4]}" "${whole[wasm]}"
part() {
    local name=$1 target size cells=()
    shift
    for target in "${targets[@]}"; do
        size=$(bytes "$target" "$@")
        case $size${whole[$target]} in *absent*) cells+=(absent) ;; *) cells+=($((${whole[$target]} - size))) ;; esac
    done
    row "$name" "${cells[@]}"
}
part 'training' -DLFREC_NO_TRAINING
part 'evaluation' -DLFREC_NO_EVALUATION
part 'save and load' -DLFREC_NO_FILES
part 'setting: article' -DLFREC_NO_ARTICLE
part 'setting: bayes' -DLFREC_NO_BAYES
part 'setting: ranking' -DLFREC_NO_RANKING
part 'models of 8-bit weights' -DLFREC_NO_PACKED
part 'index of items' -DLFREC_NO_INDEX
part 'training by threads' -DLFREC_NO_THREADS
part 'double arithmetic (all - LFREC_NO_DOUBLE)' -DLFREC_NO_DOUBLE
cells=()
for target in "${targets[@]}"; do
    cells+=("$(bytes "$target" -DLFREC_NO_TRAINING -DLFREC_NO_EVALUATION -DLFREC_NO_FILES)")
done
row 'serving alone: model, fold-in, top, similarity' "${cells[@]}"
cells=()
for target in "${targets[@]}"; do
    cells+=("$(bytes "$target" -DLFREC_NO_TRAINING -DLFREC_NO_EVALUATION -DLFREC_NO_FILES -DLFREC_NO_DOUBLE)")
done
row 'serving alone, without double' "${cells[@]}"

# Functions by name: what is compiled is one function a symbol, so that the largest show where the bytes are.
echo "# the 15 largest functions, x86-64"
row function bytes '' ''
gcc $flags -c $work/all.c -o $work/functions.o && nm --print-size --size-sort --reverse-sort -t d $work/functions.o |
    awk '$3 ~ /[tTrR]/ && n++ < 15 { print $4, $2 + 0 }' | while read -r name size; do row "$name" "$size" '' ''; done
