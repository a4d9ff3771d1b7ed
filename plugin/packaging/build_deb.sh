#!/usr/bin/env bash
# plugin/packaging/build_deb.sh PROGRAMS OUT : the Debian package lfrec_VERSION_ARCHITECTURE.deb in OUT, from what was built in PROGRAMS.
# Prints its name. Called by `make deb`. Needs dpkg-dev.
set -euo pipefail
cd "$(dirname "$0")/../.."
programs=$(realpath "$1") out=$(realpath "$2")
here=plugin/packaging
version=$(sed -n 's/^#define LFREC_VERSION "\(.*\)"/\1/p' lfrec.h)
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
umask 022

install -D -m 755 -t "$root/usr/bin" "$programs/lfrec-kafka"
install -D -m 644 -t "$root/usr/lib/lfrec" "$programs/lfrec-interceptor.so"
strip --strip-unneeded "$root/usr/bin/lfrec-kafka" "$root/usr/lib/lfrec/lfrec-interceptor.so"
install -D -m 644 -t "$root/usr/include" lfrec.h
install -d "$root/usr/share/pkgconfig" "$root/usr/share/man/man1" "$root/usr/share/doc/lfrec"
sed "s|@PREFIX@|/usr|; s|@VERSION@|$version|" lfrec.pc.in > "$root/usr/share/pkgconfig/lfrec.pc"
gzip -9n < plugin/lfrec-kafka.1 > "$root/usr/share/man/man1/lfrec-kafka.1.gz"
gzip -9n < CHANGELOG.md > "$root/usr/share/doc/lfrec/changelog.gz"
{
    printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: lfrec\n\nFiles: *\n'
    printf 'Copyright: %s\nLicense: Expat\n' "$(sed -n 's/^Copyright (c) //p' LICENSE)"
    sed -n '/^Permission/,$p' LICENSE | sed 's/^$/./; s/^/ /'
} > "$root/usr/share/doc/lfrec/copyright"
install -D -m 644 -t "$root/lib/systemd/system" $here/lfrec-kafka.service
install -D -m 640 -t "$root/etc/lfrec" $here/lfrec-kafka.conf

# dpkg-shlibdeps wants a source package's control file beside it.
mkdir -p "$work/debian" "$root/DEBIAN"
printf 'Source: lfrec\n\nPackage: lfrec\nArchitecture: any\n' > "$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O root/usr/bin/lfrec-kafka root/usr/lib/lfrec/lfrec-interceptor.so 2> "$work/shlibdeps") ||
    { cat "$work/shlibdeps" >&2; exit 1; }
cat > "$root/DEBIAN/control" <<CONTROL
Package: lfrec
Version: $version
Architecture: $architecture
Maintainer: lfrec developers <lfrec@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f 1)
Depends: ${depends#shlibs:Depends=}
Suggests: kcat
Section: net
Priority: optional
Description: recommendations from a stream of ratings
 lfrec-kafka reads rating events from a Kafka topic, learns latent factors of
 them, and writes every user's recommendations to another topic. The same
 recommender is a plugin for applications of librdkafka, and a C header.
 .
 The service is neither enabled nor started by the installation: name the
 brokers in /etc/lfrec/lfrec-kafka.conf, then
 systemctl enable --now lfrec-kafka
CONTROL
echo /etc/lfrec/lfrec-kafka.conf > "$root/DEBIAN/conffiles"
install -m 755 -t "$root/DEBIAN" $here/postinst $here/prerm $here/postrm
(cd "$root" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum) > "$root/DEBIAN/md5sums"

package=$out/lfrec_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" > /dev/null
echo "$package"
