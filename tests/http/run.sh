#!/usr/bin/env bash
# tests/http/run.sh : lfrec-kafka with a broker inside it and its HTTP port, asked by curl, promtool and headless Chromium.
#
# Prints "ok NAME" or "not ok NAME: why" for each test; ends what it starts by process id. Without promtool or a browser: "skip".
#   LFREC_KAFKA  the program to test (build/lfrec-kafka)
#   SCREENSHOT   where the browser leaves a picture of the page
set -uo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C
here=tests/http
if [ -z "${LFREC_KAFKA:-}" ]; then
    ${MAKE:-make} --no-print-directory build/lfrec-kafka >/dev/null || { echo "not ok build: build/lfrec-kafka was not built"; exit 1; }
fi
lfrec=${LFREC_KAFKA:-build/lfrec-kafka}
browser=build/browser # shared with tests/browser
work=$(mktemp -d)
pid='' failed=0
clean_up() {
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

now_ms() { local n; n=$(date +%s%N); echo $((n / 1000000)); }
within() # SECONDS COMMAND...
{
    local end=$(($(now_ms) + $1 * 1000))
    shift
    until "$@"; do
        [ "$(now_ms)" -lt $end ] || return 1
        sleep 0.1
    done
}
check() # NAME COMMAND...: the command's output says why it failed
{
    local name=$1 why
    shift
    if why=$("$@" 2>&1); then
        echo "ok $name"
    else
        echo "not ok $name: $(tail -n 5 <<<"$why" | tr '\n' ' ')"
        failed=1
    fi
}
get() { curl -sS --max-time 10 "$@"; } # CURL ARGUMENTS...
code_is() { [ "$(get -o /dev/null -w '%{http_code}' "$2")" = "$1" ]; } # CODE URL
sample() { get "$url/metrics" | awk -v name="$1" '$1 == name { print $2 }'; } # NAME{LABELS}
has_lines() { local line; for line in "${@:2}"; do grep -qFx -- "$line" <<<"$1" || { echo "no line $line"; return 1; }; done; }
matches() { [[ $1 == *"$2"* ]] || { echo "no $2 in: $1"; return 1; }; }

"$lfrec" -X lfrec.embedded=true -X lfrec.http.listen=0 -X lfrec.min.support=0 -X lfrec.retrain.events=300 -X lfrec.retrain.seconds=0 \
    -X "lfrec.snapshot.path=$work/state" -X lfrec.snapshot.interval.ms=100 -X "lfrec.log.file=$work/log" >"$work/out" 2>"$work/stderr" &
pid=$!
within 10 grep -qs 'http: listening' "$work/log" || { echo "not ok start: $(tail -n 3 "$work/stderr" "$work/log")"; exit 1; }
url=$(sed -n 's|.*http: listening on \(http://127.0.0.1:[0-9]*\)/$|\1|p' "$work/log")
within 10 grep -q '^embedded broker' "$work/out"
broker=$(sed -n 's/^embedded broker: //p' "$work/out")

# ---- before there is anything ----

check healthy_before_a_partition_is_assigned code_is 200 "$url/healthz"
check not_ready_before_a_partition_is_assigned code_is 503 "$url/readyz"
within 15 grep -q 'caught up' "$work/log"
no_model() { matches "$(get "$url/readyz")" 'no model'; }
check not_ready_without_a_model within 5 no_model

# ---- ratings, bad events, hostile ids ----

hostile='{"user":"</script><img src=x onerror=hit()>","item":"\"><svg onload=hit()>","rating":5}
{"user":"</script><img src=x onerror=hit()>","item":"i1","rating":2}
{"user":"..","item":"\u202eevil\nline","rating":4}
{"user":"..","item":"i2","rating":1}'
{
    awk 'BEGIN { for (item = 0; item < 12; item++) for (user = 0; user < 30; user++)
        printf "{\"user\":\"u%d\",\"item\":\"i%d\",\"rating\":%d}\n", user, item + user % 5, 1 + (user * 7 + item * 3 + user * item) % 5 }'
    printf '%s\n' "$hostile" 'not an event' '{"user":"u1","item":"i1","rating":99}' '{"user":"u1","item":"i1","rating":-99}'
} | timeout 20 kcat -P -b "$broker" -t ratings
check ready_with_a_model within 20 code_is 200 "$url/readyz"
settled() { [ "$(sample lfrec_events_total)" = 367 ] && [ "$(sample lfrec_outputs_in_flight)" = 0 ] && [ "$(sample lfrec_publish_queue)" = 0 ]; }
check all_events_are_counted within 10 settled
metrics=$(get "$url/metrics")
check metrics_tell_what_was_sent has_lines "$metrics" 'lfrec_bad_events_total{reason="syntax"} 1' 'lfrec_bad_events_total{reason="off_scale"} 2' \
    'lfrec_learned_events_total{kind="rate"} 364' 'lfrec_users 32' 'lfrec_ratings 364' 'lfrec_items 18' 'lfrec_ready 1' 'lfrec_dead_letters_total 3' \
    'lfrec_partition_lag{topic="ratings",partition="0"} 0' 'lfrec_partition_lag{topic="ratings",partition="3"} 0'
snapshot_shown() { [ "$(sample lfrec_last_snapshot_bytes)" = "$(stat -c %s "$work/state")" ] && [ "$(sample lfrec_snapshot_failures_total)" = 0 ]; }
check the_newest_snapshot_is_shown within 5 snapshot_shown
latency_counted() {
    local count
    count=$(sample lfrec_output_latency_seconds_count)
    [ "$count" -gt 100 ] && [ "$count" -le "$(sample lfrec_outputs_acknowledged_total)" ] || { echo "$count"; return 1; }
}
check every_acknowledged_output_of_an_event_has_a_latency latency_counted
if command -v promtool >/dev/null; then
    promtool_likes_it() { promtool check metrics <<<"$(get "$url/metrics")"; }
    check promtool_finds_nothing_wrong promtool_likes_it
else
    echo "skip promtool: it is not installed (Debian's package prometheus)"
fi

# ---- users ----

check a_user_has_history_list_and_reasons matches "$(get "$url/users/u3")" '"rated":12,"items":[{"item":"'
check reasons_are_given_though_none_are_published matches "$(get "$url/users/u3")" '"reasons":[{"item":"i'
check an_unknown_user_is_not_found code_is 404 "$url/users/nobody"
check a_hostile_id_is_found_and_stays_text matches "$(get "$url/users/%3C/script%3E%3Cimg%20src=x%20onerror=hit()%3E")" \
    '"user":"</script><img src=x onerror=hit()>"'
check json_is_never_taken_for_a_page matches "$(get -D - "$url/users/u3")" 'Content-Type: application/json'
check an_id_of_dots_is_found matches "$(get "$url/users?id=..")" '"user":".."'
looked_up_often() {
    local i
    for ((i = 0; i < 40; i++)); do echo "url=$url/users/u$((i % 30))"; done | curl -sS --max-time 30 -Z --parallel-max 20 -K - | grep -o '"user"' | wc -l
}
check forty_look_ups_at_once_are_all_answered matches "$(looked_up_often)" 40

looked_up_in_turn() # each begins when the one before has ended, which is when the loop begins to wait for Kafka again
{
    local began took i
    began=$(now_ms)
    for ((i = 0; i < 30; i++)); do echo "url=$url/users/u$i"; done | curl -sS --max-time 10 -K - >/dev/null
    took=$(($(now_ms) - began))
    [ $took -lt 600 ] || { echo "30 in $took ms"; return 1; }
}
check a_look_up_does_not_wait_for_the_next_message looked_up_in_turn

# ---- a second one on the same port ----

port_taken() {
    "$lfrec" -X lfrec.embedded=true -X "lfrec.http.listen=${url#http://}" -X lfrec.log.format=json >"$work/second.out" 2>"$work/second.log"
    [ $? = 1 ] && matches "$(cat "$work/second.log")" \
        "\"level\":\"error\",\"msg\":\"lfrec.http.listen=${url#http://}: cannot listen there: Address already in use; choose another address\"}"
}
check a_port_in_use_ends_the_start_with_a_reason port_taken

# ---- the page ----

page() {
    command -v node >/dev/null && command -v chromium >/dev/null || { echo "skip the page: no node or no chromium"; return; }
    if [ ! -d $browser/node_modules/playwright-core ]; then
        command -v npm >/dev/null && [ "${INSTALL:-yes}" != no ] || { echo "skip the page: no playwright-core in $browser"; return; }
        mkdir -p $browser
        echo '{ "private": true }' >$browser/package.json
        npm install --prefix $browser --no-audit --no-fund --silent playwright-core@1.49.1 || return
    fi
    URL=$url BROKER=$broker timeout 120 node --test --test-reporter=tap $here/page.test.mjs
}
page || failed=1

# ---- the log, by signals ----

mv "$work/log" "$work/log.1"
kill -USR2 "$pid"
check usr2_shows_debug_messages within 5 grep -q 'SIGUSR2: debug messages are shown' "$work/log.1"
kill -HUP "$pid"
check hup_opens_the_log_anew within 5 grep -qs "SIGHUP: the log's file is open anew" "$work/log"
trained_again() { [ "$(sample lfrec_retrain_seconds_count)" -gt "$trainings" ]; }
trainings=$(sample lfrec_retrain_seconds_count)
kill -USR1 "$pid"
check usr1_trains_now within 10 trained_again

# ---- the end ----

# While a client holds a connection open.
exec 3<>"/dev/tcp/127.0.0.1/${url##*:}"
kill -TERM "$pid"
ended() { ! grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$pid/status" 2>/dev/null; }
clean_end() {
    within 10 ended || { echo "still there 10 s after TERM"; return 1; }
}
check an_open_connection_does_not_hold_the_end_up clean_end
wait "$pid"
code=$?
exec 3>&-
pid=''
check the_end_is_clean [ $code = 0 ]
check nothing_but_the_file_was_written_to [ ! -s "$work/stderr" ]
exit $failed
