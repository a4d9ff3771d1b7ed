# case_rights.sh - a broker with access control: which right is missing is said by name, nothing is hurried, and given rights are enough.

guarded_broker() # sets guarded_bootstrap (user lfrec) and bootstrap (everything allowed); ends with the test
{
    local folder=$work/$t.guarded
    mkdir -p "$folder"
    kafka_properties "$folder" 0
    cat >> "$folder/server.properties" <<PROPERTIES
listeners=PLAINTEXT://127.0.0.1:0,SASL_PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_lfrec="$secret";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
PROPERTIES
    cp -r "$kafka_dir/fresh" "$folder/data"
    start_with_accounts "$folder" SASL_PLAINTEXT
    guarded_bootstrap=$account_bootstrap
}

right() { "$tool" "$bootstrap" "$@" || fail "cannot $*"; }
lock() { right allow somebody-else "$1" "$2" all; } # topic|group NAME: nobody has a right to it but who is given one

start_guarded() # ARGUMENTS...
{
    local open=$bootstrap
    bootstrap=$guarded_bootstrap
    start -X security.protocol=SASL_PLAINTEXT -X sasl.mechanism=PLAIN -X sasl.username=lfrec -X "sasl.password=$secret" \
        -X topic.metadata.refresh.interval.ms=300 "$@"
    bootstrap=$open
}

waits_quietly() # SECONDS MS: at most so much processor time in so long, and little log
{
    local used
    used=$(cpu_ms "$pid")
    sleep "$1"
    used=$(($(cpu_ms "$pid") - used))
    [ "$used" -lt "$2" ] || fail "$used ms of processor time in $1 s"
    [ "$(grep -c 'authorization failed' "$log")" -lt 12 ] || fail "$(grep -c 'authorization failed' "$log") lines of log"
}

test_missing_rights_are_named_and_waited_for()
{
    guarded_broker
    topics 1
    "$tool" "$bootstrap" create "$t-out" 1 && "$tool" "$bootstrap" create "$t-dead" 1 || fail "cannot make topics"
    local place
    for place in "topic $t-in" "topic $t-out" "topic $t-dead" "group $t"; do lock $place; done
    right allow lfrec topic "$t-dead" write
    start_guarded
    within 10 says "$log" "topic $t-in: .*authorization failed: the account needs READ on it" || fail "input: $(cat "$log")"
    right allow lfrec topic "$t-in" read
    within 10 says "$log" "topic $t-out: .*authorization failed: the account needs WRITE on it" || fail "output: $(cat "$log")"
    right allow lfrec topic "$t-out" write
    within 10 says "$log" "group $t: .*authorization failed: the account needs READ on the group" || fail "group: $(cat "$log")"
    waits_quietly 1 100
    right allow lfrec group "$t" read
    within 15 says "$log" 'caught up' || fail "not after all rights were given: $(tail -n 5 "$log")"
    fill 20
    ratings 5 0 10 | send
    within 10 eval '[ "$(users_rated 10)" = 5 ]' || fail "no lists: $(tail -n 5 "$log")"

    # Taken away while it runs: reading is waited for (which librdkafka takes its time for, so that it is among the chaos tests) ...
    ratings 5 10 11 | send
    if [ "${CHAOS:-no}" = yes ]; then
        right forbid lfrec topic "$t-in" read
        within 15 says "$log" "consuming $t-in: .*authorization failed: the account needs READ on it" || fail "reading: $(tail -n 5 "$log")"
        ratings 5 11 12 | send
        right allow lfrec topic "$t-in" read
    else
        ratings 5 11 12 | send
    fi
    within 30 eval '[ "$(users_rated 12)" = 5 ]' || fail "reading did not go on: $(tail -n 5 "$log")"
    # ... and a list that may not be written ends the run, as nothing behind it may be committed.
    within 10 all_committed || fail "not committed"
    right forbid lfrec topic "$t-out" write
    ratings 5 12 14 | send
    within 10 gone "$pid" || fail "still there: $(tail -n 5 "$log")"
    wait "$pid"
    [ $? = 1 ] || fail "exit code: $(tail -n 5 "$log")"
    says "$log" "topic $t-out: not delivered: .*authorization failed: the account needs WRITE on it" || fail "writing: $(tail -n 5 "$log")"
    all_committed && fail "committed what was not delivered"
    right allow lfrec topic "$t-out" write
    start_guarded
    within 20 eval '[ "$(users_rated 14)" = 5 ]' || fail "the next start: $(tail -n 5 "$log")"
    stop "$pid" 0

    # A scorer reads what a trainer writes.
    "$tool" "$bootstrap" create "$t-models" 1 || fail "cannot make a topic"
    lock topic "$t-models"
    start_guarded -X lfrec.role=scorer -X "lfrec.model.topic=$t-models"
    within 10 says "$log" "topic $t-models: .*authorization failed: the account needs READ on it" || fail "models: $(cat "$log")"
    right allow lfrec topic "$t-models" read
    within 20 says "$log" 'caught up' || fail "the scorer: $(tail -n 5 "$log")"
    stop "$pid" 0
}

# librdkafka 2.0 tries to abort a transaction that the broker never let begin, and is broken by its answer: another producer goes on.
test_exactly_once_outlives_a_right_taken_away()
{
    guarded_broker
    topics 1
    "$tool" "$bootstrap" create "$t-out" 1 || fail "cannot make a topic"
    lock topic "$t-out"
    right allow lfrec topic "$t-out" read
    right allow lfrec topic "$t-out" write
    local once='-X lfrec.delivery=exactly-once -X lfrec.retrain.events=0 -X lfrec.retrain.seconds=0'
    # shellcheck disable=SC2086
    start_guarded $once
    within 15 says "$log" 'caught up' || fail "not caught up: $(tail -n 5 "$log")"
    fill 20
    right forbid lfrec topic "$t-out" write
    ratings 5 0 10 | send
    within 10 says "$log" "partition \"$t-out\" .* to transaction: .*authorization failed" || fail "log: $(tail -n 5 "$log")"
    within 10 says "$log" 'going on with a new producer' || fail "log: $(tail -n 5 "$log")"
    all_committed && fail "committed what was not delivered"
    right allow lfrec topic "$t-out" write
    within 30 all_committed || fail "not committed: $(tail -n 5 "$log")"
    [ "$(users_rated 10)" = 5 ] && [ -z "$(doubled_lists)" ] || fail "lists: $(newest | head -n 3) $(doubled_lists | head -n 3)"
    stop "$pid" 0
    [ "${CHAOS:-no}" = yes ] || return 0

    # A start reads the lists back.
    right forbid lfrec topic "$t-out" read
    # shellcheck disable=SC2086
    start_guarded $once
    within 10 says "$log" "topic $t-out.*authorization failed: the account needs READ on it" || fail "log: $(tail -n 5 "$log")"
    waits_quietly 2 300
    right allow lfrec topic "$t-out" read
    within 15 says "$log" 'caught up' || fail "not after the right was given: $(tail -n 5 "$log")"
    stop "$pid" 0
}
