# case_interceptor.sh - the recommender within applications that know nothing of it: kcat, and Python's client.

interceptor() # PARTITIONS: sets the properties of it, as -X arguments, on the test's topics; a filler's ratings are in each partition
{
    local plugin part
    plugin=$(dirname "$lfrec")/lfrec-interceptor.so
    [ -e "$plugin" ] || fail "$plugin was not built"
    properties=(-X "plugin.library.paths=$plugin" -X "lfrec.input.topic=$t-in" -X "lfrec.output.topic=$t-out" -X lfrec.min.support=0
        -X lfrec.top.n=100 -X lfrec.log.level=info -X lfrec.retrain.threads=2)
    "$tool" "$bootstrap" create "$t-in" "$1" && "$tool" "$bootstrap" create "$t-out" "$1" cleanup.policy=compact || fail "cannot make a topic"
    for ((part = 0; part < $1; part++)); do ratings 1 0 20 | sed "s/u0/filler$part/g" | send -p $part; done
}

test_kcat_with_the_interceptor_publishes_lists()
{
    interceptor 1
    ratings 30 0 12 | send
    timeout 30 kcat -C -b "$bootstrap" -t "$t-in" -e -f '%k\n' "${properties[@]}" > "$work/$t.seen" 2> "$work/$t.kcat" ||
        fail "kcat: $(tail -n 5 "$work/$t.kcat")"
    [ "$(wc -l < "$work/$t.seen")" = 380 ] || fail "kcat printed $(wc -l < "$work/$t.seen") of 380 messages"
    [ "$(users_rated 12)" = 30 ] || fail "lists: $(newest | head -n 3)"
    list_of u7 | grep -q '^{"user":"u7","model":0,"rated":12,"items":\[' || fail "list of u7: $(list_of u7)"
}

test_kcat_with_the_interceptor_goes_on_when_the_lists_cannot_go_out()
{
    interceptor 1
    timeout 30 kcat -C -b "$bootstrap" -t "$t-in" -e -f '%k\n' "${properties[@]}" -X producer.bootstrap.servers=127.0.0.1:1 \
        -X lfrec.interceptor.close.ms=200 > "$work/$t.seen" 2> "$work/$t.kcat" || fail "kcat: $(tail -n 5 "$work/$t.kcat")"
    [ "$(wc -l < "$work/$t.seen")" = 20 ] || fail "kcat printed $(wc -l < "$work/$t.seen") of 20 messages"
    grep -q 'lfrec: the end came before .* lists were published' "$work/$t.kcat" || fail "not said: $(cat "$work/$t.kcat")"
}

# Lists come while the application goes on; a training too; a rebalance in between; the locale is the application's; both threads and the
# exit code are unharmed.
test_python_client_with_the_interceptor_publishes_lists()
{
    interceptor 2
    local python=/usr/bin/python3 first
    "$python" -c 'import confluent_kafka' 2> /dev/null || fail "python3-confluent-kafka is not installed"
    "$python" $here/interceptor_application.py "$bootstrap" "$t" "$t-in" "${properties[@]}" -X lfrec.retrain.events=200 \
        > "$work/$t.seen" 2> "$work/$t.py" &
    first=$!
    echo $first >> "$work/pids"
    ratings 30 0 12 | send
    within 30 eval '[ "$(users_rated 12)" = 30 ]' || fail "lists: $(newest | head -n 3) $(tail -n 5 "$work/$t.py")"
    within 15 says "$work/$t.py" 'model 1 after' || fail "no training: $(tail -n 5 "$work/$t.py")"
    within 15 eval '[ "$(newest | grep -c "\"model\":1,")" -gt 5 ]' || fail "no lists of model 1"
    "$python" $here/interceptor_application.py "$bootstrap" "$t" "$t-in" "${properties[@]}" > "$work/$t.seen2" 2> "$work/$t.py2" &
    local second=$!
    echo $second >> "$work/pids"
    within 30 says "$work/$t.seen2" 'assigned 1' || fail "no rebalance: $(tail -n 5 "$work/$t.py2")"
    ratings 30 12 14 | send
    within 15 says "$work/$t.py" 'partition [01] has left, and its users with it' || fail "users stay: $(tail -n 5 "$work/$t.py")"
    # Those who stayed go on, those who went begin anew (or are read again, when their offsets were not committed yet).
    within 15 eval '[ "$(newest | grep "^u" | grep -c "\"rated\":\(14\|1\),")" = 30 ]' || fail "lists after the rebalance: $(newest | cut -c 1-60)"
    log=$work/$t.py
    stop "$first" 0 10
    log=$work/$t.py2
    stop "$second" 0 10
    grep -q '^locale C.UTF-8, signals as before$' "$work/$t.seen" || fail "the application says: $(tail -n 3 "$work/$t.seen")"
}
