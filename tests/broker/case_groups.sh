# case_groups.sh - several members: partitions come, go and come back.

# How many users a member last said it has ("caught up: N users", "N users stay").
users_in() { sed -n 's/^.* \([0-9]*\) users\(,\| stay\).* ratings.*$/\1/p; s/^.* \([0-9]*\) users stay$/\1/p' "$1" | tail -n 1; }
times() { grep -c -- "$2" "$1"; } # LOG TEXT
quick='-X session.timeout.ms=6000 -X heartbeat.interval.ms=200'

two_members_share() # ARGUMENTS...
{
    topics 4
    # shellcheck disable=SC2086
    start_ready $quick "$@"
    local first=$pid first_log=$log second second_log
    fill 20 4
    ratings 30 0 10 | send
    within 10 all_committed 4 || fail "not committed"
    # shellcheck disable=SC2086
    start $quick "$@"
    second=$pid second_log=$log
    within 15 says "$second_log" 'caught up' || fail "the second member did not get its part"
    within 15 eval '[ "$(( $(users_in "$first_log") + $(users_in "$second_log") ))" = 34 ]' ||
        fail "users: $(users_in "$first_log") and $(users_in "$second_log"), and 34 in the topic"
    [ "$(users_in "$second_log")" -gt 0 ] || fail "the second member has no users"
    ratings 30 10 12 | send
    within 15 eval '[ "$(users_rated 12)" = 30 ]' || fail "lists of two members: $(newest | head -n 3)"
    within 10 all_committed 4 || fail "not committed"
    log=$second_log
    stop "$second" 0
    within 15 eval '[ "$(users_in "$first_log")" = 34 ]' || fail "the first member has $(users_in "$first_log") users again"
    ratings 30 12 14 | send
    within 15 eval '[ "$(users_rated 14)" = 30 ]' || fail "lists of one member: $(newest | head -n 3)"
    within 10 all_committed 4 || fail "not committed"
    log=$first_log
    stop "$first" 0
}

test_two_members_join_and_leave() { two_members_share; }

test_two_members_cooperative() { two_members_share -X partition.assignment.strategy=cooperative-sticky; }

test_crashed_member_is_replaced()
{
    topics 4
    start_ready -X session.timeout.ms=1500 -X heartbeat.interval.ms=200
    local first=$pid first_log=$log
    fill 20 4
    start -X session.timeout.ms=1500 -X heartbeat.interval.ms=200
    within 15 says "$log" 'caught up' || fail "the second member did not get its part"
    ratings 30 0 10 | send
    kill -KILL "$pid"
    within 15 eval '[ "$(users_in "$first_log")" = 34 ]' || fail "users: $(users_in "$first_log")"
    within 15 eval '[ "$(users_rated 10)" = 30 ]' || fail "lists: $(newest | head -n 3)"
    log=$first_log
    within 10 all_committed 4 || fail "not committed"
    stop "$first" 0
}

# Ranges go to members in the order of their ids, which begin with the client's: "a" takes the only partition from "z".
# A dead member's session holds the others up for half a minute: whoever waits may go meanwhile, and leaves nothing undone.
test_stopped_while_waiting_to_join()
{
    topics 1
    start_ready -X session.timeout.ms=30000
    kill -KILL "$pid"
    wait "$pid" 2> /dev/null
    start -X session.timeout.ms=30000
    sleep 1.5
    ! says "$log" assigned || fail "nothing to wait for: $(tail -n 3 "$log")"
    stop "$pid" 0
    says "$log" 'stopped while waiting to join' || fail "log: $(tail -n 3 "$log")"
}

test_partition_that_comes_back()
{
    topics 1
    # shellcheck disable=SC2086
    start_ready $quick -X client.id=z -X lfrec.publish.rate=0
    local first=$pid first_log=$log before
    fill 30
    ratings 10 0 10 | send
    within 10 eval '[ "$(users_rated 10)" = 10 ]' || fail "no lists"
    # shellcheck disable=SC2086
    start $quick -X client.id=a
    within 15 says "$log" 'caught up: 11 users' || fail "the second member did not take over: $(cat "$log")"
    says "$first_log" 'partition 0 revoked' || fail "the first member did not give the partition away"
    ratings 10 10 20 | send
    within 10 all_committed || fail "not committed"
    [ "$(users_rated 20)" = 10 ] || fail "lists of the second member: $(newest | head -n 3)"
    before=$(lists | wc -l)
    stop "$pid" 0
    within 15 says "$first_log" 'caught up: 11 users, 30 items, 230 ratings' || fail "after the return: $(tail -n 4 "$first_log")"
    printf 'u1|u1,i29,3\n' | send
    within 10 all_committed || fail "not committed"
    # Whatever was published since rests on all ratings.
    lists | tail -n +$((before + 1)) > "$work/$t.since"
    grep -v '^filler' "$work/$t.since" | grep -v '"rated":2[01],' > "$work/$t.old"
    [ ! -s "$work/$t.old" ] || fail "published from old memory: $(head -n 3 "$work/$t.old")"
    grep -q '^u1.*"rated":21,' "$work/$t.since" || fail "the new list is missing"
    log=$first_log
    stop "$first" 0
}

test_partitions_added_later()
{
    topics 2
    start_ready -X topic.metadata.refresh.interval.ms=500
    fill 20 2
    ratings 10 0 5 | send
    within 10 all_committed 2 || fail "not committed"
    "$tool" "$bootstrap" grow "$t-in" 4 || fail "cannot add partitions"
    # At once, and to where no key would go: to each partition.
    local part
    for part in 0 1 2 3; do
        printf 'u%d|u%d,i1%d,4\nnew%d|new%d,i1,3\n' $part $part $part $part $part | send -p $part -X topic.metadata.refresh.interval.ms=100
    done
    within 20 all_committed 4 || fail "committed $(committed 4), ends $(ends 4): $(tail -n 3 "$log")"
    [ "$(users_rated 6)" = 4 ] || fail "users with ratings in two partitions: $(newest | head -n 5)"
    [ "$(times "$log" 'has 4 partitions now, 2 before')" = 1 ] || fail "no warning, or more than one: $(cat "$log")"
    [ "$(newest | grep -c '^new')" = 4 ] || fail "users of the new partitions: $(newest)"
    stop "$pid" 0
}

# Three members with a snapshot each come, leave, crash and come back while ratings keep coming. At rest, every rating of the topic is in the
# memory of just one of them: the snapshots that they wrote last, put together, are what one reader of the whole topic has.
three_members() # ARGUMENTS...
{
    local feeder member
    topics 6
    # shellcheck disable=SC2086
    join() { start -X session.timeout.ms=1500 -X heartbeat.interval.ms=200 -X lfrec.snapshot.interval.ms=100 -X "lfrec.snapshot.path=$work/$t.$1.snap" "${@:2}"; }
    join a "$@"
    local a=$pid a_log=$log
    within 15 says "$log" 'caught up' || fail "the first member: $(tail -n 3 "$log")"
    fill 70 6
    { ratings 40 0 60; } | awk '{ print } NR % 40 == 0 { fflush(); system("sleep 0.1") }' | feed &
    feeder=$!
    join b "$@"
    local b=$pid b_log=$log
    within 15 says "$log" 'caught up' || fail "the second member: $(tail -n 3 "$log")"
    join c "$@"
    local c=$pid c_log=$log
    within 15 says "$log" 'caught up' || fail "the third member: $(tail -n 3 "$log")"
    kill -KILL "$b"
    wait "$b" 2> /dev/null
    log=$a_log
    stop "$a" 0
    within 15 eval '[ "$(users_in "$c_log")" -ge 40 ]' || fail "the third alone has $(users_in "$c_log") users"
    join a "$@"
    a=$pid a_log=$log
    join b "$@"
    b=$pid b_log=$log
    within 20 says "$a_log" 'caught up' || fail "the first again: $(tail -n 3 "$a_log")"
    within 20 says "$b_log" 'caught up' || fail "the second again: $(tail -n 3 "$b_log")"
    wait $feeder
    within 30 all_committed 6 || fail "committed $(committed 6), ends $(ends 6): $(tail -qn 2 "$a_log" "$b_log" "$c_log")"
    within 15 eval '[ "$(users_rated 60)" = 40 ]' || fail "lists: $(newest | head -n 3)"
    sleep 0.5 # five snapshots
    kill -KILL "$a" "$b" "$c"
    wait "$a" "$b" "$c" 2> /dev/null
    for member in a b c; do ratings_in "$work/$t.$member.snap"; done | sort > "$work/$t.union"
    for member in a b c; do [ "$(ratings_in "$work/$t.$member.snap" | wc -l)" -gt 0 ] || fail "member $member has nothing"; done
    ratings_by_rebuild > "$work/$t.expected"
    cmp -s "$work/$t.union" "$work/$t.expected" || fail "together they have not what is in the topic: $(diff "$work/$t.union" "$work/$t.expected" | head -n 5)"
}

test_three_members_cooperative() { three_members -X partition.assignment.strategy=cooperative-sticky; }

test_three_members_exactly_once()
{
    three_members -X lfrec.delivery=exactly-once -X lfrec.retrain.events=0 -X lfrec.retrain.seconds=0
    [ -z "$(doubled_lists)" ] || fail "shown twice: $(doubled_lists | head -n 5)"
    [ "$(lists | grep -c '^u')" = 2400 ] || fail "$(lists | grep -c '^u') lists of 2400 refreshes"
}
