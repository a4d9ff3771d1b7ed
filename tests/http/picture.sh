#!/usr/bin/env bash
# tests/http/picture.sh FILE.png : a picture of the live page, while ratings that are made up are replayed for a minute.
#
# Needs what tests/http/run.sh needs, which is to be run before: it installs playwright-core.
set -euo pipefail
[ $# = 1 ] || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
picture=$(realpath -m "$1")
cd "$(dirname "$0")/../.."
${MAKE:-make} --no-print-directory build/lfrec-kafka build/examples/demo/generate >/dev/null
work=$(mktemp -d)
pid=''
trap '[ -z "$pid" ] || kill -TERM "$pid"; rm -rf "$work"' EXIT
build/examples/demo/generate "$work/data" >/dev/null
build/lfrec-kafka -X lfrec.embedded=true -X lfrec.http.listen=0 -X lfrec.retrain.events=9000 -X lfrec.publish.rate=300 \
    >"$work/out" 2>"$work/log" &
pid=$!
until grep -q 'caught up' "$work/log"; do sleep 0.1; done
url=$(sed -n 's|.*http: listening on \(http://127.0.0.1:[0-9]*\)/$|\1|p' "$work/log")
broker=$(sed -n 's/^embedded broker: //p' "$work/out")

# Titles are the ids, to be read by people; a tenth of a second's ratings at a time, more and less of them.
replay() {
    awk -F, 'NR == FNR { t = $0; sub(/^[^,]*,/, "", t); sub(/,[^,]*$/, "", t); gsub(/"/, "", t); title[$1] = t; next } FNR > 1 {
        printf "{\"user\":\"person %d\",\"item\":\"%s\",\"rating\":%s}\n", $1, title[$2], $3
        if (++sent >= 90 + 40 * sin(n / 40) + 25 * sin(n / 7)) { sent = 0; n++; fflush(); system("sleep 0.1") } }' \
        "$work/data/movies.csv" "$work/data/ratings.csv" | kcat -P -b "$broker" -t ratings -X linger.ms=20
}
replay &
feeding=$!
sleep 62
URL=$url PICTURE=$picture node tests/http/picture.mjs
wait $feeding
# A third of the size where pngquant is there (Debian's package of that name).
! command -v pngquant >/dev/null || pngquant --quality 70-95 --speed 1 --force --output "$picture" "$picture"
