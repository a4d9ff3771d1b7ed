#!/usr/bin/env bash
# tests/compile/run.sh : the header by every compiler and standard, with its parts left out, twice in one program, after complex.h,
# freestanding for microcontrollers and 32 bits, without vector extensions, for Windows, and as WebAssembly. All warnings are errors.
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/parallel.sh
. tests/check.sh
here=tests/compile
work=build/compile
rm -rf "$work"
mkdir -p "$work"

warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Wundef -Wvla -Wwrite-strings -Wcast-align -Werror'
warnings_c='-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wdeclaration-after-statement -Wc++-compat'
exact=-ffp-contract=off

# warnings_of COMPILER STANDARD
warnings_of() {
    case $1-$2 in
    *++*) echo "$warnings" ;;
    clang-c*) echo "$warnings $warnings_c -Wno-declaration-after-statement" ;;
    *) echo "$warnings ${warnings_c/-Wdeclaration-after-statement /}" ;;
    esac
}

language() { case $1 in *++*) echo c++ ;; *) echo c ;; esac; }
driver() { case $1-$2 in gcc-*++*) echo g++ ;; clang-*++*) echo clang++ ;; *) echo "$1" ;; esac; }

# compile COMPILER STANDARD alone|implementation [after complex.h]
compile() {
    local compiler=$1 standard=$2 how=$3 flags=-fsyntax-only
    case $how-$# in
    implementation-3)
        # The optimizer brings warnings of its own; once for each language is enough.
        case $standard in c99 | c++11) flags='-O2 -c' ;; *) flags='-O0 -c' ;; esac
        ;;
    esac
    [ "$how" = alone ] || flags+=' -DLFREC_IMPLEMENTATION'
    [ $# = 3 ] || flags+=' -DAFTER_COMPLEX'
    # shellcheck disable=SC2046,SC2086
    $(driver "$compiler" "$standard") -x $(language "$standard") -std=$standard $(warnings_of "$compiler" "$standard") $exact $flags \
        -o "$work/header-$compiler-$standard-$how.o" $here/header.c
}

# ---- what an object needs, and what it defines ---------------------------------------------------------------------------

# What a compiler may call by itself in any C program.
by_compiler='memcpy|memmove|memset|memcmp|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__cpu_model|__cpu_features2|__cpu_indicator_init'
by_malloc='malloc|free'
by_stdio='fgetc|fopen|fclose|fread|fwrite|fflush|ferror|feof|fseek|ftell|rename|remove'

# needs_only PATTERN OBJECT
needs_only() {
    local other
    other=$(nm -u "$2" | awk '{ print $NF }' | grep -vxE "$1" | tr '\n' ' ')
    [ -z "$other" ] || { echo "needs ${other}besides $1"; return 1; }
}
# lacks PATTERN OBJECT; has PATTERN OBJECT
defines() { nm --defined-only "$2" | awk '{ print $NF }' | grep -xE "$1" | tr '\n' ' '; }
lacks() { local found; found=$(defines "$1" "$2"); [ -z "$found" ] || { echo "still has $found"; return 1; }; }
has() { [ -n "$(defines "$1" "$2")" ] || { echo "does not have $1, so that leaving it out shows nothing"; return 1; }; }

training='lfrec_(train|trainer_.*|mask|loss_.*)'
evaluation='lfrec_(evaluate|rank|split.*)'
files='lfrec_(save|load|view).*'

# object COMPILER NAME FLAGS... : build/compile/NAME.o
object() {
    local compiler=$1 name=$2
    shift 2
    # shellcheck disable=SC2046
    $compiler -std=c99 $(warnings_of "$compiler" c99) $exact -O2 "$@" -c -o "$work/$name.o" $here/implementation.c
}
wide_registers() { objdump -d --no-show-raw-insn "$1" | grep -cE '%[yz]mm'; }

# without COMPILER OPTION|nothing|everything
without() {
    local compiler=$1 option=$2 o=$work/$1-without-$2.o flags=() allowed="$by_compiler|$by_malloc|$by_stdio"
    case $option in
    nothing) ;;
    everything) flags=(-DLFREC_NO_MALLOC -DLFREC_NO_STDIO -DLFREC_NO_SIMD -DLFREC_NO_DOUBLE -DLFREC_NO_TRAINING -DLFREC_NO_EVALUATION
        -DLFREC_NO_FILES -DLFREC_NO_ARTICLE -DLFREC_NO_BAYES -DLFREC_NO_RANKING -DLFREC_NO_PACKED -DLFREC_NO_INDEX -DLFREC_NO_THREADS) ;;
    *) flags=("-D$option") ;;
    esac
    object "$compiler" "$compiler-without-$option" "${flags[@]}" || return
    case $option in
    nothing)
        needs_only "$allowed" "$o" && has malloc\|lfrec_train "$o" && has "$training" "$o" && has "$evaluation" "$o" && has "$files" "$o" || return
        # Every function that the manual declares is there, and nothing else is visible.
        diff <(sed '/end of the API/q' lfrec.h | tr '\n' ' ' | grep -oE 'LFREC_API [^;(]*[ *]lfrec_[a-z0-9_]+\(' |
            sed 's/.*[ *]\(lfrec_[a-z0-9_]*\)($/\1/' | sort -u) <(nm --defined-only -g "$o" | awk '{ print $NF }' | sort) |
            sed -n 's/^< /declared, not defined: /p; s/^> /visible, not declared: /p' | { ! grep .; } || return
        case $(uname -m) in x86_64) [ "$(wide_registers "$o")" -gt 0 ] || { echo "no wide vector code"; return 1; } ;; esac
        ;;
    LFREC_NO_MALLOC) needs_only "$by_compiler|$by_stdio" "$o" ;;
    LFREC_NO_STDIO) needs_only "$by_compiler|$by_malloc" "$o" && lacks 'lfrec_(save|load)_file' "$o" ;;
    LFREC_NO_SIMD)
        needs_only "${by_compiler%%|__cpu*}|$by_malloc|$by_stdio" "$o" || return
        [ "$(wide_registers "$o")" = 0 ] || { echo "wide vector code"; return 1; }
        ;;
    LFREC_NO_DOUBLE)
        needs_only "$allowed" "$o" || return
        case $(uname -m) in
        x86_64) ! objdump -d --no-show-raw-insn "$o" | grep -E '[[:space:]]v?(add|sub|mul|div|sqrt|cvt[a-z0-9]*2)s?[sp]d[[:space:]]' | head -n 5 | grep . ;;
        esac
        ;;
    LFREC_NO_TRAINING) needs_only "$allowed" "$o" && lacks "$training" "$o" ;;
    LFREC_NO_EVALUATION) needs_only "$allowed" "$o" && lacks "$evaluation" "$o" ;;
    LFREC_NO_ARTICLE) needs_only "$allowed" "$o" && lacks lfrec_trainer_gradient "$o" ;;
    LFREC_NO_BAYES) needs_only "$allowed" "$o" && lacks 'lfrec_deviation|lfrec__epoch_bayes|lfrec__posterior' "$o" ;;
    LFREC_NO_RANKING) needs_only "$allowed" "$o" && lacks 'lfrec__epoch_ranking|lfrec__conjugate' "$o" ;;
    LFREC_NO_THREADS) needs_only "$allowed" "$o" && lacks lfrec__sum_parts "$o" ;;
    LFREC_NO_PACKED) needs_only "$allowed" "$o" && lacks 'lfrec_save_packed.*|lfrec__decode_packed' "$o" ;;
    LFREC_NO_INDEX) needs_only "$allowed" "$o" && lacks 'lfrec_index_.*|lfrec__bound_of' "$o" ;;
    LFREC_NO_FILES) needs_only "$by_compiler|$by_malloc" "$o" && lacks "$files|lfrec__decode_packed" "$o" ;;
    everything) needs_only "${by_compiler%%|__cpu*}" "$o" && lacks "$training|$evaluation|$files" "$o" ;;
    *) echo "the header knows $option, and tests/compile/run.sh has no check of it"; return 1 ;;
    esac || return
    case $option in
    LFREC_NO_ARTICLE | LFREC_NO_BAYES | LFREC_NO_RANKING | LFREC_NO_PACKED | everything)
        # These leave constants in expressions; C++ and its compilers' warnings are stricter about those.
        # shellcheck disable=SC2046
        $(driver "$compiler" c++) -x c++ -std=c++11 $(warnings_of "$(driver "$compiler" c++)" c++11) -fsyntax-only "${flags[@]}" \
            $here/implementation.c || return
        ;;
    esac
    # It works, too, and prints the model's hash, which means something where there is a trained and saved model of full precision, and
    # of the article's setting.
    # shellcheck disable=SC2046
    $compiler -std=c99 $(warnings_of "$compiler" c99) $exact -O1 "${flags[@]}" -o "${o%.o}" $here/single.c "$o" || return
    case $option in
    LFREC_NO_DOUBLE | LFREC_NO_TRAINING | LFREC_NO_FILES | LFREC_NO_ARTICLE | everything) "${o%.o}" >"$o.txt" || { cat "$o.txt"; return 1; } ;;
    *) "${o%.o}" ;;
    esac
}

# ---- several files, one program ------------------------------------------------------------------------------------------

# c COMPILER FILE OBJECT FLAGS...: C11 or C++11 by the file's name
c() {
    local compiler=$1 file=$2 out=$3 standard=c11
    shift 3
    case $file in *.cc) standard=c++11 ;; esac
    # shellcheck disable=SC2046
    $(driver "$compiler" $standard) -std=$standard $(warnings_of "$compiler" $standard) $exact -O1 -c "$@" -o "$out" "$file"
}

# private_copies COMPILER [sanitized]
private_copies() {
    local compiler=$1 o=$work/private-$1${2-} file visible flags=()
    [ $# = 1 ] || flags=(-fsanitize=undefined,address -fno-sanitize-recover=all)
    for file in private_a.c private_b.c private_c.cc private_d.cc private_main.c; do
        c "$compiler" $here/$file "$o-${file%.*}.o" "${flags[@]}" || return
    done
    visible=$(nm -g --defined-only "$o"-private_[abcd].o | awk 'NF == 3 { print $3 }' | grep '^_*lfrec' | tr '\n' ' ')
    [ -z "$visible" ] || { echo "visible outside: $visible"; return 1; }
    $(driver "$compiler" c++) "${flags[@]}" -o "$o" "$o"-private_*.o && "$o"
}

# shared_copy COMPILER LANGUAGE-OF-THE-IMPLEMENTATION
shared_copy() {
    local compiler=$1 o=$work/shared-$1-$2 standard=c11
    [ "$2" = c ] || standard=c++11
    # shellcheck disable=SC2046
    $(driver "$compiler" $standard) -x $(language $standard) -std=$standard $(warnings_of "$compiler" $standard) $exact -O1 -c \
        -o "$o-implementation.o" $here/implementation.c || return
    c "$compiler" $here/shared_c.c "$o-c.o" && c "$compiler" $here/shared_cc.cc "$o-cc.o" && c "$compiler" $here/shared_main.c "$o-main.o" &&
        $(driver "$compiler" c++) -o "$o" "$o"-*.o && "$o"
}

# ---- machines without an operating system --------------------------------------------------------------------------------

# freestanding COMPILER CORE [OPTION]: needs nothing but the compiler's own run-time functions
freestanding() {
    local compiler=$1 core=$2 option=${3-} o flags
    o=$work/$1-$2${3-}.o
    case $compiler-$core in
    clang-cortex-m4) flags='--target=thumbv7em-none-eabihf -mcpu=cortex-m4 -mfpu=fpv4-sp-d16' ;;
    clang-cortex-m0plus) flags='--target=thumbv6m-none-eabi -mcpu=cortex-m0plus' ;;
    arm-none-eabi-gcc-cortex-m4) flags='-mthumb -mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16' ;;
    arm-none-eabi-gcc-cortex-m0plus) flags='-mthumb -mcpu=cortex-m0plus' ;;
    clang-x86-32-bits) flags='-m32' ;;
    esac
    # shellcheck disable=SC2046,SC2086
    $compiler $flags -ffreestanding -std=c99 $(warnings_of "${compiler##*-}" c99) $exact -Os ${option:+-D$option} -c -o "$o" \
        $here/implementation.c || return
    needs_only "_GLOBAL_OFFSET_TABLE_|__aeabi_[a-z0-9]+|__(u?div|u?mod|mul|ashl|lshr|ashr|clz|ctz|popcount|bswap)[sdt]i[0-9]|__[a-z]*[sd]f[a-z]*[0-9]?|__gnu_thumb1_case_[a-z]+|mem(cpy|move|set|cmp)" "$o" || return
    if [ "$option" = LFREC_NO_DOUBLE ]; then
        # By name: __aeabi_dadd, __aeabi_f2d, __aeabi_d2iz, __adddf3, __truncdfsf2.
        ! nm -u "$o" | grep -E ' (__aeabi_(d[a-z]+|[a-z]+2d|d2[a-z]+|cd[a-z]+)|__[a-z]*df[a-z]*[0-9]?)$' || { echo "double arithmetic"; return 1; }
    fi
    size "$o" 2>/dev/null | awk 'NR == 2 { print $1 " bytes of text" }'
}

# webassembly: no imports at any level of optimization, plain and with vectors
webassembly() {
    local level vectors module modules=()
    for level in Os O2 O3; do
        for vectors in '' -msimd128; do
            module=$work/lfrec-$level$vectors.wasm
            # shellcheck disable=SC2046,SC2086
            clang --target=wasm32 -std=c11 $(warnings_of clang c11) $exact -$level -ffreestanding -mbulk-memory $vectors -nostdlib \
                -Wl,--no-entry,--strip-all,-z,stack-size=65536 -o "$module" $here/wasm.c || return
            modules+=("$module")
        done
    done
    if command -v node >/dev/null; then
        node $here/wasm.js "${modules[@]}"
    else
        echo "built, not run: there is no node"
    fi
}

# narrow: where size_t has 32 bits. The program is static and runs as it is on an x86-64.
narrow() {
    # shellcheck disable=SC2046,SC2086
    i686-linux-gnu-gcc -std=c99 $(warnings_of gcc c99) $exact -O2 -static -msse2 -mfpmath=sse -I. -o "$work/narrow" $here/narrow.c || return
    "$work/narrow"
}

# plain_path COMPILER: one that knows of no vector extensions, or gcc that says so. Plain loops, and the same bits.
plain_path() {
    local o=$work/plain-$1 compile
    # shellcheck disable=SC2046
    case $1 in
    tcc) compile='tcc -std=c99 -Wall -Werror' ;;
    *) compile="$1 -std=c99 $(warnings_of "$1" c99) $exact -O1 -U__GNUC__ -ffreestanding" ;;
    esac
    # shellcheck disable=SC2086
    $compile -c -o "$o.o" $here/implementation.c && lacks 'lfrec__.*_(portable|avx2|avx512|neon)' "$o.o" || return
    $1 -std=c99 -o "$o" $here/single.c "$o.o" && "$o"
}

# windows FILE: compiled and linked, not run
windows() {
    # shellcheck disable=SC2046,SC2086
    x86_64-w64-mingw32-gcc -std=c99 $(warnings_of gcc c99) $exact -O2 -I. -o "$work/$(basename "$1" .c).exe" "$1"
}

# ---- all of it -----------------------------------------------------------------------------------------------------------

# The model that was trained is the same, bit for bit, whoever compiled it.
same_everywhere() {
    local hashes
    hashes=$(sed -n 's/^ok .*: \([0-9a-f]\{8\}\)$/\1/p' "$work/log" | sort | uniq -c)
    [ "$(printf '%s\n' "$hashes" | grep -c .)" = 1 ] || { printf 'different models (count, hash):\n%s\n' "$hashes"; return 1; }
    printf '%s\n' "$hashes" | awk '{ print $1 " builds trained model " $2 }'
}

checks=()
compilers=(gcc)
if command -v clang >/dev/null; then compilers+=(clang); else echo "skip clang: not installed"; fi
options=$(sed '/end of the API/q' lfrec.h | grep -oE '^ \*     LFREC_NO_[A-Z]+' | awk '{ print $2 }')
for compiler in "${compilers[@]}"; do
    for standard in c99 c11 c17 c++11 c++17; do
        checks+=("compile $compiler $standard alone" "compile $compiler $standard implementation")
        case $standard in
        c++*) ;;
        *) checks+=("compile $compiler $standard alone after complex.h" "compile $compiler $standard implementation after complex.h") ;;
        esac
    done
    for option in nothing $options everything; do checks+=("without $compiler $option"); done
    checks+=("private_copies $compiler" "shared_copy $compiler c" "shared_copy $compiler c++")
done
if command -v clang >/dev/null; then
    checks+=("private_copies clang sanitized" "freestanding clang x86-32-bits")
    for core in cortex-m4 cortex-m0plus; do checks+=("freestanding clang $core" "freestanding clang $core LFREC_NO_DOUBLE"); done
    if command -v wasm-ld >/dev/null; then
        checks+=(webassembly)
        command -v node >/dev/null || echo "skip running WebAssembly: there is no node"
    else
        echo "skip WebAssembly: there is no wasm-ld (lld)"
    fi
fi
if command -v i686-linux-gnu-gcc >/dev/null; then
    checks+=(narrow)
else
    echo "skip narrow: there is no i686-linux-gnu-gcc (gcc-i686-linux-gnu, libc6-dev-i386-cross)"
fi
checks+=('plain_path gcc')
if command -v tcc >/dev/null; then checks+=('plain_path tcc'); else echo "skip tcc: not installed"; fi
if command -v x86_64-w64-mingw32-gcc >/dev/null; then
    checks+=("windows $here/narrow.c" 'windows examples/hello.c')
else
    echo "skip Windows: there is no x86_64-w64-mingw32-gcc (gcc-mingw-w64-x86-64-win32)"
fi
if command -v arm-none-eabi-gcc >/dev/null; then
    for core in cortex-m4 cortex-m0plus; do
        checks+=("freestanding arm-none-eabi-gcc $core" "freestanding arm-none-eabi-gcc $core LFREC_NO_DOUBLE")
    done
else
    echo "skip arm-none-eabi-gcc: not installed; clang compiles for the same cores"
fi

run_all check "${checks[@]}" | tee "$work/log"
status=${PIPESTATUS[0]}
check same_everywhere || status=1
exit "$status"
