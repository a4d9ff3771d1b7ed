#!/usr/bin/env bash
# tests/package.sh : make the Debian package, install it, run it, remove it, and find nothing left.
#
# Installed is into a copy of this system that lies over it for the time of the test and is gone after it (an overlay in a mount namespace of
# its own), so it takes root; without root, or where namespaces are not allowed, that part is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
make=${MAKE:-make}
fail() { echo "not ok package: $*"; exit 1; }

package=$($make -s --no-print-directory deb | tail -n 1)
[ -e "$package" ] || fail "make deb made no package: $package"
dpkg-deb --contents "$package" > build/package.contents
for file in usr/bin/lfrec-kafka usr/lib/lfrec/lfrec-interceptor.so usr/include/lfrec.h usr/share/man/man1/lfrec-kafka.1.gz \
    etc/lfrec/lfrec-kafka.conf lib/systemd/system/lfrec-kafka.service usr/share/doc/lfrec/copyright; do
    grep -q " ./$file\$" build/package.contents || fail "$file is missing"
done
depends=$(dpkg-deb --field "$package" Depends)
for library in librdkafka1 libjansson4 libc6; do
    case $depends in *"$library"*) ;; *) fail "it does not depend on $library: $depends" ;; esac
done
grep -q -- '^-rw-r----- root/root .*/etc/lfrec/lfrec-kafka.conf$' build/package.contents || fail "everybody may read the configuration"
echo "ok package is made, with its dependencies"

# The configuration as it is, and with every example taken.
program=build/lfrec-kafka conf=plugin/packaging/lfrec-kafka.conf
$program -F $conf --check-config > build/package.checked || fail "the configuration is refused"
sed 's/^#\([a-zA-Z.]*=\)/\1/' $conf > build/package.conf
$program -F build/package.conf --check-config > build/package.checked || fail "an example in the configuration is refused"
grep -q changeit build/package.checked && fail "--check-config shows a password"
# An lfrec.* line that is commented out shows the default.
$program -X bootstrap.servers=x --check-config > build/package.defaults
sed -n 's/^#\(lfrec\.[a-z.]*\)=\(.*\)/\1=\2/p' $conf | while read -r line; do
    case $line in lfrec.http.listen=* | lfrec.snapshot.path=*) continue ;; esac # examples: the default is none
    grep -qxF -- "$line" build/package.defaults || fail "$line is not the default: $(grep "^${line%%=*}=" build/package.defaults)"
done
echo "ok package's configuration is valid, its examples too"

if command -v systemd-analyze > /dev/null; then
    mkdir -p build/package.units
    sed "s|/usr/bin/lfrec-kafka|$(realpath $program)|" plugin/packaging/lfrec-kafka.service > build/package.units/lfrec-kafka.service
    systemd-analyze verify --man=no build/package.units/lfrec-kafka.service > build/package.verify 2>&1 || fail "the unit: $(cat build/package.verify)"
    [ ! -s build/package.verify ] || fail "the unit: $(cat build/package.verify)"
    systemd-analyze security --offline=true --threshold=25 build/package.units/lfrec-kafka.service > build/package.verify 2>&1 ||
        fail "the unit is exposed: $(tail -n 1 build/package.verify)"
    echo "ok package's unit is valid and hardened"
else
    echo "skip package's unit: there is no systemd-analyze"
fi

if [ "$(id -u)" != 0 ] || ! unshare --mount true 2> /dev/null; then
    echo "skip package installed: needs root and a mount namespace"
    exit 0
fi
copy=$(mktemp -d)
trap 'rmdir "$copy"' EXIT
# In the namespace: $1 the folder, $2 the package. The files of / before and after are compared; /proc and /tmp are not part of it.
# shellcheck disable=SC2016
unshare --mount bash -euc '
    mount -t tmpfs none "$1"
    mkdir "$1/upper" "$1/work" "$1/root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root" 2> /dev/null || exit 77
    mount -t proc none "$1/root/proc"
    cp "$2" "$1/root/tmp/lfrec.deb"
    inside() { chroot "$1/root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "${@:2}"; }
    files() { (cd "$1/root" && find etc usr lib var/lib -xdev ! -path "var/lib/dpkg/*" 2> /dev/null | sort); }
    files "$1" > "$1/before"
    inside "$1" dpkg -i /tmp/lfrec.deb > "$1/log" 2>&1 || { cat "$1/log"; echo "not ok package: dpkg -i failed"; exit 1; }
    inside "$1" lfrec-kafka --version | grep -q "^lfrec-kafka [0-9]" || { echo "not ok package: lfrec-kafka does not run"; exit 1; }
    inside "$1" lfrec-kafka -F /etc/lfrec/lfrec-kafka.conf --check-config > /dev/null
    lists=$(printf "u1,a,5\nu2,b,4\nu2,a,3\n" | inside "$1" lfrec-kafka --pipe -q -X lfrec.min.support=0 | wc -l)
    [ "$lists" -ge 3 ] || { echo "not ok package: $lists lists"; exit 1; }
    inside "$1" dpkg --verify lfrec | grep . && { echo "not ok package: files changed"; exit 1; }
    inside "$1" dpkg -r lfrec > "$1/log" 2>&1 || { cat "$1/log"; echo "not ok package: dpkg -r failed"; exit 1; }
    [ -e "$1/root/etc/lfrec/lfrec-kafka.conf" ] || { echo "not ok package: removing took the configuration"; exit 1; }
    inside "$1" dpkg -P lfrec > "$1/log" 2>&1 || { cat "$1/log"; echo "not ok package: dpkg -P failed"; exit 1; }
    files "$1" > "$1/after"
    diff "$1/before" "$1/after" || { echo "not ok package: purging leaves or takes files"; exit 1; }
' package "$copy" "$package" || {
    code=$?
    [ $code = 77 ] || exit 1
    echo "skip package installed: no overlay can be mounted here"
    exit 0
}
echo "ok package is installed, runs, is removed and purged, and nothing is left"
