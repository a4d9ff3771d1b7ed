# case_stream.sh - events in, lists and dead letters out.

test_ratings_in_recommendations_out()
{
    topics 2
    start_ready
    fill 20 2
    ratings 30 0 12 | send
    within 10 eval '[ "$(users_rated 12)" = 30 ]' || fail "not every user has a list of 12 ratings: $(newest | head -n 3)"
    list_of u7 | grep -q '^{"user":"u7","model":0,"rated":12,"items":\[' || fail "list of u7: $(list_of u7)"
    [ "$("$tool" "$bootstrap" config "$t-out" cleanup.policy)" = compact ] || fail "the output topic it made is not compacted"
    stop "$pid" 0
}

test_retraining_on_demand_publishes_everybody()
{
    topics 2
    start_ready -X lfrec.retrain.events=0 -X lfrec.retrain.seconds=0
    fill 20 2
    ratings 30 0 12 | send
    within 10 eval '[ "$(users_rated 12)" = 30 ]' || fail "no lists"
    kill -USR1 "$pid"
    within 10 says "$log" 'model 1 after' || fail "no training after SIGUSR1"
    within 10 eval '[ "$(newest | grep -c "\"model\":1,")" -gt 5 ]' || fail "no lists of model 1"
    stop "$pid" 0
}

test_retraining_by_number_of_events()
{
    topics 1
    start_ready -X lfrec.retrain.events=200 -X lfrec.retrain.seconds=0
    ratings 30 0 12 | send
    within 10 says "$log" 'model 1 after' || fail "no training after 360 events"
    stop "$pid" 0
}

test_retraining_by_time()
{
    topics 1
    start_ready -X lfrec.retrain.events=0 -X lfrec.retrain.seconds=2
    ratings 30 0 12 | send
    within 10 says "$log" 'model 1 after' || fail "no training after 2 s"
    stop "$pid" 0
}

test_unchanged_list_is_not_published_again()
{
    topics 1
    start_ready
    fill 8
    ratings 5 0 4 | send
    within 10 all_committed || fail "not committed"
    local before
    before=$(lists | wc -l)
    ratings 5 0 4 | send
    within 10 all_committed || fail "not committed"
    [ "$(lists | wc -l)" = "$before" ] || fail "repeated ratings published $(lists | wc -l) lists instead of $before"
    stop "$pid" 0
}

# One row per dead letter: key, reason, headers of the producer.
reasons() { dead | sed 's/^\([^\t]*\)\t.*__streams.errors.exception=\([a-z_0-9]*\),.*/\1 \2/'; }

test_null_empty_and_the_word_null()
{
    topics 1
    start_ready
    fill 8
    ratings 3 0 5 | send
    printf 'u1|\n' | send -Z
    printf 'u0|\nu2|null\n' | send
    within 10 eval '[ "$(dead | wc -l)" = 2 ]' || fail "dead letters: $(dead)"
    [ "$(reasons | tr '\n' ' ')" = 'u0 empty_value u2 text_null ' ] || fail "reasons: $(reasons)"
    [ "$(newest | awk -F '\t' '$1 == "u1" { print $2 }')" = -1 ] || fail "what was published for the forgotten user is no null value"
    [ "$(users_rated 5)" = 2 ] || fail "u0 and u2 were touched: $(newest)"
    stop "$pid" 0
}

test_dead_letters_keep_bytes_and_headers()
{
    topics 1
    start_ready
    printf 'k1|{"user":"u1","item":"a","rating":9}\nk2|{"user":"u1"}\nk3|\xff\xfe,a,3\n' | send -H 'trace=abc' -H 'trace=def'
    printf 'u1|{"user":"u1","item":"a","rating":3}\n' | send
    within 10 eval '[ "$(dead | wc -l)" = 3 ]' || fail "dead letters: $(dead)"
    [ "$(reasons | tr '\n' ' ')" = 'k1 off_scale k2 missing_field k3 not_utf8 ' ] || fail "reasons: $(reasons)"
    dead | grep -q '^k1.35.{"user":"u1","item":"a","rating":9}.trace=abc,trace=def,__streams' || fail "first: $(dead | head -n 1)"
    dead | LC_ALL=C grep -q $'^k3.6.\xff\xfe,a,3' || fail "bytes were touched"
    dead | grep -q "__streams.errors.topic=$t-in,__streams.errors.partition=0,__streams.errors.offset=1" || fail "place: $(dead)"
    within 10 eval '[ "$(users_rated 1)" = 1 ]' || fail "the stream did not go on: $(newest)"
    stop "$pid" 0
}

test_replayed_dead_letters_do_not_pile_up()
{
    topics 1
    start_ready
    printf 'k|still bad\n' | send -H 'trace=abc'
    local turn headers
    for turn in 1 2 3 4 5; do
        within 10 eval '[ "$(dead | wc -l)" = '$turn' ]' || fail "turn $turn: $(dead)"
        headers=$(dead | tail -n 1 | cut -f 4)
        [ "$turn" = 5 ] || printf 'k|still bad\n' | send -H trace=abc -H __streams.errors.exception=old -H __streams.errors.message=old \
            -H __streams.errors.topic=elsewhere -H __streams.errors.partition=9 -H __streams.errors.offset=9
    done
    [ "$(echo "$headers" | grep -o '__streams.errors.exception=' | wc -l)" = 1 ] || fail "headers: $headers"
    echo "$headers" | grep -q 'trace=abc,.*exception=syntax,.*offset=4' || fail "headers: $headers"
    stop "$pid" 0
}

test_schema_registry_framing()
{
    topics 1
    start_ready
    printf '\x00\x00\x00\x00\x07{"user":"u1","item":"a","rating":4}' > "$work/framed.1"
    printf '\x00\x00\x00\x00\x07\x02\x04u1' > "$work/framed.2"
    printf '\x00\x00\x00\x00\x07' > "$work/framed.3"
    timeout 20 kcat -P -b "$bootstrap" -t "$t-in" -k k "$work/framed.1" "$work/framed.2" "$work/framed.3" || fail "kcat"
    printf '\x00\x00\x00\x00\x07u2|{"user":"u2","item":"a","rating":4}\n' > "$work/framed.4"
    send < "$work/framed.4"
    within 10 eval '[ "$(read_topic "$t-dead" "%o %h\n" | wc -l)" = 3 ]' || fail "dead letters: $(read_topic "$t-dead" '%o %h\n')"
    [ "$(read_topic "$t-dead" '%h\n' | grep -c 'exception=schema_framing,.*schema id 7')" = 3 ] || fail "reason without the schema id: $(dead)"
    within 10 eval '[ "$(newest | cut -f 1)" = u2 ]' || fail "the user in the value, not the framed key, decides: $(newest)"
    stop "$pid" 0
}

test_two_events_in_one_message()
{
    topics 1
    start_ready
    printf '{"user":"u1","item":"a","rating":4}\n{"user":"u1","item":"b","rating":4}\n' > "$work/two.1"
    printf '{"user":"u1","item":"a","rating":4} x' > "$work/two.2"
    printf '[{"user":"u1","item":"a","rating":4},{"user":"u1","item":"b","rating":4}]' > "$work/two.3"
    timeout 20 kcat -P -b "$bootstrap" -t "$t-in" -k k "$work/two.1" "$work/two.2" "$work/two.3" || fail "kcat"
    within 10 all_committed || fail "not committed"
    [ "$(read_topic "$t-dead" '%h\n' | grep -c 'exception=trailing_data')" = 2 ] || fail "$(read_topic "$t-dead" '%h\n')"
    [ "$(read_topic "$t-dead" '%h\n' | grep -c 'exception=not_an_object')" = 1 ] || fail "$(read_topic "$t-dead" '%h\n')"
    [ -z "$(newest)" ] || fail "part of a message was learned: $(newest)"
    stop "$pid" 0
}

test_ids_that_are_large_numbers()
{
    topics 1
    start_ready
    printf 'f|filler,x,3\nf|filler,98765432109876543210,3\nf|filler,y,3\n' | send
    {
        printf 'a|{"user":9007199254740992,"item":"x","rating":4}\nb|{"user":9007199254740993,"item":"x","rating":4}\n'
        printf 'c|{"user":"9007199254740993","item":98765432109876543210,"rating":4}\n'
        printf 'd|{"user":1e3,"item":"x","rating":4}\ne|{"user":12.0,"item":"x","rating":4}\n'
    } | send
    within 10 all_committed || fail "not committed"
    [ "$(newest | cut -f 1 | tr '\n' ' ')" = '9007199254740992 9007199254740993 filler ' ] || fail "users: $(newest)"
    list_of 9007199254740993 | grep -q '"rated":2' || fail "number and string are one user: $(newest)"
    list_of 9007199254740992 | grep -q '"item":"98765432109876543210"' || fail "item: $(newest)"
    [ "$(dead | wc -l)" = 2 ] || fail "1e3 and 12.0: $(dead)"
    stop "$pid" 0
}

test_taking_a_rating_back()
{
    topics 1
    start_ready -X lfrec.explain=0
    printf 'u1|u1,a,4\nu2|u2,a,2,1690000000\nu2|u2,b,5\n' | send
    printf 'u1|{"user":"u1","item":"a","rating":null}\n' | send
    within 10 all_committed || fail "not committed"
    [ "$(newest | awk -F '\t' '$1 == "u1" { print $2 }')" = -1 ] || fail "a user without ratings: $(newest)"
    # Never rated, twice, and as CSV with and without a time.
    printf 'u1|{"user":"u1","item":"a","rating":null}\nu1|{"user":"u1","item":"zz","rating":null}\nu2|u2,b,\nu2|u2,b,,1690000000\n' | send
    within 10 all_committed || fail "not committed"
    list_of u2 | grep -q '"rated":1,' || fail "u2: $(list_of u2)"
    [ -z "$(dead)" ] || fail "dead letters: $(dead)"
    lists | grep -qi nan && fail "NaN in a list"
    # The means are what they would be without the retracted ratings.
    printf 'u3|u3,c,4\n' | send
    within 10 all_committed || fail "not committed"
    local seen
    seen=$(list_of u3 | sed 's/"model":[0-9]*//')
    printf 'u2,a,2\nu3,c,4\n' | "$lfrec" --pipe -q -X lfrec.min.support=0 -X lfrec.retrain.events=0 -X lfrec.retrain.seconds=0 |
        tail -n 1 | sed 's/"model":[0-9]*//' > "$work/fresh"
    [ "$(sed 's/.*"item":"a",\(.*\)/\1/; s/,{.*//; s/\]}//; s/}$//' "$work/fresh")" = \
        "$(echo "$seen" | sed 's/.*"item":"a",\(.*\)/\1/; s/,{.*//; s/\]}//; s/}$//')" ] || fail "means differ: $seen / $(cat "$work/fresh")"
    stop "$pid" 0
}

test_reasons_when_asked_for()
{
    topics 1
    start_ready -X lfrec.explain=2
    ratings 30 0 12 | grep -v '"u3","item":"i11"' | send
    kill -USR1 "$pid"
    within 10 eval 'list_of u3 | grep -q "\"reasons\":\[{\"item\":\"i"' || fail "u3: $(list_of u3)"
    stop "$pid" 0
}

test_embedded_broker()
{
    "$lfrec" -X lfrec.embedded=true -X lfrec.min.support=0 -X lfrec.embedded.partitions=2 > "$work/$t.out" 2> "$work/$t.log" &
    pid=$! log=$work/$t.log
    echo $pid >> "$work/pids"
    within 5 grep -q '^embedded broker: 127.0.0.1:[0-9]*$' "$work/$t.out" || fail "no address: $(cat "$work/$t.out")"
    bootstrap=$(sed -n 's/^embedded broker: //p' "$work/$t.out")
    within 15 says "$log" 'caught up' || fail "not caught up"
    ratings 1 0 30 | sed 's/u0/filler/g' | timeout 10 kcat -P -b "$bootstrap" -t ratings -p 0 -K '|' || fail "kcat"
    within 10 eval 'timeout 10 kcat -C -b "$bootstrap" -t recommendations -e -q | grep -q filler' || fail "no list"
    { ratings 5 0 6; printf 'u1|bad\n'; } | timeout 10 kcat -P -b "$bootstrap" -t ratings -K '|' || fail "kcat"
    within 10 eval '[ "$(timeout 10 kcat -C -b "$bootstrap" -t recommendations -e -q -f "%s\n" | grep -c "\"rated\":6,")" = 5 ]' ||
        fail "lists: $(timeout 10 kcat -C -b "$bootstrap" -t recommendations -e -q | tail -n 3)"
    timeout 10 kcat -C -b "$bootstrap" -t ratings-dead-letter -e -q -f '%k %s\n' | grep -q '^u1 bad$' || fail "no dead letter"
    stop "$pid" 0
}

test_bad_events_without_a_dead_letter_topic()
{
    topics 1
    start_ready -X lfrec.dead.letter.topic=
    printf 'x|bad\nu1|u1,a,3\nx|bad\n' | send
    within 10 all_committed || fail "not committed"
    stop "$pid" 0
    says "$log" 'bad event at partition 0 offset 0: syntax' || fail "log: $(cat "$log")"
    says "$log" 'bad events: 2 syntax' || fail "log: $(cat "$log")"
}
