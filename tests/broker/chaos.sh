#!/usr/bin/env bash
# tests/broker/chaos.sh : about ten minutes of crashes on a real broker: instances killed at random, members that come and go, a flood, a broker that is
# away for a minute. Environment as for run.sh; CHAOS_KILLS (20) is how many random kills, or comings and goings, there are in each test.
# The short versions of the first four, and others, are among run.sh's tests.
set -euo pipefail
here=$(dirname "$0")
export CHAOS=yes CHAOS_KILLS=${CHAOS_KILLS:-20}
mapfile -t names < <(sed -n 's/^test_\([a-z_0-9]*\)().*/\1/p' "$here/case_chaos.sh")
exec "$here/run.sh" exactly_once_across_kills kill_at_any_moment_loses_and_doubles_nothing missing_rights_are_named_and_waited_for exactly_once_outlives_a_right_taken_away "${names[@]}"
