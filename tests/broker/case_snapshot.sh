# case_snapshot.sh - state that survives: snapshots, crashes while they are written, and snapshots that do not fit.

quick_snapshots() { echo -X "lfrec.snapshot.path=$work/$t.snap" -X lfrec.snapshot.interval.ms=50; }

# The ratings that a snapshot has, sorted; and those of the topic, by a second program that reads it from the beginning and knows no snapshot.
ratings_in() { "$lfrec" --dump-snapshot "$1" 2> /dev/null | sort; }
ratings_by_rebuild()
{
    local kept=$log kept_out=$out
    start -G "$t-rebuild" -X "lfrec.snapshot.path=$work/$t.rebuilt" -X "lfrec.output.topic=$t-again" -X "lfrec.dead.letter.topic="
    within 20 says "$log" 'caught up' || fail "the rebuild did not catch up: $(tail -n 3 "$log")"
    stop "$pid" 0
    log=$kept out=$kept_out
    ratings_in "$work/$t.rebuilt"
}

same_ratings_as_rebuild()
{
    ratings_by_rebuild > "$work/$t.expected"
    ratings_in "$work/$t.snap" > "$work/$t.found"
    cmp -s "$work/$t.expected" "$work/$t.found" ||
        fail "the state is not that of the topic: $(diff "$work/$t.expected" "$work/$t.found" | head -n 5)"
    [ -s "$work/$t.found" ] || fail "nothing in the snapshot"
}

test_snapshot_at_exit_is_started_from()
{
    topics 2
    # shellcheck disable=SC2046
    start_ready -X "lfrec.snapshot.path=$work/$t.snap"
    fill 20 2
    { ratings 30 0 10; printf 'u1|u1,i3,\nu2|bad\n'; printf 'u4|u4,"i,\"\"q",2\n'; } | send
    within 10 all_committed 2 || fail "not committed"
    kill -USR1 "$pid"
    within 10 says "$log" 'model 1 after' || fail "no training"
    within 10 eval '[ "$(newest | grep -c "\"model\":1,")" -ge 30 ]' || fail "not published again"
    stop "$pid" 0
    local before
    before=$(lists | wc -l)
    ratings 5 10 11 | send
    start_ready -X "lfrec.snapshot.path=$work/$t.snap" -X lfrec.http.listen=0
    within 5 eval 'metric "$log" lfrec_model_age_seconds | grep -q "^[0-9]"' || fail "age: $(metrics_of "$log" | grep age)"
    says "$log" 'reading on after the snapshot, [0-9]* offsets from [1-9]' || fail "not from the snapshot: $(cat "$log")"
    says "$log" 'caught up: 32 users, 21 items, 345 ratings' || fail "state: $(cat "$log")"
    within 10 eval '[ "$(users_rated 11)" = 3 ] && [ "$(users_rated 12)" = 1 ]' || fail "lists: $(newest | head -n 3)"
    within 10 all_committed 2 || fail "not committed"
    [ "$(lists | wc -l)" = $((before + 5)) ] || fail "$(($(lists | wc -l) - before)) lists published after the start instead of 5"
    list_of u0 | grep -q '"model":1,' || fail "the model did not come back: $(list_of u0)"
    [ "$(dead | wc -l)" = 1 ] || fail "dead letters: $(dead)"
    stop "$pid" 0
    same_ratings_as_rebuild
}

test_kill_at_any_moment_loses_and_doubles_nothing()
{
    local sender round kills=${CHAOS_KILLS:-6}
    # A static member comes back without waiting for its former self's session to end.
    killable="$(quick_snapshots) -X consumer.group.instance.id=$t -X lfrec.retrain.events=500"
    topics 2
    # shellcheck disable=SC2086
    start $killable
    fill 90 2
    { ratings $((kills * 10)) 0 60; printf 'u1|\n'; ratings $((kills * 10)) 60 80; printf 'u2|bad\nu3|u3,i5,\n'; ratings $((kills * 10)) 0 20 | sed 's/\(rating":\)./\13/'; } |
        awk '{ print } NR % 150 == 0 { fflush(); system("sleep 0.1") }' | feed &
    sender=$!
    for ((round = 1; round <= kills; round++)); do
        within 10 says "$log" 'partition 1 assigned' || fail "round $round: not assigned: $(tail -n 3 "$log")"
        sleep 0.$((RANDOM % 9))5
        kill -KILL "$pid"
        wait "$pid" 2> /dev/null
        # shellcheck disable=SC2086
        start $killable
    done
    wait $sender
    within 30 all_committed 2 || fail "committed $(committed 2), ends $(ends 2): $(tail -n 3 "$log")"
    grep -l 'snapshot not used' "$work/$t".*.log && fail "a crash spoiled a snapshot"
    [ "$(grep -l 'reading on after the snapshot' "$work/$t".*.log | wc -l)" -ge 3 ] || fail "hardly a start was from a snapshot"
    stop "$pid" 0
    same_ratings_as_rebuild
    [ "$(dead | wc -l)" -ge 1 ] || fail "the dead letter is missing"
    # Every user's newest list rests on all of the user's ratings.
    awk -F , '{ n[$1]++ } END { for (u in n) if (u ~ /^u/) print u, n[u] }' "$work/$t.found" | sort > "$work/$t.counts"
    newest | grep -v "^[^\t]*\t-1" | sed -n 's/^\(u[^\t]*\)\t.*"rated":\([0-9]*\),.*/\1 \2/p' | sort > "$work/$t.listed"
    cmp -s "$work/$t.counts" "$work/$t.listed" || fail "lists and state differ: $(diff "$work/$t.counts" "$work/$t.listed" | head -n 5)"
}

test_topic_made_again_is_noticed()
{
    topics 1
    start_ready -X "lfrec.snapshot.path=$work/$t.snap"
    ratings 10 0 10 | send
    within 10 all_committed || fail "not committed"
    stop "$pid" 0
    # Shorter than the snapshot's offset.
    "$tool" "$bootstrap" delete "$t-in" || fail "cannot delete"
    within 10 topics_again 1 || fail "cannot make it again"
    ratings 3 0 5 | send
    start_ready -X "lfrec.snapshot.path=$work/$t.snap"
    says "$log" 'ends before the snapshot' || fail "log: $(cat "$log")"
    says "$log" 'caught up: 3 users, 1*[05] items, 15 ratings' || fail "state: $(cat "$log")"
    within 10 all_committed || fail "not committed"
    stop "$pid" 0
    # Longer.
    "$tool" "$bootstrap" delete "$t-in" || fail "cannot delete"
    within 10 topics_again 1 || fail "cannot make it again"
    ratings 4 0 15 | send
    start_ready -X "lfrec.snapshot.path=$work/$t.snap"
    says "$log" 'another event is where its last one was' || fail "log: $(cat "$log")"
    within 10 says "$log" 'caught up: 4 users, [0-9]* items, 60 ratings' || fail "state: $(cat "$log")"
    within 10 eval '[ "$(users_rated 15)" = 4 ]' || fail "lists: $(newest)"
    stop "$pid" 0
    same_ratings_as_rebuild
}
topics_again() { "$tool" "$bootstrap" create "$t-in" "$1" 2> /dev/null; }

test_log_that_begins_after_the_snapshot_is_noticed()
{
    topics 1
    start_ready -X "lfrec.snapshot.path=$work/$t.snap"
    ratings 10 0 10 | send
    within 10 all_committed || fail "not committed"
    stop "$pid" 0
    ratings 5 10 20 | send
    "$tool" "$bootstrap" truncate "$t-in" 0 120 || fail "cannot delete records"
    start_ready -X "lfrec.snapshot.path=$work/$t.snap"
    says "$log" 'begins after the snapshot' || fail "log: $(cat "$log")"
    says "$log" 'caught up: 5 users, [0-9]* items, 30 ratings' || fail "state: $(cat "$log")"
    stop "$pid" 0
    same_ratings_as_rebuild
}

test_spoiled_snapshot_is_refused_and_kept()
{
    topics 1
    ratings 10 0 10 | send
    echo 'no snapshot' > "$work/$t.snap"
    start_ready -X "lfrec.snapshot.path=$work/$t.snap"
    says "$log" 'snapshot not used.*it is no snapshot' || fail "log: $(cat "$log")"
    [ "$(cat "$work/$t.snap.bad")" = 'no snapshot' ] || fail "not kept"
    stop "$pid" 0
    head -c 1000 "$work/$t.snap" > "$work/$t.short" && mv "$work/$t.short" "$work/$t.snap"
    start_ready -X "lfrec.snapshot.path=$work/$t.snap"
    says "$log" 'it is not as long as it says' || fail "log: $(cat "$log")"
    says "$log" 'caught up: 10 users, 10 items, 100 ratings' || fail "state: $(cat "$log")"
    stop "$pid" 0
    "$lfrec" --dump-snapshot "$work/$t.snap.bad" 2> "$work/$t.err" && fail "dumped a spoiled one"
    says "$work/$t.err" 'not as long' || fail "$(cat "$work/$t.err")"
}

# A disk without room, played by /dev/full.
test_full_disk_is_said_and_outlived()
{
    topics 1
    ln -s /dev/full "$work/$t.snap.tmp"
    # shellcheck disable=SC2046
    start_ready $(quick_snapshots)
    ratings 10 0 10 | send
    within 10 says "$log" 'no snapshot: .*No space left on device.*trying again' || fail "log: $(cat "$log")"
    ratings 10 10 20 | send # the failed attempt has taken the link away: there is room again
    within 10 all_committed || fail "the stream did not go on"
    within 10 says "$log" 'snapshots are written again' || fail "log: $(cat "$log")"
    [ "$(grep -c 'no snapshot: ' "$log")" = 1 ] || fail "said more than once: $(grep 'no snapshot' "$log")"
    stop "$pid" 0
    same_ratings_as_rebuild
}

test_slow_disk_holds_nobody_up()
{
    ${CC:-gcc} -shared -fPIC -D_GNU_SOURCE tests/broker/slow_disk.c -o "$work/slow_disk.so" || fail "slow_disk.c"
    topics 1
    # shellcheck disable=SC2046
    LD_PRELOAD=$work/slow_disk.so DISK_WAITS_FOR=$work/$t.go start_ready $(quick_snapshots)
    fill 30
    within 5 [ -e "$work/$t.snap.tmp" ] || fail "no snapshot begins: $(tail -n 3 "$log")"
    ratings 10 0 20 | send
    within 2 all_committed || fail "the stream waits for the disk: $(tail -n 3 "$log")"
    [ ! -e "$work/$t.snap" ] || fail "nothing was slow"
    [ "$(users_rated 20)" = 10 ] || fail "lists: $(newest | head -n 3)"
    within 3 says "$log" 'warning.*snapshot.*is being written for 2 s' || fail "not said: $(cat "$log")"
    touch "$work/$t.go"
    within 5 [ -e "$work/$t.snap" ] || fail "never written"
    stop "$pid" 0
    same_ratings_as_rebuild
}

test_snapshot_belongs_to_one_process()
{
    topics 1
    start_ready -X "lfrec.snapshot.path=$work/$t.snap"
    local first=$pid
    start -X "lfrec.snapshot.path=$work/$t.snap"
    wait "$pid"
    [ $? = 2 ] || fail "exit code"
    says "$log" 'another process has this snapshot' || fail "log: $(cat "$log")"
    start -X "lfrec.snapshot.path=/nowhere/file"
    wait "$pid"
    [ $? = 2 ] || fail "exit code"
    says "$log" '/nowhere/file.lock' || fail "log: $(cat "$log")"
    stop "$first" 0
}

# While catching up each event holds its offset back until its user has a list. Who made way for others gets none.
test_users_who_made_way_hold_no_offset_back()
{
    topics 1
    ratings 30 0 8 | send
    start -X lfrec.max.users=10 -X lfrec.publish.rate=1 -X lfrec.retrain.events=0 -X lfrec.retrain.seconds=0
    within 10 says "$log" 'caught up' || fail "not caught up: $(tail -n 3 "$log")"
    within 5 eval '[ "$(committed | tr - 0)" -ge 230 ]' || fail "committed $(committed), of users who are gone"
    [ "$(committed)" -lt 240 ] || fail "nobody waits: nothing was tried"
    stop "$pid" 0 10
}

test_ceilings_on_users_and_items()
{
    topics 1
    start_ready -X lfrec.max.users=10 -X lfrec.max.items=8 -X "lfrec.snapshot.path=$work/$t.snap" -X lfrec.http.listen=0
    ratings 30 0 8 | send
    printf 'u1|u1,one-too-many,3\n' | send
    within 10 all_committed || fail "not committed"
    within 5 eval 'dead | grep -q "one-too-many.*lfrec.max.items"' || fail "dead letters: $(dead)"
    within 5 eval '[ "$(metric "$log" lfrec_users_evicted_total)" -ge 20 ] && [ "$(metric "$log" "lfrec_bad_events_total{reason=\"refused\"}")" = 1 ]' ||
        fail "figures: $(metrics_of "$log" | grep -e evicted -e refused)"
    stop "$pid" 0
    says "$log" ' 10 users, 8 items' || fail "log: $(tail -n 4 "$log")"
    says "$log" 'those idle for the longest leave' || fail "not said: $(cat "$log")"
    ratings_in "$work/$t.snap" | cut -d , -f 1 | sort -u | tr '\n' ' ' | grep -q '^u20 u21 u22 u23 u24 u25 u26 u27 u28 u29 $' ||
        fail "not the latest ones stayed: $(ratings_in "$work/$t.snap" | head -n 3)"
}
