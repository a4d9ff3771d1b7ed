# case_roles.sh - trainers and scorers: models by a topic between them.

quickly='-X session.timeout.ms=1500 -X heartbeat.interval.ms=200'
start_trainer() # ARGUMENTS...
{
    # shellcheck disable=SC2086
    start_ready $quickly -X lfrec.role=trainer -X "lfrec.model.topic=$t-models" -X lfrec.retrain.seconds=0 "$@"
}
start_scorer() # ARGUMENTS...
{
    # shellcheck disable=SC2086
    start_ready $quickly -X lfrec.role=scorer -X "lfrec.model.topic=$t-models" -X lfrec.publish.rate=0 "$@"
}
newest_versions() { newest | grep -v '^filler' | sed 's/.*"model":\([0-9]*\),.*/\1/' | sort -u | tr '\n' ' '; }

test_a_scorer_that_starts_late_gets_the_newest_model()
{
    topics 2
    start_trainer -X lfrec.retrain.events=300
    local trainer=$pid trainer_log=$log first first_log
    for part in 0 1; do ratings 1 0 20 | sed "s/u0/filler$part/g" | send -p $part; done
    ratings 30 0 14 | send
    within 10 says "$trainer_log" 'model 1 published' || fail "no model: $(tail -n 5 "$trainer_log")"
    [ "$(lists | wc -l)" = 0 ] || fail "the trainer publishes lists"
    start_scorer
    first=$pid first_log=$log
    within 10 says "$first_log" 'model 1 taken over' || fail "the scorer has no model: $(tail -n 5 "$first_log")"
    within 10 eval '[ "$(users_rated 14)" = 30 ]' || fail "lists: $(newest | head -n 3)"
    [ "$(newest_versions)" = '1 ' ] || fail "models of the lists: $(newest_versions)"
    grep -q 'training begins' "$first_log" && fail "the scorer trains"
    # A second scorer shares the users; the next model reaches both.
    start_scorer
    within 10 says "$log" 'model 1 taken over' || fail "the second scorer has no model: $(tail -n 5 "$log")"
    ratings 30 14 18 | send
    kill -USR1 "$trainer"
    within 10 says "$trainer_log" 'model 2 published' || fail "no second model: $(tail -n 5 "$trainer_log")"
    within 10 says "$first_log" 'model 2 taken over' && within 10 says "$log" 'model 2 taken over' || fail "not taken over: $(tail -n 3 "$log")"
    within 10 eval '[ "$(users_rated 18)" = 30 ] && [ "$(newest_versions)" = "2 " ]' || fail "lists: $(newest_versions)"
    within 10 all_committed 2 || fail "not committed"
    stop "$pid" 0
    log=$first_log
    stop "$first" 0
    log=$trainer_log
    stop "$trainer" 0
}

test_two_trainers_do_not_fight()
{
    topics 1
    start_trainer -X lfrec.retrain.events=200 -X lfrec.http.listen=0
    local first=$pid first_log=$log
    within 15 says "$first_log" 'this trainer leads' || fail "nobody leads: $(tail -n 5 "$first_log")"
    start_trainer -X lfrec.retrain.events=200 -X lfrec.http.listen=0
    within 15 says "$log" 'another trainer leads' || fail "two lead, or none: $(tail -n 5 "$log")"
    # One that only waits to take over has no model, and is as ready as it can be.
    within 5 eval '[ "$(metric "$first_log" lfrec_acting_trainer)$(metric "$first_log" lfrec_ready)" = 10 ]' || fail "the one that leads"
    within 5 eval '[ "$(metric "$log" lfrec_acting_trainer)$(metric "$log" lfrec_ready)" = 01 ]' || fail "the one that waits"
    ratings 30 0 14 | send
    within 15 eval 'says "$first_log" "model 1 published" || says "$log" "model 1 published"' || fail "no model: $(tail -n 5 "$first_log")"
    [ "$(cat "$first_log" "$log" | grep -c 'model 1 published')" = 1 ] || fail "both publish"
    local leader=$first other=$pid other_log=$log
    if says "$log" 'model 1 published'; then leader=$pid other=$first other_log=$first_log; fi
    kill -KILL "$leader"
    within 20 eval '[ "$(grep -c "this trainer leads" "$other_log")" -ge 1 ]' || fail "nobody took over: $(tail -n 5 "$other_log")"
    ratings 30 14 24 | send
    within 20 says "$other_log" 'model 2 published' || fail "the other does not publish the next version: $(tail -n 5 "$other_log")"
    log=$other_log
    stop "$other" 0
}

# At any moment of joining: librdkafka 2.0.2 may abort the process that ends a member which was never assigned anything.
test_a_trainer_may_be_stopped_at_once()
{
    local wait
    topics 1
    for wait in 0.1 0.15 0.2 0.25 0.35 0.5; do
        start -X session.timeout.ms=1500 -X heartbeat.interval.ms=200 -X lfrec.role=trainer -X "lfrec.model.topic=$t-models"
        sleep $wait
        stop "$pid" 0
    done
}

test_a_model_topic_made_anew_is_followed()
{
    topics 1
    start_trainer -X lfrec.retrain.events=0
    local trainer=$pid trainer_log=$log scorer scorer_log
    ratings 1 0 20 | sed "s/u0/filler/g" | send
    ratings 30 0 14 | send
    start_scorer
    scorer=$pid scorer_log=$log
    within 10 says "$scorer_log" 'has no model yet' || fail "not said: $(tail -n 5 "$scorer_log")"
    kill -USR1 "$trainer"
    within 10 says "$scorer_log" 'model 1 taken over' || fail "no model: $(tail -n 3 "$trainer_log" "$scorer_log")"
    kill -USR1 "$trainer"
    within 10 says "$scorer_log" 'model 2 taken over' || fail "no second model: $(tail -n 3 "$trainer_log" "$scorer_log")"
    log=$trainer_log
    stop "$trainer" 0
    "$tool" "$bootstrap" delete "$t-models" || fail "not deleted"
    start_trainer -X lfrec.retrain.events=0 # which makes the topic
    within 15 says "$log" 'this trainer leads' || fail "nobody leads: $(tail -n 5 "$log")"
    kill -USR1 "$pid"
    within 10 says "$log" 'model 1 published' || fail "no model: $(tail -n 3 "$log")"
    within 30 eval '[ "$(grep -c "model 1 taken over" "$scorer_log")" = 2 ]' || fail "not followed: $(tail -n 5 "$scorer_log")"
    says "$scorer_log" 'was it made again' || fail "not said: $(tail -n 5 "$scorer_log")"
    within 10 eval '[ "$(newest_versions)" = "1 " ]' || fail "models of the lists: $(newest_versions)"
    # Once more, and behind the scorer's back the other topic grows beyond where the scorer was: first by a model, then by something else.
    local turn
    for turn in 1 2; do
        stop "$pid" 0
        kill -STOP "$scorer"
        "$tool" "$bootstrap" delete "$t-models" || fail "not deleted"
        within 10 "$tool" "$bootstrap" create "$t-models" 1 cleanup.policy=compact 2> /dev/null || fail "not made again"
        [ $turn = 2 ] || printf 'a|x\nb|y\n' | kcat -P -b "$bootstrap" -t "$t-models" -K '|' || fail "kcat could not produce"
        start_trainer -X lfrec.retrain.events=0
        within 15 says "$log" 'this trainer leads' || fail "nobody leads: $(tail -n 5 "$log")"
        kill -USR1 "$pid"
        within 10 says "$log" 'model 1 published' || fail "no model: $(tail -n 3 "$log")"
        [ $turn = 1 ] || printf 'a|x\nb|y\nc|z\n' | kcat -P -b "$bootstrap" -t "$t-models" -K '|' || fail "kcat could not produce"
        kill -CONT "$scorer"
        within 30 eval '[ "$(grep -c "model 1 taken over" "$scorer_log")" = $((2 + turn)) ]' || fail "turn $turn: not followed: $(tail -n 5 "$scorer_log")"
    done
    stop "$pid" 0
    log=$scorer_log
    stop "$scorer" 0
    [ "$(grep -c 'was it made again' "$scorer_log")" -lt 9 ] || fail "again and again: $(grep -c 'was it made again' "$scorer_log")"
}

test_a_model_larger_than_a_message_comes_in_parts()
{
    topics 1
    start_trainer -X lfrec.retrain.events=0 -X lfrec.factors=1024 -X lfrec.epochs=1
    local trainer=$pid trainer_log=$log
    ratings 8 0 300 | send
    within 15 says "$trainer_log" 'this trainer leads' || fail "nobody leads"
    sleep 0.5 # the events are on their way
    kill -USR1 "$trainer"
    within 20 says "$trainer_log" 'model 1 published' || fail "not published: $(tail -n 5 "$trainer_log")"
    [ "$(read_topic "$t-models" '%k\n' | grep -c '^1/[1-9]$')" -ge 1 ] || fail "parts: $(read_topic "$t-models" '%k %S\n')"
    start_scorer -X lfrec.factors=1024
    within 10 says "$log" 'model 1 taken over' || fail "not taken over: $(tail -n 5 "$log")"
    within 10 eval '[ "$(newest_versions)" = "1 " ]' || fail "lists: $(newest_versions)"
    stop "$pid" 0
    # One that may not have so many factors says so, and serves by means.
    start_scorer -X lfrec.factors=16
    within 10 says "$log" 'cannot be used: .*more factors than lfrec.factors allows here' || fail "log: $(tail -n 5 "$log")"
    stop "$pid" 0
    log=$trainer_log
    stop "$trainer" 0
}

test_a_trainers_sample_is_bounded()
{
    topics 2
    start_trainer -X lfrec.retrain.events=0 -X lfrec.trainer.users=100 -X lfrec.max.items=3
    local trainer=$pid trainer_log=$log
    ratings 400 0 3 | send
    within 10 says "$trainer_log" 'the sample is halved: [0-9]* users of' || fail "not bounded: $(tail -n 5 "$trainer_log")"
    within 10 eval '[ "$(sed -n "s/.*the sample is halved: \([0-9]*\) users.*/\1/p" "$trainer_log" | tail -n 1)" -le 100 ]' || fail "too many: $(tail -n 3 "$trainer_log")"
    ratings 400 3 4 | send # of an item too many: told, without a dead letter
    within 10 says "$trainer_log" 'bad event .*lfrec.max.items' || fail "the item too many: $(tail -n 3 "$trainer_log")"
    kill -USR1 "$trainer"
    within 10 says "$trainer_log" 'training begins on [0-9]* ratings of \([3-9][0-9]\|100\) users' || fail "sample: $(tail -n 3 "$trainer_log")"
    stop "$trainer" 0
}

test_a_scorer_starts_from_its_snapshot_and_follows_again()
{
    topics 2
    start_trainer -X lfrec.retrain.events=300 -X lfrec.http.listen=0
    local trainer=$pid trainer_log=$log part
    for part in 0 1; do ratings 1 0 20 | sed "s/u0/filler$part/g" | send -p $part; done
    ratings 30 0 14 | send
    within 10 says "$trainer_log" 'model 1 published' || fail "no model: $(tail -n 5 "$trainer_log")"
    start_scorer -X lfrec.delivery=exactly-once -X "lfrec.snapshot.path=$work/$t.state"
    within 10 says "$log" 'model 1 taken over' || fail "the scorer has no model: $(tail -n 5 "$log")"
    within 10 eval '[ "$(users_rated 14)" = 30 ]' || fail "lists: $(newest | head -n 3)"
    stop "$pid" 0
    kill -USR1 "$trainer"
    within 10 says "$trainer_log" 'model 2 published' || fail "no second model: $(tail -n 5 "$trainer_log")"
    within 5 eval '[ "$(metric "$trainer_log" lfrec_acting_trainer)$(metric "$trainer_log" lfrec_model_parts)" = 11 ]' ||
        fail "the trainer's figures: $(metrics_of "$trainer_log" | grep -v '#' | tail -n 5)"
    start_scorer -X lfrec.delivery=exactly-once -X "lfrec.snapshot.path=$work/$t.state" -X lfrec.snapshot.interval.ms=200 -X lfrec.http.listen=0
    within 10 says "$log" 'model 2 taken over' || fail "after the start: $(tail -n 9 "$log")"
    ratings 30 14 16 | send
    within 10 eval '[ "$(users_rated 16)" = 30 ] && [ "$(newest_versions)" = "2 " ]' || fail "lists: $(newest_versions) $(newest | head -n 3)"
    within 5 eval '[ "$(metric "$log" lfrec_snapshot_seconds_count)" -gt 0 ] && [ "$(metric "$log" "lfrec_transactions_total{end=\"committed\"}")" -gt 0 ] &&
        [ "$(metric "$log" lfrec_acting_trainer)$(metric "$log" lfrec_model_parts)" = 01 ] &&
        metric "$log" lfrec_model_age_seconds | grep -q "^[0-9]" &&
        [ "$(metric "$log" "lfrec_instance_info{role=\"scorer\",delivery=\"exactly-once\"}")" = 1 ]' ||
        fail "figures: $(metrics_of "$log" | grep -v '#' | tail -n 12)"
    ! command -v promtool > "$work/$t.which" || metrics_of "$log" | promtool check metrics > "$work/$t.promtool" 2>&1 ||
        fail "promtool: $(cat "$work/$t.promtool")"
    stop "$pid" 0
    log=$trainer_log
    stop "$trainer" 0
}
