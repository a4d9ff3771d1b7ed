#!/usr/bin/env bash
# tests/install.sh : make install into a folder of its own, use what is there, make uninstall, and find nothing left.
set -euo pipefail
cd "$(dirname "$0")/.."
make=${MAKE:-make}
root=$PWD/build/install
rm -rf "$root"
fail() { echo "not ok install: $*"; exit 1; }

# Staged, as a packager does it: the pkg-config file names the final place.
$make -s install DESTDIR="$root/stage" PREFIX=/usr >/dev/null
grep -qx 'prefix=/usr' "$root/stage/usr/share/pkgconfig/lfrec.pc" || fail "DESTDIR shows in the pkg-config file"

# In place, as a user without root does it.
prefix=$root/local
$make -s install PREFIX="$prefix" >/dev/null
export PKG_CONFIG_PATH="$prefix/share/pkgconfig"
version=$(sed -n 's/^#define LFREC_VERSION "\(.*\)"/\1/p' lfrec.h)
[ "$(pkg-config --modversion lfrec)" = "$version" ] || fail "pkg-config does not say version $version"
cmp lfrec.h "$prefix/include/lfrec.h" || fail "the header was changed"
cat >"$root/use.c" <<'C'
#define LFREC_IMPLEMENTATION
#include <lfrec.h>
#include <stdio.h>
int main(void) { return puts(lfrec_status_string(LFREC_OK)) < 0; }
C
read -ra flags <<<"$(pkg-config --cflags lfrec)"
"${CC:-gcc}" -std=c99 "${flags[@]}" "$root/use.c" -o "$root/use" || fail "a program does not compile by pkg-config's flags"
"$root/use" >/dev/null || fail "that program does not run"
echo "ok install: a program is built by pkg-config"

if [ -e plugin/main.c ]; then
    [ "$("$prefix/bin/lfrec-kafka" --version | grep -c "$version")" -ge 1 ] || fail "lfrec-kafka --version does not say $version"
    [ ! -e plugin/lfrec-kafka.1 ] || [ -s "$prefix/share/man/man1/lfrec-kafka.1" ] || fail "no man page"
    echo "ok install: lfrec-kafka runs from there"
fi

$make -s uninstall PREFIX="$prefix"
$make -s uninstall DESTDIR="$root/stage" PREFIX=/usr
left=$(find "$prefix" "$root/stage" -type f)
[ -z "$left" ] || fail "uninstall leaves $left"
echo "ok uninstall leaves nothing"
