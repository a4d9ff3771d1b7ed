# case_memory.sh - a producer that is faster than we are: what waits in memory is bounded.

peak_mib() { awk '/^VmHWM/ { print int($2 / 1024) }' "/proc/$1/status"; } # PID

# COUNT bad events of BYTES bytes: each makes a dead letter, so that outputs grow as fast as inputs.
flood() # COUNT BYTES
{
    awk -v count="$1" -v bytes="$2" 'BEGIN {
        pad = sprintf("%*s", bytes, ""); gsub(" ", "x", pad)
        for (n = 0; n < count; n++) print n "|" pad
    }' | kcat -P -b "$bootstrap" -t "$t-in" -K '|' -X linger.ms=5 || fail "kcat could not produce"
}

# What the manual promises besides the state, for librdkafka's four limits: events and kbytes read ahead, outputs and kbytes under way.
budget_mib() { echo $((($1 * 400 + $3 * 1000) / 1048576 + ($2 + $4) / 1024)); }

flood_within() # EVENTS KBYTES OUTPUTS KBYTES: "COUNT BYTES" lines of standard input are what comes while no output is acknowledged
{
    local before count bytes
    start_unacknowledged -X "queued.min.messages=$1" -X "queued.max.messages.kbytes=$2" -X "queue.buffering.max.messages=$3" \
        -X "queue.buffering.max.kbytes=$4" -X session.timeout.ms=6000
    before=$(peak_mib "$pid")
    while read -r count bytes; do flood "$count" "$bytes"; done
    sleep 1.2 # longer than it takes to pause
    peak=$(peak_mib "$pid") most=$((before + $(budget_mib "$@") + 10))
    [ "$peak" -lt $most ] || fail "$peak MiB, and $most are promised"
    [ "$peak" -gt $((before + $4 / 1024)) ] || fail "$peak MiB: it was not filled"
}

test_memory_is_bounded_while_outputs_wait()
{
    flood_within 20000 8192 10000 8192 <<< $'30000 1000\n40000 50'
    acknowledge_again
    within 30 all_committed || fail "committed $(committed), ends $(ends): $(tail -n 3 "$log")"
    [ "$(peak_mib "$pid")" -lt $most ] || fail "$(peak_mib "$pid") MiB at the end, and $most are promised"
    [ "$(dead | wc -l)" = 70000 ] || fail "$(dead | wc -l) dead letters"
    says "$log" 'revoked\|lost\|max.poll' && fail "log: $(cat "$log")"
    stop "$pid" 0
}
