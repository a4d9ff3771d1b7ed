#!/usr/bin/env bash
# tests/broker/run.sh [NAME...] : the stream processor against librdkafka's mock cluster and one Apache Kafka node, all tests or the named ones.
#
# Prints "ok NAME" or "not ok NAME: why" for each, ends with "N passed, N failed", and fails when one failed.
# Needs gcc, librdkafka-dev, kcat, java (17 or later), and mvn once, for the broker's jars. What it starts is stopped by process id.
#   LFREC_KAFKA  the program to test; without it, build/lfrec-kafka is built by make
#   KAFKA_DIR    where the broker's jars are kept (build/kafka), about 95 MB
#   KEEP=yes     keeps the folder with logs and the broker's data, and says where it is
set -uo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C # bytes are bytes
here=tests/broker
. $here/kafka.sh
. $here/harness.sh
for file in $here/case_*.sh; do . "$file"; done

mapfile -t names < <(declare -F | sed -n 's/^declare -f test_//p')
[ $# = 0 ] || names=("$@")
for name in "${names[@]}"; do
    declare -F "test_$name" > /dev/null || { echo "run.sh: there is no test $name" >&2; exit 2; }
done

if [ -z "${LFREC_KAFKA:-}" ]; then
    ${MAKE:-make} --no-print-directory build/lfrec-kafka build/lfrec-interceptor.so > /dev/null || { echo "not ok build: build/lfrec-kafka or the interceptor was not built"; exit 1; }
fi
lfrec=$(realpath "${LFREC_KAFKA:-build/lfrec-kafka}")
kafka_dir=${KAFKA_DIR:-build/kafka}
work=$(mktemp -d)
tool=$work/tool
passed=0 failed=0 first_pid='' second_pid=''
clean_up() {
    [ -z "$first_pid" ] || kafka_stop "$first_pid"
    if [ -n "$second_pid" ]; then
        kill -CONT "$second_pid"
        kafka_stop "$second_pid"
    fi
    if [ "${KEEP:-no}" = yes ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

${CC:-gcc} -std=c11 -D_POSIX_C_SOURCE=200809L -O1 $here/tool.c -o "$tool" -lrdkafka || { echo "not ok build: tool.c"; exit 1; }
kafka_prepare "$kafka_dir" || { echo "not ok broker: the jars could not be had"; exit 1; }
kafka_start "$kafka_dir" "$work/first" || { echo "not ok broker: it did not start"; exit 1; }
bootstrap=$kafka_bootstrap first_pid=$kafka_pid
# For the outputs where a test wants them to stay unacknowledged while the input goes on: this one is stopped and continued by signals.
kafka_start "$kafka_dir" "$work/second" || { echo "not ok broker: the second did not start"; exit 1; }
second_bootstrap=$kafka_bootstrap second_pid=$kafka_pid

# This one only waits, so it waits beside the others.
case " ${names[*]} " in *' no_broker_at_all '*) begin_no_broker_at_all ;; esac
for name in "${names[@]}"; do run_test "$name"; done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
