# case_service.sh - what a service manager is told (systemd, Type=notify), by the socket it names.

test_a_service_manager_is_told()
{
    local socket=$work/$t.socket heard=$work/$t.heard
    topics 1
    /usr/bin/python3 -c '
import socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
manager.settimeout(30)
while True:
    print(manager.recv(4096).decode().replace("\n", " "), flush=True)
' "$socket" >> "$heard" 2> "$work/$t.manager" &
    echo $! >> "$work/pids"
    within 5 [ -S "$socket" ] || fail "no socket: $(tail -n 3 "$work/$t.manager")"
    export NOTIFY_SOCKET=$socket WATCHDOG_USEC=1000000
    start_ready
    within 5 says "$heard" '^STATUS=serving$' || fail "heard: $(cat "$heard")"
    [ "$(head -n 1 "$heard")" = READY=1 ] || fail "first: $(head -n 1 "$heard")"
    within 5 eval '[ "$(grep -c "^WATCHDOG=1$" "$heard")" -ge 3 ]' || fail "signs of life: $(cat "$heard")"
    : > "$heard"
    kill -HUP "$pid"
    within 5 eval '[ "$(grep -v WATCHDOG "$heard" | cut -d " " -f 1 | tr "\n" " ")" = "RELOADING=1 READY=1 " ]' || fail "heard: $(cat "$heard")"
    stop "$pid" 0
    [ "$(tail -n 1 "$heard")" = 'STOPPING=1 STATUS=stopping' ] || fail "last: $(tail -n 1 "$heard")"
    # A broker that is away is no failed start.
    : > "$heard"
    local there=$bootstrap
    bootstrap=127.0.0.1:1
    start
    bootstrap=$there
    within 5 says "$heard" '^STATUS=waiting for a broker' || fail "heard: $(cat "$heard")"
    says "$heard" '^READY=1$' || fail "not ready without a broker"
    stop "$pid" 0
}
