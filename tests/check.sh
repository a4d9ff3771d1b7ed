# Sourced. check LINE : a line of words that is a function and its arguments; its name is the test's.
check() {
    local out name=${1%% *}
    name="${name//_/ }${1#"${1%% *}"}"
    # shellcheck disable=SC2086
    if out=$($1 2>&1); then
        echo "ok $name${out:+: $out}"
    else
        printf '%s\n' "$out" | head -n 40
        echo "not ok $name"
        return 1
    fi
}
