# Sourced. run_all FUNCTION ARGUMENT... : calls FUNCTION with each argument, as many at a time as there are processors. What a call prints
# stays in one piece. False when any call was.
run_all() {
    local function=$1 argument lock running=0 status=0
    shift
    lock=$(mktemp)
    run_one() {
        local out status
        out=$(mktemp)
        "$function" "$1" >"$out" 2>&1
        status=$?
        flock "$lock" cat "$out"
        rm -f "$out"
        return $status
    }
    for argument in "$@"; do
        if [ $running -ge "$(nproc)" ]; then
            wait -n || status=1
            running=$((running - 1))
        fi
        run_one "$argument" &
        running=$((running + 1))
    done
    while [ $running -gt 0 ]; do
        wait -n || status=1
        running=$((running - 1))
    done
    rm -f "$lock"
    return $status
}
