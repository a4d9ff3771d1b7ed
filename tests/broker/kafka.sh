# kafka.sh - one Apache Kafka node for tests, as shell functions (source it).
#
#   kafka_prepare DIR           once: jars by Maven, a formatted empty data folder, a class archive (starts then take 2 s)
#   kafka_start DIR WORK [PORT] start a node with its files in WORK; sets kafka_bootstrap and kafka_pid. The same WORK and PORT
#                               again: the same cluster comes back at the same address.
#   kafka_stop PID [KILL]       TERM (or KILL: a crash) and wait until the process is gone
#
# Needs: java (17 or later), mvn for kafka_prepare.

kafka_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

kafka_java() # DIR ARGUMENTS...: the JVM with settings that suit a short life in little memory
{
    local dir=$1
    shift
    exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "-Dlog4j2.configurationFile=$kafka_here/log4j2.properties" \
        -cp "$dir/libs/*" "$@"
}

kafka_properties() # WORK PORT
{
    sed -e "s|@DIR@|$1|g" -e "s|@PORT@|$2|g" "$kafka_here/server.properties.in" > "$1/server.properties"
}

kafka_prepare()
{
    local dir work
    mkdir -p "$1" || return 1
    dir=$(cd "$1" && pwd)
    if [ ! -d "$dir/libs" ]; then
        rm -rf "$dir/libs.part"
        timeout 300 mvn -B -q -f "$kafka_here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
            "-DoutputDirectory=$dir/libs.part" || return 1
        mv "$dir/libs.part" "$dir/libs"
    fi
    if [ ! -e "$dir/fresh/meta.properties" ]; then
        work=$(mktemp -d "$dir/format.XXXXXX")
        kafka_properties "$work" 0
        # Any 22 letters of base64 are a cluster id.
        (kafka_java "$dir" kafka.tools.StorageTool format --standalone -t lfrectestslfrectestsAA -c "$work/server.properties") \
            > "$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; return 1; }
        rm -rf "$dir/fresh"
        mv "$work/data" "$dir/fresh"
        rm -rf "$work"
    fi
    if [ ! -e "$dir/classes.jsa" ]; then # without it everything works, only slower
        work=$(mktemp -d "$dir/archive.XXXXXX")
        if KAFKA_JVM="-XX:ArchiveClassesAtExit=$dir/classes.jsa" kafka_start "$dir" "$work"; then
            kafka_stop "$kafka_pid"
        fi
        rm -rf "$work"
    fi
}

kafka_start()
{
    local dir work port=${3:-0} archive=() turn
    dir=$(cd "$1" && pwd)
    mkdir -p "$2"
    work=$(cd "$2" && pwd)
    kafka_properties "$work" "$port"
    [ -d "$work/data" ] || cp -r "$dir/fresh" "$work/data"
    [ ! -e "$dir/classes.jsa" ] || archive=("-XX:SharedArchiveFile=$dir/classes.jsa")
    : > "$work/broker.log"
    # shellcheck disable=SC2086
    (kafka_java "$dir" "${archive[@]}" ${KAFKA_JVM:-} kafka.Kafka "$work/server.properties") >> "$work/broker.log" 2>&1 < /dev/null &
    kafka_pid=$!
    for ((turn = 0; turn < 900; turn++)); do
        if grep -q 'Kafka Server started' "$work/broker.log"; then
            [ "$port" != 0 ] || port=$(sed -n 's/.* PLAINTEXT: resolved ephemeral port to \([0-9]*\).*/\1/p' "$work/broker.log" | tail -n 1)
            kafka_bootstrap=127.0.0.1:$port
            return 0
        fi
        kill -0 "$kafka_pid" 2> /dev/null || break
        sleep 0.05
    done
    echo "kafka.sh: the broker did not start:" >&2
    tail -n 20 "$work/broker.log" >&2
    kill -KILL "$kafka_pid" 2> /dev/null
    wait "$kafka_pid" 2> /dev/null
    return 1
}

kafka_stop()
{
    local turn
    kill "-${2:-TERM}" "$1" 2> /dev/null
    for ((turn = 0; turn < 300; turn++)); do
        kill -0 "$1" 2> /dev/null || break
        sleep 0.05
    done
    kill -KILL "$1" 2> /dev/null
    wait "$1" 2> /dev/null
    return 0
}
