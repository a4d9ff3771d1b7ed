# case_transactions.sh - exactly-once: outputs and offsets in one transaction, crashes, and instances that take each other's place.

exactly() { echo -X lfrec.delivery=exactly-once -X "lfrec.snapshot.path=$work/$t.snap" -X "consumer.group.instance.id=$t" -X lfrec.retrain.events=0 -X lfrec.retrain.seconds=0; }

# What a reader of committed messages is shown more than once: a user's list on the same number of ratings. Nothing is right.
doubled_lists() { lists | sed -n 's/^\([^\t]*\)\t.*"rated":\([0-9]*\),.*/\1 \2/p' | sort | uniq -d; }

test_exactly_once_publishes_and_commits_together()
{
    topics 2
    # shellcheck disable=SC2046
    start_ready $(exactly)
    fill 20 2
    { ratings 30 0 10; printf 'u1|bad\n'; } | send
    within 10 all_committed 2 || fail "committed $(committed 2), ends $(ends 2): $(tail -n 3 "$log")"
    [ "$(users_rated 10)" = 30 ] || fail "lists: $(newest | head -n 3)"
    [ "$(dead | wc -l)" = 1 ] || fail "dead letters: $(dead)"
    # Each refresh is there: every rating of the 30 users took an item from the list.
    [ "$(lists | grep -c '^u')" = 300 ] || fail "$(lists | grep -c '^u') lists"
    kill -KILL "$pid"
    wait "$pid" 2> /dev/null
    # shellcheck disable=SC2046
    start_ready $(exactly)
    ratings 30 10 11 | send
    within 10 all_committed 2 || fail "committed $(committed 2), ends $(ends 2): $(tail -n 3 "$log")"
    [ "$(lists | grep -c '^u')" = 330 ] || fail "$(lists | grep -c '^u') lists after the second start"
    [ "$(dead | wc -l)" = 1 ] || fail "dead letters: $(dead)"
    stop "$pid" 0
    same_ratings_as_rebuild
}

# What an unfinished transaction wrote is never shown, and is written again by the next start.
test_exactly_once_across_kills()
{
    local sender round kills=${CHAOS_KILLS:-5}
    local users=$((kills * 20))
    topics 2
    # shellcheck disable=SC2046
    start_ready $(exactly) -X lfrec.snapshot.interval.ms=100
    fill 60 2
    { ratings $users 0 25; printf 'u1|bad\nu2|bad\n'; ratings $users 25 50; } | awk '{ print } NR % 60 == 0 { fflush(); system("sleep 0.1") }' | feed &
    sender=$!
    for ((round = 1; round <= kills; round++)); do
        within 15 says "$log" 'partition 1 assigned' || fail "round $round: not assigned: $(tail -n 3 "$log")"
        sleep 0.$((RANDOM % 9))5
        kill -KILL "$pid"
        wait "$pid" 2> /dev/null
        # shellcheck disable=SC2046
        start $(exactly) -X lfrec.snapshot.interval.ms=100
    done
    wait $sender
    within 30 all_committed 2 || fail "committed $(committed 2), ends $(ends 2): $(tail -n 3 "$log")"
    [ -z "$(doubled_lists)" ] || fail "shown twice: $(doubled_lists | head -n 5)"
    [ "$(lists | grep -c '^u')" = $((users * 50)) ] || fail "$(lists | grep -c '^u') lists of $((users * 50)) refreshes"
    [ "$(dead | wc -l)" = 2 ] || fail "dead letters: $(dead)"
    stop "$pid" 0
    same_ratings_as_rebuild
}

# Lists that a training causes: whoever has the new model's list does not get it again, whatever the snapshot says, or without one.
lists_of_a_training_come_once() # ARGUMENTS...: the second start's
{
    topics 1
    # shellcheck disable=SC2046
    start_ready $(exactly) -X lfrec.snapshot.interval.ms=2000 -X lfrec.publish.rate=40
    fill 60
    ratings 60 0 20 | send
    within 10 all_committed || fail "committed $(committed), ends $(ends): $(tail -n 3 "$log")"
    kill -USR1 "$pid"
    within 10 eval '[ "$(lists | grep -c "\"model\":1,")" -ge 30 ]' || fail "no lists of the model: $(tail -n 3 "$log")"
    kill -KILL "$pid"
    wait "$pid" 2> /dev/null
    # shellcheck disable=SC2046
    start_ready $(exactly) -X lfrec.snapshot.interval.ms=100 "$@"
    says "$log" 'could not be read back' && fail "log: $(cat "$log")"
    kill -USR1 "$pid"
    within 10 says "$log" 'model [12] after' || fail "no training: $(tail -n 3 "$log")"
    within 10 eval '[ "$(newest | grep -c "^u.*\"model\":0,")" = 0 ]' || fail "not everybody has a list of a model: $(newest | cut -c 1-60 | head -n 3)"
    sleep 1
    [ -z "$(lists | sort | uniq -d)" ] || fail "shown twice: $(lists | sort | uniq -d | cut -c 1-60 | head -n 5)"
    stop "$pid" 0
}

test_exactly_once_lists_of_a_training_with_a_snapshot() { lists_of_a_training_come_once; }
test_exactly_once_lists_of_a_training_without_a_snapshot() { lists_of_a_training_come_once -X lfrec.snapshot.path=; }

# However long the output topic is: the group is not left meanwhile, questions and signals are answered, and it is not read in vain.
test_reading_back_holds_nobody_up()
{
    topics 1
    # shellcheck disable=SC2046
    start_ready $(exactly)
    fill 30
    ratings 10 0 10 | send
    within 10 all_committed || fail "committed $(committed), ends $(ends): $(tail -n 3 "$log")"
    stop "$pid" 0
    awk 'BEGIN { for (i = 0; i < 10000; i++) printf "x%d|{\"user\":\"x%d\",\"model\":1,\"rated\":1,\"items\":[{\"item\":\"%0300d\",\"score\":3}]}\n", i, i, i }' |
        timeout 20 kcat -P -b "$bootstrap" -t "$t-out" -K '|' -X batch.size=20000 || fail "kcat could not produce"
    # So little is fetched ahead that it takes half a minute.
    # shellcheck disable=SC2046
    start $(exactly) -X lfrec.snapshot.path= -X lfrec.http.listen=0 -X session.timeout.ms=1500 -X max.poll.interval.ms=1500 -X heartbeat.interval.ms=200 \
        -X consumer.fetch.message.max.bytes=50000 -X consumer.queued.max.messages.kbytes=16
    within 15 says "$log" 'reading topic .* back: [0-9]* lists so far, [1-9][0-9]* offsets to go' || fail "not said: $(tail -n 5 "$log")"
    [ "$(metric "$log" lfrec_ready)" = 0 ] || fail "ready: $(metrics_of "$log" | grep ready)"
    ! grep -e 'lost' -e 'max.poll' "$log" || fail "out of the group: $(tail -n 5 "$log")"
    stop "$pid" 0 3
    # shellcheck disable=SC2046
    start_ready $(exactly) -X lfrec.snapshot.path= -X lfrec.log.level=debug
    says "$log" '10[0-9]* lists of 100[0-9]* users read back' || fail "log: $(tail -n 5 "$log")"
    ratings 10 10 12 | send
    within 10 all_committed || fail "committed $(committed), ends $(ends): $(tail -n 3 "$log")"
    [ "$(users_rated 12)" = 10 ] && [ -z "$(doubled_lists)" ] || fail "lists: $(doubled_lists | head -n 3) $(newest | grep ^u | head -n 3)"
    stop "$pid" 0
}

# The process sleeps (or no broker answers) for longer than a transaction may be open: the brokers end it, which looks like being fenced.
test_exactly_once_outlives_its_transaction()
{
    local turn sender
    topics 2
    # shellcheck disable=SC2046
    start_ready $(exactly) -X producer.transaction.timeout.ms=1500 -X producer.message.timeout.ms=1500
    fill 60 2
    ratings 100 0 50 | awk '{ print } NR % 25 == 0 { fflush(); system("sleep 0.05") }' | feed &
    sender=$!
    within 10 eval '[ "$(lists | grep -c "^u")" -gt 100 ]' || fail "no lists"
    for turn in 1 2 3; do # until there was one open
        kill -STOP "$pid"
        sleep 3
        kill -CONT "$pid"
        ! within 3 says "$log" 'longer than transaction.timeout.ms' || break
    done
    says "$log" 'longer than transaction.timeout.ms' || fail "no transaction was ended: $(tail -n 3 "$log")"
    wait $sender
    within 30 all_committed 2 || fail "committed $(committed 2), ends $(ends 2): $(tail -n 3 "$log")"
    [ -z "$(doubled_lists)" ] || fail "shown twice: $(doubled_lists | head -n 5)"
    [ "$(lists | grep -c '^u')" = 5000 ] || fail "$(lists | grep -c '^u') lists of 5000 refreshes"
    stop "$pid" 0
    same_ratings_as_rebuild
}

test_fenced_instance_leaves()
{
    topics 1
    start_ready -X lfrec.delivery=exactly-once -X producer.transactional.id=same
    local first=$pid first_log=$log
    start -G "$t-other" -X lfrec.delivery=exactly-once -X producer.transactional.id=same
    within 15 says "$log" 'caught up' || fail "the second did not start: $(tail -n 3 "$log")"
    ratings 3 0 3 | send
    within 10 gone "$first" || fail "the fenced one stays: $(tail -n 3 "$first_log")"
    wait "$first"
    local code=$?
    [ $code = 3 ] || fail "exit code $code: $(tail -n 3 "$first_log")"
    says "$first_log" 'another process has this transactional.id' || fail "log: $(tail -n 3 "$first_log")"
    stop "$pid" 0
}

# A dead letter that its topic does not take aborts the transaction; the second time it goes without its value.
test_exactly_once_outlives_a_message_too_large()
{
    topics 1
    "$tool" "$bootstrap" create "$t-dead" 1 max.message.bytes=2000 || fail "cannot make a topic"
    # shellcheck disable=SC2046
    start_ready $(exactly)
    fill 20
    awk 'BEGIN { printf "k|"; for (i = 0; i < 1000; i++) printf "%d:", (i * 7919) % 1000; print "" }' > "$work/large"
    { ratings 5 0 3; cat "$work/large"; ratings 5 3 6; } | send
    within 20 all_committed || fail "committed $(committed), ends $(ends): $(tail -n 5 "$log")"
    dead | grep -q "^k.-1.*lfrec.value.left.out.bytes=3890" || fail "without its value: $(dead)"
    [ "$(lists | grep -c '^u')" = 30 ] || fail "$(lists | grep -c '^u') lists"
    [ -z "$(doubled_lists)" ] || fail "shown twice: $(doubled_lists | head -n 5)"
    stop "$pid" 0
}

test_two_exactly_once_members_share()
{
    local alone='-X lfrec.delivery=exactly-once -X lfrec.retrain.events=0 -X lfrec.retrain.seconds=0'
    topics 4
    # shellcheck disable=SC2086
    start_ready $quick $alone
    local first=$pid first_log=$log second second_log
    fill 20 4
    ratings 30 0 5 | send
    within 10 all_committed 4 || fail "not committed"
    # shellcheck disable=SC2086
    start $quick $alone
    second=$pid second_log=$log
    ratings 30 5 10 | send
    within 15 says "$second_log" 'caught up' || fail "the second member did not get its part: $(tail -n 3 "$log")"
    ratings 30 10 12 | send
    within 15 all_committed 4 || fail "not committed: $(tail -n 3 "$first_log" "$second_log")"
    [ "$(users_rated 12)" = 30 ] || fail "lists: $(newest | head -n 3)"
    [ -z "$(doubled_lists)" ] || fail "shown twice: $(doubled_lists | head -n 5)"
    [ "$(lists | grep -c '^u')" = 360 ] || fail "$(lists | grep -c '^u') lists of 360 refreshes"
    log=$second_log
    stop "$second" 0
    log=$first_log
    within 15 eval '[ "$(users_in "$first_log")" = 34 ]' || fail "the first member has $(users_in "$first_log") users again"
    stop "$first" 0
}
