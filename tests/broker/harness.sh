# harness.sh - what the broker tests share; sourced by run.sh, which sets lfrec, tool, work, kafka_dir and starts the broker.
#
# A test is a function test_NAME. It runs in a subshell with `set -u`; it passes unless it calls `fail WHY`. $t is its name, and its topics
# are $t-in, $t-out and $t-dead, its group $t. Processes it starts by `start` are ended after it, by their ids.

fail() # WHY
{
    printf '%s\n' "$*" | head -n 12 > "$work/why"
    exit 1
}

now_ms() { local n; n=$(date +%s%N); echo $((n / 1000000)); }

within() # SECONDS COMMAND...: until it succeeds, looked at ten times a second
{
    local end=$(($(now_ms) + $1 * 1000))
    shift
    until "$@"; do
        [ "$(now_ms)" -lt $end ] || return 1
        sleep 0.1
    done
}

gone() # PID: ended, waited for or not
{
    ! grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status" 2> /dev/null
}

topics() # PARTITIONS: the test's input topic; lfrec-kafka makes the others
{
    "$tool" "$bootstrap" create "$t-in" "$1" || fail "cannot make a topic"
}

starts=0
start() # ARGUMENTS...: one lfrec-kafka on the test's topics; sets pid, log, out
{
    starts=$((starts + 1))
    log=$work/$t.$starts.log
    out=$work/$t.$starts.out
    "$lfrec" -b "$bootstrap" -G "$t" -X "lfrec.input.topic=$t-in" -X "lfrec.output.topic=$t-out" \
        -X "lfrec.dead.letter.topic=$t-dead" -X lfrec.min.support=0 -X lfrec.top.n=100 "$@" > "$out" 2> "$log" &
    pid=$!
    echo $pid >> "$work/pids"
}

says() { grep -q -- "$2" "$1"; } # LOG TEXT

start_ready() # ARGUMENTS...: start, and wait until it has caught up
{
    start "$@"
    within 15 says "$log" 'caught up' || fail "not caught up: $(tail -n 5 "$log")"
}

stop() # PID CODE [SECONDS]: TERM; it must end with this code in time (5 s)
{
    local code began
    began=$(now_ms)
    kill -TERM "$1"
    within "${3:-5}" gone "$1" || fail "process still there ${3:-5} s after TERM: $(tail -n 3 "$log")"
    wait "$1"
    code=$?
    took=$(($(now_ms) - began))
    [ $code = "$2" ] || fail "exit code $code instead of $2: $(tail -n 5 "$log")"
}

send() # [KCAT ARGUMENTS...]: KEY|VALUE lines of standard input to the test's input topic
{
    timeout 20 kcat -P -b "$bootstrap" -t "$t-in" -K '|' "$@" || fail "kcat could not produce"
}

feed() # the same as send, for as long as it takes
{
    timeout 600 kcat -P -b "$bootstrap" -t "$t-in" -K '|' -X linger.ms=1 || fail "kcat could not produce"
}

read_topic() # TOPIC FORMAT: the whole topic
{
    timeout 20 kcat -C -b "${outputs:-$bootstrap}" -t "$1" -e -q -X fetch.wait.max.ms=10 -f "$2" 2> /dev/null
}

lists() { read_topic "$t-out" '%k\t%S\t%s\n'; } # every list: key, length (-1: null), value
newest() { lists | awk -F '\t' '{ last[$1] = $0 } END { for (key in last) print last[key] }' | sort; }
list_of() { newest | awk -F '\t' -v user="$1" '$1 == user { print $3 }'; }
dead() { read_topic "$t-dead" '%k\t%S\t%s\t%h\n'; }

# How many users have a newest list that rests on COUNT ratings.
users_rated() { newest | grep -c "\"rated\":$1,"; }

committed() { "$tool" "$bootstrap" committed "$t" "$t-in" "${1:-1}"; }
ends() { "$tool" "$bootstrap" ends "$t-in" "${1:-1}"; }
all_committed() { [ "$(committed "${1:-1}" | tr - 0)" = "$(ends "${1:-1}")" ]; } # an empty partition has no offset

metrics_of() # LOG: /metrics of the instance with this log, started with lfrec.http.listen=0
{
    local port
    port=$(sed -n 's|.*http: listening on http://127.0.0.1:\([0-9]*\)/.*|\1|p' "$1")
    exec 9<> "/dev/tcp/127.0.0.1/$port"
    printf 'GET /metrics HTTP/1.0\r\n\r\n' >&9
    timeout 5 cat <&9 | tr -d '\r' | sed '1,/^$/d'
    exec 9>&-
}
metric() { metrics_of "$1" | awk -v name="$2" '$1 == name { print $2 }'; } # LOG NAME{LABELS}

ratings() # USERS FROM TO: each user rates items FROM .. TO-1; KEY|VALUE lines, the same ones at every call
{
    awk -v users="$1" -v from="$2" -v to="$3" 'BEGIN {
        for (item = from; item < to; item++) for (user = 0; user < users; user++)
            printf "u%d|{\"user\":\"u%d\",\"item\":\"i%d\",\"rating\":%d}\n", user, user, item, 1 + (user * 7 + item * 3 + user * item) % 5
    }'
}

# Items for the lists: in each partition one user (filler0, filler1, ...) rates i0 .. i(ITEMS-1). As lists hold up to 100 items, every rating
# of another user takes one from the user's list and so changes it; the newest list then tells how many ratings the state has.
fill() # ITEMS [PARTITIONS]
{
    local part
    for ((part = 0; part < ${2:-1}; part++)); do
        ratings 1 0 "$1" | sed "s/u0/filler$part/g" | send -p $part
    done
    within 10 all_committed "${2:-1}" || fail "the fillers' ratings were not committed: $(tail -n 3 "$log")"
}

start_with_accounts() # FOLDER PROTOCOL: a broker whose properties and data are there; sets bootstrap and, of the protocol, account_bootstrap
{
    local dir turn
    dir=$(cd "$kafka_dir" && pwd)
    (kafka_java "$dir" kafka.Kafka "$1/server.properties") > "$1/broker.log" 2>&1 < /dev/null &
    echo $! >> "$work/pids"
    for ((turn = 0; turn < 600; turn++)); do
        grep -q 'Kafka Server started' "$1/broker.log" && break
        sleep 0.05
    done
    bootstrap=127.0.0.1:$(sed -n 's/.* PLAINTEXT: resolved ephemeral port to \([0-9]*\).*/\1/p' "$1/broker.log" | tail -n 1)
    account_bootstrap=127.0.0.1:$(sed -n "s/.* $2: resolved ephemeral port to \([0-9]*\).*/\1/p" "$1/broker.log" | tail -n 1)
    [ "$account_bootstrap" != 127.0.0.1: ] || fail "the broker did not start: $(tail -n 5 "$1/broker.log")"
}

run_test() # NAME
{
    local status pid began
    t=$1
    : > "$work/why"
    : > "$work/pids"
    began=$(now_ms)
    (
        set -u
        "test_$t"
    ) < /dev/null > "$work/$t.stdout" 2> "$work/$t.stderr"
    status=$?
    kill -CONT "$second_pid"
    while read -r pid; do
        gone "$pid" || kill -KILL "$pid"
    done < "$work/pids"
    if [ $status = 0 ]; then
        printf 'ok %s (%d ms)\n' "$t" $(($(now_ms) - began))
        passed=$((passed + 1))
    else
        printf 'not ok %s: %s\n' "$t" "$(tr '\n' ' ' < "$work/why")$(tail -n 3 "$work/$t.stderr" | tr '\n' ' ')"
        failed=$((failed + 1))
    fi
}
