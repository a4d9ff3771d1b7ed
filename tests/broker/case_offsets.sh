# case_offsets.sh - what is committed, and when; stopping and starting again.

test_term_flushes_commits_and_exits_0()
{
    topics 2
    start_ready
    fill 20 2
    ratings 30 0 12 | send
    within 10 eval '[ "$(users_rated 12)" = 30 ]' || fail "no lists"
    stop "$pid" 0
    all_committed 2 || fail "committed $(committed 2), ends $(ends 2)"
}

# Whatever is still in librdkafka's queue when the consumer closes must be given back, not trip over.
test_term_while_ratings_keep_coming()
{
    local feeder round
    topics 2
    start_ready
    ( while :; do ratings 200 0 50 | send || exit; done ) > "$work/$t.feeder" 2>&1 &
    feeder=$!
    echo $feeder >> "$work/pids"
    for round in 1 2 3; do
        within 10 eval 'says "$log" "caught up"' || fail "round $round: did not catch up"
        sleep 1
        stop "$pid" 0 15
        [ $round = 3 ] || start
    done
    kill "$feeder"
    wait "$feeder" 2> /dev/null
    ! grep -l 'assert' "$work/$t"*.log 2> /dev/null || fail "an assertion failed"
}

test_int_is_as_good_as_term()
{
    topics 1
    start_ready
    ratings 5 0 3 | send
    within 5 eval '[ -n "$(newest)" ]' || fail "no list"
    kill -INT "$pid"
    within 5 gone "$pid" || fail "still there 5 s after INT"
    wait "$pid" || fail "exit code $?"
    all_committed || fail "committed $(committed), ends $(ends)"
}

# Input on one broker, outputs on another, which is stopped like a process in a debugger: it acknowledges nothing until it goes on.
start_unacknowledged() # ARGUMENTS...
{
    outputs=$second_bootstrap
    topics 1
    start_ready -X "producer.bootstrap.servers=$second_bootstrap" "$@"
    kill -STOP "$second_pid"
}

acknowledge_again()
{
    kill -CONT "$second_pid"
}

test_offsets_wait_for_acknowledged_lists()
{
    start_unacknowledged
    ratings 5 0 3 | send
    sleep 2.5 # longer than two commit intervals
    [ "$(committed)" = - ] || fail "committed $(committed) while no list is acknowledged"
    acknowledge_again
    within 15 all_committed || fail "committed $(committed), ends $(ends) after the lists were acknowledged"
    [ "$(newest | wc -l)" = 5 ] || fail "lists: $(newest)"
    stop "$pid" 0
}

test_offsets_wait_for_acknowledged_dead_letters()
{
    start_unacknowledged
    printf 'x|bad\nx|u1,a,\nx|bad\n' | send # the second causes no output, but comes after the first
    sleep 2.5
    [ "$(committed)" = - ] || fail "committed $(committed) while no dead letter is acknowledged"
    acknowledge_again
    within 15 all_committed || fail "committed $(committed), ends $(ends)"
    [ "$(dead | wc -l)" = 2 ] || fail "dead letters: $(dead)"
    stop "$pid" 0
}

test_term_with_unacknowledged_lists_says_so_and_loses_nothing()
{
    start_unacknowledged
    ratings 5 0 3 | send
    within 5 eval '[ "$(ends)" = 15 ]'
    sleep 0.5
    stop "$pid" 1
    says "$log" 'not all outputs were acknowledged' || fail "log: $(tail -n 3 "$log")"
    [ "$(committed)" = - ] || fail "committed $(committed)"
    acknowledge_again
    start_ready -X "producer.bootstrap.servers=$second_bootstrap"
    within 10 all_committed || fail "after the next start: committed $(committed), ends $(ends)"
    [ "$(newest | wc -l)" = 5 ] || fail "lists: $(newest)"
    stop "$pid" 0
}

test_second_signal_leaves_at_once()
{
    start_unacknowledged
    ratings 5 0 3 | send
    within 5 eval '[ "$(ends)" = 15 ]'
    sleep 0.5
    kill -TERM "$pid"
    sleep 0.3
    gone "$pid" && fail "it did not wait for its lists"
    kill -TERM "$pid"
    within 1 gone "$pid" || fail "still there a second after the second signal"
    wait "$pid"
    [ $? = 1 ] || fail "exit code"
}

test_restart_rebuilds_without_repeating_dead_letters()
{
    topics 2
    start_ready
    fill 20 2
    { ratings 20 0 10; printf 'u1|bad\nu2|{"user":"u2"}\n'; } | send
    within 10 all_committed 2 || fail "not committed"
    [ "$(dead | wc -l)" = 2 ] || fail "dead letters: $(dead)"
    stop "$pid" 0
    printf 'u3|bad too\n' | send
    ratings 20 10 12 | send
    start_ready
    within 10 all_committed 2 || fail "committed $(committed 2), ends $(ends 2)"
    within 10 eval '[ "$(users_rated 12)" = 20 ]' || fail "state was not rebuilt: $(newest | head -n 3)"
    [ "$(dead | wc -l)" = 3 ] || fail "dead letters: $(dead)"
    says "$log" 'caught up: 22 users, 20 items, 280 ratings' || fail "log: $(cat "$log")"
    stop "$pid" 0
}

test_kill_and_restart_misses_nothing()
{
    topics 2
    start_ready -X session.timeout.ms=1500
    fill 40 2
    local turn sender
    ratings 20 0 30 | awk '{ print } NR % 40 == 0 { fflush(); system("sleep 0.1") }' | send -X linger.ms=1 &
    sender=$!
    for turn in 1 2; do
        sleep 0.5
        kill -KILL "$pid"
        wait "$pid" 2> /dev/null
        start -X session.timeout.ms=1500
    done
    wait $sender
    within 20 eval '[ "$(users_rated 30)" = 20 ]' || fail "lists: $(newest | head -n 3); $(tail -n 3 "$log")"
    within 10 all_committed 2 || fail "committed $(committed 2), ends $(ends 2)"
    stop "$pid" 0
}

# The last offset is a commit marker's, then there are aborted messages: no message ever has the offset before the end.
test_transactional_input_ends_with_a_marker()
{
    topics 1
    ratings 10 0 5 | "$tool" "$bootstrap" transaction "$t-in" commit || fail "transaction"
    start_ready
    within 10 all_committed || fail "committed $(committed), ends $(ends)"
    stop "$pid" 0
    says "$log" 'lag 0' || fail "log: $(tail -n 4 "$log")"
    ratings 10 5 10 | "$tool" "$bootstrap" transaction "$t-in" abort || fail "transaction"
    start_ready
    within 10 all_committed || fail "behind aborted messages: committed $(committed), ends $(ends)"
    says "$log" 'caught up: 10 users, 5 items, 50 ratings' || fail "aborted ratings were learned: $(cat "$log")"
    stop "$pid" 0
}

test_compacted_input_with_holes()
{
    "$tool" "$bootstrap" create "$t-in" 1 cleanup.policy=compact segment.ms=100 min.cleanable.dirty.ratio=0.01 delete.retention.ms=100 ||
        fail "cannot make a topic"
    local turn
    for turn in 1 2 3; do
        ratings 3 0 5 | send
        sleep 0.3
    done
    within 20 eval '[ "$(read_topic "$t-in" "%o\n" | wc -l)" -lt 20 ]' || fail "the broker did not compact"
    start_ready
    within 10 all_committed || fail "committed $(committed), ends $(ends)"
    stop "$pid" 0
}
