# case_faults.sh - brokers that are away, queues that are full, trainings that take long.

# A port where nobody listens, for as long as all the other tests take.
begin_no_broker_at_all()
{
    "$lfrec" -b 127.0.0.1:1 > /dev/null 2> "$work/away.log" &
    away_pid=$!
    away_began=$(now_ms)
}

cpu_ms() { # PID
    local fields
    fields=$(sed 's/.*) //' "/proc/$1/stat")
    # shellcheck disable=SC2086
    set -- $fields
    echo $(((${12} + ${13}) * 1000 / $(getconf CLK_TCK)))
}

# Run by a subshell, of which that process is no child: how it ends is told by its log.
test_no_broker_at_all()
{
    local lived used
    while [ $(($(now_ms) - away_began)) -lt 20000 ]; do sleep 0.2; done
    gone $away_pid && fail "it ended: $(tail -n 2 "$work/away.log")"
    lived=$(($(now_ms) - away_began))
    used=$(cpu_ms $away_pid)
    kill -TERM $away_pid
    within 5 gone $away_pid || { kill -KILL $away_pid; fail "still there 5 s after TERM"; }
    [ $((used * 20)) -lt $lived ] || fail "$used ms of processor time in $lived ms"
    [ "$(wc -l < "$work/away.log")" -lt 40 ] || fail "$(wc -l < "$work/away.log") log lines in $lived ms"
    grep -q 'no broker' "$work/away.log" || fail "log: $(cat "$work/away.log")"
}

# Nothing was left undone.
test_term_before_a_broker_was_reached()
{
    start -X bootstrap.servers=127.0.0.1:1
    sleep 1
    stop "$pid" 0
}

# All was acknowledged and committed before; that the group cannot be told loses nothing.
test_term_after_the_broker_went_away()
{
    kafka_start "$kafka_dir" "$work/third" || fail "the broker did not start"
    echo "$kafka_pid" >> "$work/pids"
    bootstrap=$kafka_bootstrap
    topics 1
    start_ready
    ratings 5 0 3 | send
    within 10 all_committed || fail "not committed"
    kafka_stop "$kafka_pid" KILL
    sleep 3
    stop "$pid" 0
}

test_missing_input_topic_is_waited_for()
{
    start
    within 10 says "$log" "topic $t-in does not exist: waiting" || fail "log: $(cat "$log")"
    topics 1
    within 10 says "$log" 'caught up' || fail "not taken in when it was made: $(cat "$log")"
    ratings 3 0 3 | send
    within 10 eval '[ "$(newest | wc -l)" = 3 ]' || fail "no lists"
    stop "$pid" 0
}

# What was in it is not ours to bring back while we run: the next start makes it, and fills it.
test_output_topic_that_is_deleted_is_made_by_the_next_start()
{
    topics 1
    start_ready
    fill 20
    "$tool" "$bootstrap" delete "$t-out" || fail "cannot delete"
    ratings 5 0 10 | send
    within 40 gone "$pid" || fail "still there: $(tail -n 4 "$log")"
    wait "$pid"
    [ $? = 1 ] || fail "exit code: $(tail -n 4 "$log")"
    says "$log" "error topic $t-out: not delivered: .*The next start makes it again" || fail "log: $(tail -n 4 "$log")"
    start_ready
    within 20 eval '[ "$(users_rated 10)" = 5 ]' || fail "lists: $(newest | head -n 3)"
    within 10 all_committed || fail "committed $(committed), ends $(ends)"
    stop "$pid" 0
}

# A broker goes away for good measure while 1,000 lists wait: stopped first, so that it cannot acknowledge them, then killed.
test_lists_wait_for_the_broker()
{
    kafka_start "$kafka_dir" "$work/fourth" || fail "the broker did not start"
    echo "$kafka_pid" >> "$work/pids"
    outputs=$kafka_bootstrap
    topics 1
    start_ready -X "producer.bootstrap.servers=$outputs" -X session.timeout.ms=6000
    fill 40
    kill -STOP "$kafka_pid"
    ratings 50 0 20 | send
    within 10 eval '[ "$(ends)" = 1040 ]' || fail "not sent"
    sleep 1
    kafka_stop "$kafka_pid" KILL
    sleep 1
    kafka_start "$kafka_dir" "$work/fourth" "${outputs#*:}" || fail "the broker did not come back"
    echo "$kafka_pid" >> "$work/pids"
    within 30 all_committed || fail "committed $(committed), ends $(ends): $(tail -n 4 "$log")"
    [ "$(users_rated 20)" = 50 ] || fail "lists: $(newest | head -n 3)"
    [ "$(lists | grep -c '^u')" -ge 1000 ] || fail "$(lists | wc -l) lists"
    stop "$pid" 0
}

# The whole broker, input and outputs, is killed and comes back at the same address: the membership and all lists survive.
test_short_outage()
{
    kafka_start "$kafka_dir" "$work/fifth" || fail "the broker did not start"
    echo "$kafka_pid" >> "$work/pids"
    bootstrap=$kafka_bootstrap
    topics 1
    start_ready
    fill 20
    ratings 20 0 5 | send
    kafka_stop "$kafka_pid" KILL
    kafka_start "$kafka_dir" "$work/fifth" "${bootstrap#*:}" || fail "the broker did not come back"
    echo "$kafka_pid" >> "$work/pids"
    within 10 eval 'ratings 20 5 10 | send' || fail "cannot produce"
    within 30 all_committed || fail "committed $(committed), ends $(ends): $(tail -n 4 "$log")"
    [ "$(users_rated 10)" = 20 ] || fail "lists: $(newest | head -n 3)"
    says "$log" 'revoked\|lost' && fail "the short outage cost the assignment: $(cat "$log")"
    stop "$pid" 0
}

test_queue_of_ten()
{
    topics 2
    start_ready -X queue.buffering.max.messages=10 -X linger.ms=20
    fill 40 2
    { ratings 20 0 25; printf 'x|bad %s\n' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; } | send
    within 30 all_committed 2 || fail "committed $(committed 2), ends $(ends 2): $(tail -n 3 "$log")"
    [ "$(users_rated 25)" = 20 ] || fail "lists: $(newest | head -n 3)"
    [ "$(lists | grep -c '^u')" -ge 500 ] || fail "$(lists | wc -l) lists"
    [ "$(dead | wc -l)" = 15 ] || fail "$(dead | wc -l) dead letters"
    kill -USR1 "$pid"
    within 15 says "$log" 'model 1 after' || fail "no training"
    within 15 eval '[ "$(newest | grep -c "\"model\":1,")" -ge 15 ]' || fail "not published again: $(newest | grep -c '"model":1,')"
    stop "$pid" 0
}

# Full for longer than max.poll.interval.ms: intake pauses, and the membership stays.
test_full_queue_keeps_the_membership()
{
    start_unacknowledged -X queue.buffering.max.messages=10 -X session.timeout.ms=6000 -X max.poll.interval.ms=6000
    ratings 1 0 40 | sed 's/u0/filler/g' | send
    ratings 20 0 10 | send
    sleep 8
    says "$log" 'revoked\|lost\|max.poll' && fail "log: $(cat "$log")"
    acknowledge_again
    within 20 all_committed || fail "committed $(committed), ends $(ends): $(tail -n 3 "$log")"
    [ "$(users_rated 10)" = 20 ] || fail "lists: $(newest | head -n 3)"
    stop "$pid" 0
}

# Forty users are too few to hold some out, so all epochs are run.
test_long_training_disturbs_nothing()
{
    topics 1
    start_ready -X max.poll.interval.ms=6000 -X session.timeout.ms=6000 -X lfrec.retrain.events=0 -X lfrec.retrain.seconds=0 \
        -X lfrec.factors=1024 -X lfrec.epochs=100000
    fill 800
    ratings 40 0 60 | send
    within 10 all_committed || fail "not committed"
    kill -USR1 "$pid"
    within 5 says "$log" 'training begins' || fail "no training"
    sleep 4
    ratings 40 60 62 | send
    within 3 all_committed || fail "events wait for the training"
    sleep 4
    says "$log" 'revoked\|lost\|max.poll' && fail "log: $(cat "$log")"
    says "$log" 'model 1 after' && fail "the training was too short to prove anything: $(grep 'model 1' "$log")"
    stop "$pid" 0
    says "$log" ' 3280 events' || fail "not every event once: $(tail -n 4 "$log")"
}

test_properties_that_must_stay()
{
    local property
    for property in enable.auto.commit=true enable.auto.offset.store=true enable.idempotence=false acks=1 auto.offset.reset=latest \
        enable.partition.eof=false transactional.id=x no.such.property=1; do
        start -X "$property"
        wait "$pid"
        [ $? = 2 ] || fail "$property: exit code is not 2"
        says "$log" "${property%%=*}" || fail "$property: $(cat "$log")"
    done
    start -X sasl.password=open-sesame -X sasl.mechanism=NOSUCH -X bogus.name=1
    wait "$pid"
    says "$log" open-sesame && fail "a secret in an error"
    "$lfrec" --check-config -b x -X sasl.password=open-sesame > "$work/$t.config" || fail "--check-config"
    says "$work/$t.config" open-sesame && fail "a secret in --check-config"
    return 0
}

test_message_too_large_for_the_output()
{
    topics 1
    "$tool" "$bootstrap" create "$t-dead" 1 max.message.bytes=2000 || fail "cannot make a topic"
    start_ready
    awk 'BEGIN { printf "k|"; for (i = 0; i < 1000; i++) printf "%d:", (i * 7919) % 1000; print "" }' > "$work/large"
    { cat "$work/large"; printf 'u1|u1,a,3\n'; } | send
    within 15 all_committed || fail "committed $(committed), ends $(ends): $(cat "$log")"
    dead | grep -q "^k.-1.*lfrec.value.left.out.bytes=3890" || fail "without its value: $(dead)"
    within 5 eval '[ -n "$(list_of u1)" ]' || fail "the stream did not go on"
    stop "$pid" 0
}

test_man_page_has_the_properties()
{
    "$lfrec" --help=man > "$work/$t.program" || fail "--help=man"
    sed -n '/--help=man prints: begin/,/^\.\\" end/p' plugin/lfrec-kafka.1 | sed '1d;$d' > "$work/$t.page"
    cmp -s "$work/$t.program" "$work/$t.page" || fail "plugin/lfrec-kafka.1 is out of date: $(diff "$work/$t.page" "$work/$t.program" | head -n 4)"
}
