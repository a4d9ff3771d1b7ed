# stack.awk - the most stack that a program can take from reset on, from gcc's -fcallgraph-info=su files: each function's own use, and the
# deepest chain of calls. A call by pointer counts as the deepest of the functions that are called so: kernels, and writing to flash.
# Interrupts come on top. Recursion is an error, but for that of lfrec__sqrtf, which calls itself once, for a subnormal number.
BEGIN { RS = "}\n" }
/node: [{]/ {
    name = quoted("title")
    if (match($0, /[0-9]+ bytes/)) own[name] = substr($0, RSTART, RLENGTH) + 0
}
/edge: [{]/ {
    from = quoted("sourcename")
    to = quoted("targetname")
    if (from != to) calls[from] = calls[from] " " to
}
function quoted(key,    text) {
    text = $0
    sub(".*" key ": \"", "", text)
    sub("\".*", "", text)
    return text
}
function deepest(name,    list, count, k, most, below) {
    if (name in depth) return depth[name]
    if (name in within) { print "stack: recursion of " name > "/dev/stderr"; exit 1 }
    within[name] = 1
    count = split(calls[name], list, " ")
    for (k = 1; k <= count; k++) {
        below = list[k] == "__indirect_call" ? indirect : deepest(list[k])
        if (below > most) most = below
    }
    delete within[name]
    return depth[name] = own[name] + most
}
END {
    for (name in own) if (name ~ /_plain$|^flash_write$/ && deepest(name) > indirect) indirect = deepest(name)
    printf "stack %d\n", deepest("reset")
}
