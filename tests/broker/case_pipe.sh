# case_pipe.sh - the operator between standard input and standard output.

pipe() { "$lfrec" --pipe -q -X lfrec.min.support=0 "$@" 2> "$work/$t.log"; }

test_pipe_gives_the_same_output_for_the_same_input()
{
    { ratings 1 0 40 | sed 's/u0/filler/g'; ratings 60 0 20; } | sed 's/^[^|]*|//' > "$work/events"
    local threads
    for threads in 2 1; do
        pipe -X lfrec.retrain.events=500 -X lfrec.retrain.threads=$threads < "$work/events" > "$work/one" || fail "exit code $?"
        pipe -X lfrec.retrain.events=500 -X lfrec.retrain.threads=$threads < "$work/events" > "$work/two" || fail "exit code $?"
        cmp -s "$work/one" "$work/two" || fail "two runs by $threads threads differ: $(diff "$work/one" "$work/two" | head -n 3)"
    done
    grep -q '"model":2,' "$work/one" || fail "no training: $(tail -n 1 "$work/one")"
    grep -q '"model":3,' "$work/one" || fail "no last training at the end of the input: $(tail -n 1 "$work/one")"
}

test_pipe_goes_on_after_bad_rows()
{
    printf 'u1,a,4\nnonsense\nu2,b,9\n{"user":"u3","item":"a","rating":2}\n' | pipe > "$work/$t.lists" || fail "exit code $?"
    [ "$(grep -c '^{"user":"u[13]"' "$work/$t.lists")" -ge 2 ] || fail "$(cat "$work/$t.lists")"
    says "$work/$t.log" '2 of 4 rows were no events' || fail "$(cat "$work/$t.log")"
}

test_pipe_shows_lists_while_input_is_open()
{
    mkfifo "$work/$t.fifo"
    "$lfrec" --pipe -q -X lfrec.retrain.events=0 < "$work/$t.fifo" > "$work/$t.lists" 2> "$work/$t.log" &
    pid=$!
    echo $pid >> "$work/pids"
    exec 5> "$work/$t.fifo"
    printf 'u1,a,4\n' >&5
    within 5 grep -q u1 "$work/$t.lists" || fail "no list while the input is open"
    log=$work/$t.log
    stop "$pid" 0 2
    exec 5>&-
}

test_pipe_ends_when_its_reader_does()
{
    { ratings 1 0 80 | sed 's/u0/filler/g'; ratings 500 0 40; } | sed 's/^[^|]*|//' | {
        "$lfrec" --pipe -q -X lfrec.min.support=0 -X lfrec.retrain.events=0 -X lfrec.retrain.seconds=0 2> "$work/$t.log"
        echo $? > "$work/$t.code"
    } | head -n 1 > /dev/null
    [ "$(cat "$work/$t.code")" = 1 ] || fail "exit code $(cat "$work/$t.code")"
    says "$work/$t.log" 'closed by its reader' || fail "$(cat "$work/$t.log")"
}
