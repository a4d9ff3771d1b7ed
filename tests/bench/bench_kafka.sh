#!/usr/bin/env bash
# tests/bench/bench_kafka.sh : lfrec-kafka on one Apache Kafka node, beside kcat and bare librdkafka clients, in turns, on the same machine.
#
#   DATA     a folder of MovieLens 1M (ratings.dat); its ratings are the topic
#   TSV=1    separate the table by tabs
#   REPEATS  rounds that a median is of (3)
# Rates are messages a second, waits are milliseconds. A ratio is lfrec to the peer; goals are for a machine with nothing else to do.
set -uo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C
. tests/broker/kafka.sh
rounds=${REPEATS:-3} partitions=4 seconds=8 rate=1000
names=16 # of each user where lists are counted, so that there are enough of them: 96,640
[ -e "${DATA:-}/ratings.dat" ] || { echo "make bench-kafka DATA=FOLDER: a folder of MovieLens 1M, ml-1m" >&2; exit 2; }
program=build/lfrec-kafka interceptor=$PWD/build/lfrec-interceptor.so kafka_dir=${KAFKA_DIR:-build/kafka}
work=$(mktemp -d) log=$work/log
broker='' running=()
clean_up()
{
    [ ${#running[@]} = 0 ] || kill "${running[@]}"
    [ -z "$broker" ] || kafka_stop "$broker"
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

give_up() { echo "bench_kafka.sh: $*" >&2; [ ! -e "$log" ] || tail -n 5 "$log" >&2; exit 1; }
peer() { "$work/peer" "$bootstrap" "$@" || give_up "kafka_peer $1 failed"; }
topic() { "$work/tool" "$bootstrap" create "$1" $partitions "${@:2}" || give_up "cannot make topic $1"; } # NAME [SETTING=VALUE]...
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
now_ms() { local n; n=$(date +%s%N); echo $((n / 1000000)); }

# Milliseconds since 1970 of the last log line that says TEXT.
logged() { date -d "$(grep -- "$1" "$log" | tail -n 1 | cut -d ' ' -f 1)" +%s%3N; }
wait_for() # TEXT: in the log, for a minute at most
{
    local end=$(($(now_ms) + 60000))
    until grep -q -- "$1" "$log"; do
        [ "$(now_ms)" -lt $end ] || give_up "no '$1' in the log"
        sleep 0.05
    done
}
start() # NAME ARGUMENTS...: lfrec-kafka as group and output topic NAME; its log is $log
{
    local name=$1
    shift
    "$program" -b "$bootstrap" -G "$name" -t ratings -q -X lfrec.log.level=info -X "lfrec.output.topic=$name" -X lfrec.dead.letter.topic= \
        -X lfrec.scale.min=1 -X lfrec.publish.rate=0 -X lfrec.retrain.seconds=0 "$@" 2> "$log" &
    running+=($!)
}
cpu_of() # PID...: seconds of processor time
{
    local pid
    for pid in "$@"; do sed 's/.*) //' "/proc/$pid/stat"; done | awk -v hz="$(getconf CLK_TCK)" '{ n += $12 + $13 } END { printf "%.1f", n / hz }'
}
stop() { kill "${running[@]}" && wait "${running[@]}"; running=(); }

# Lists and their copies by a bare producer, the same bytes, count until the broker has appended the last of them, by its clock.
counted() { topic "$1" message.timestamp.type=LogAppendTime; }
settled() # TOPIC: nothing has been added for a second
{
    local last='' now
    while now=$("$work/tool" "$bootstrap" ends "$1" $partitions) || give_up "the ends of $1 are not known"; [ "$now" != "$last" ]; do
        last=$now
        sleep 1
    done
}
lists_each_second() # TOPIC MODEL SINCE: lists of this model, a second, since a time (ms since 1970)
{
    kcat -C -b "$bootstrap" -t "$1" -e -q -f '%T %s\n' | grep "\"model\":$2," |
        awk -v since="$3" '$1 > last { last = $1 } END { printf "%d\n", NR * 1000 / (last - since) }'
}

row() # CASE UNIT LFREC PEER RATIO GOAL
{
    if [ -n "${TSV:-}" ]; then
        printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$@"
    else
        printf '%-66s %-12s %12s %12s %7s %7s\n' "$@"
    fi
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

# ---- a broker with the ratings ----

for program_file in tests/broker/tool.c tests/bench/kafka_peer.c; do
    name=$(basename "$program_file" .c)
    ${CC:-gcc} -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -pthread "$program_file" -o "$work/${name#kafka_}" -lrdkafka || exit 1
done
kafka_prepare "$kafka_dir" || give_up "the broker's jars could not be had"
kafka_start "$kafka_dir" "$work/kafka" || give_up "the broker did not start"
bootstrap=$kafka_bootstrap broker=$kafka_pid
awk -F:: '{ printf "%s|{\"user\":\"%s\",\"item\":\"%s\",\"rating\":%s,\"ts\":%s}\n", $1, $1, $2, $3, $4 }' "$DATA/ratings.dat" > "$work/events"
events=$(wc -l < "$work/events") users=$(cut -d '|' -f 1 "$work/events" | sort -u | wc -l)
topic ratings
kcat -P -b "$bootstrap" -t ratings -K '|' -X linger.ms=5 -l "$work/events" || give_up "kcat could not produce"
topic named
awk -F:: -v names=$names '{ user = $1 "." NR % names; printf "%s|{\"user\":\"%s\",\"item\":\"%s\",\"rating\":%s,\"ts\":%s}\n", user, user, $2, $3, $4 }' "$DATA/ratings.dat" |
    kcat -P -b "$bootstrap" -t named -K '|' -X linger.ms=5 || give_up "kcat could not produce"
printf '# %s, %s cores, load %s; Apache Kafka in the same machine, %s partitions, %s events as JSON; medians of %s rounds\n' \
    "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(cut -d ' ' -f 1 /proc/loadavg)" $partitions "$events" "$rounds"
row case unit lfrec peer ratio goal

# ---- from topic to state; lists ----

for ((round = 0; round < rounds; round++)); do
    began=$(now_ms)
    kcat -C -b "$bootstrap" -t ratings -e -q > /dev/null || give_up "kcat could not consume"
    echo $((events * 1000 / ($(now_ms) - began))) >> "$work/kcat"
    peer consume ratings >> "$work/bare"
    # With kcat's default queue librdkafka before 2.2 sleeps now and then for a second, with the interceptor or without.
    began=$(now_ms)
    kcat -C -b "$bootstrap" -t ratings -e -q -X queued.min.messages=1000000 > /dev/null || give_up "kcat could not consume"
    echo $((events * 1000 / ($(now_ms) - began))) >> "$work/without"
    topic "within$round"
    began=$(now_ms)
    kcat -C -b "$bootstrap" -t ratings -e -q -X queued.min.messages=1000000 -X "plugin.library.paths=$interceptor" -X lfrec.scale.min=1 -X "lfrec.output.topic=within$round" \
        -X lfrec.retrain.events=0 -X lfrec.interceptor.queue.kbytes=262144 -X lfrec.interceptor.close.ms=0 > /dev/null 2> "$work/within.log" ||
        give_up "kcat could not consume with the interceptor"
    echo $((events * 1000 / ($(now_ms) - began))) >> "$work/within"
    topic "state$round"
    start "state$round" -X lfrec.retrain.events=0
    wait_for 'caught up'
    stop
    echo $((events * 1000 / ($(logged 'caught up') - $(logged 'assigned:')))) >> "$work/state"
    counted "lists$round"
    start "lists$round" -t named -X lfrec.retrain.events=10000
    for model in 1 2; do
        [ $model = 1 ] || kill -USR1 "${running[@]}"
        wait_for "model $model after"
        settled "lists$round"
    done
    stop
    for model in 1 2; do
        lists_each_second "lists$round" $model "$(logged "model $model after")" >> "$work/lists$model"
        kcat -C -b "$bootstrap" -t "lists$round" -e -q -K '|' | grep "\"model\":$model," > "$work/list_lines"
        counted "copies$model$round"
        began=$(peer produce "copies$model$round" "$work/list_lines")
        lists_each_second "copies$model$round" $model "$began" >> "$work/bare_lists$model"
    done
done
state=$(median < "$work/state") kcat=$(median < "$work/kcat") bare=$(median < "$work/bare")
bytes=$(awk '{ n += length($0) - index($0, "|") } END { printf "%d", n / NR }' "$work/list_lines")
row "events/s from topic to state, beside kcat to /dev/null" 1/s "$state" "$kcat" "$(ratio "$state" "$kcat")" 0.6
row "events/s from topic to state, beside a bare consumer" 1/s "$state" "$bare" "$(ratio "$state" "$bare")" 0.25
within=$(median < "$work/within") without=$(median < "$work/without")
row "events/s through kcat with the interceptor, beside kcat without" 1/s "$within" "$without" "$(ratio "$within" "$without")" 1
for model in 1 2; do
    lists=$(median < "$work/lists$model") bare_lists=$(median < "$work/bare_lists$model")
    [ $model = 1 ] && which='the first' || which='a later'
    row "lists/s after $which training, beside a bare producer" 1/s "$lists" "$bare_lists" "$(ratio "$lists" "$bare_lists")" 0.5
done

# ---- from event to list ----

topic asked
topic echoes
topic answers
start answers -X lfrec.publish.rate=1000 -X producer.linger.ms=0 -X lfrec.retrain.events=$((rate * seconds / 2))
wait_for 'model 1 after'
peer arrive answers "$users" > /dev/null
for ((round = 0; round < rounds; round++)); do
    "$work/peer" "$bootstrap" echo asked echoes "$bytes" > "$work/echo" &
    echoing=$!
    until grep -q ready "$work/echo"; do kill -0 $echoing || give_up "the echo ended"; sleep 0.05; done
    peer ask asked echoes $rate $seconds >> "$work/echo_waits"
    kill $echoing && wait $echoing
    peer ask ratings answers $rate $seconds >> "$work/waits"
done
trainings=$(grep -c 'model [0-9]* after' "$log")
stop
for field in 1 2; do
    ours=$(cut -d ' ' -f $field "$work/waits" | median) theirs=$(cut -d ' ' -f $field "$work/echo_waits" | median)
    [ $field = 1 ] && name='p50' goal='<=1.5' || { name='p99' goal='<=2'; }
    row "event to list of 10, $rate a second, $name, beside an echo" ms "$ours" "$theirs" "$(ratio "$ours" "$theirs")" "$goal"
done
echo "# lists of $bytes bytes; $((trainings - 1)) trainings while events came; answered: $(cut -d ' ' -f 4 "$work/waits" | median) of the events (the others changed no list)"

# ---- one trainer, several scorers: every event refreshes a list by the trainer's model ----

log=$work/log
start trainer -X lfrec.role=trainer -X lfrec.model.topic=models -X lfrec.retrain.events=10000
wait_for 'model 1 published'
stop
for count in 1 2 4; do
    "$work/tool" "$bootstrap" create "ratings$count" $count && "$work/tool" "$bootstrap" create "scores$count" $count || give_up "no topics"
    for ((instance = 0; instance < count; instance++)); do
        log=$work/scorer$instance
        start "scores$count" -t "ratings$count" -X lfrec.role=scorer -X lfrec.model.topic=models
    done
    for ((instance = 0; instance < count; instance++)); do log=$work/scorer$instance && wait_for 'model 1 taken over'; done
    sleep 5 # the group settles
    began=$(now_ms) scorers_before=$(cpu_of "${running[@]}") broker_before=$(cpu_of "$broker")
    kcat -P -b "$bootstrap" -t "ratings$count" -K '|' -X linger.ms=5 -l "$work/events" || give_up "kcat could not produce"
    until [ "$("$work/tool" "$bootstrap" committed "scores$count" "ratings$count" $count | awk '{ for (i = 1; i <= NF; i++) n += $i; print n + 0 }')" -ge "$events" ]; do
        [ $(($(now_ms) - began)) -lt 120000 ] || give_up "the scorers do not come to an end"
        sleep 0.1
    done
    took=$(($(now_ms) - began)) scorers=$(cpu_of "${running[@]}") node=$(cpu_of "$broker")
    stop
    row "events/s to acknowledged lists, $count scorers on $count partitions" 1/s $((events * 1000 / took)) - - -
    awk -v ms=$took -v scorers="$scorers" -v s0="$scorers_before" -v node="$node" -v n0="$broker_before" -v cores="$(nproc)" 'BEGIN {
        printf "# %.1f s; processors: scorers %.2f, broker %.2f, of %d\n", ms / 1000, (scorers - s0) * 1000 / ms, (node - n0) * 1000 / ms, cores }'
done
