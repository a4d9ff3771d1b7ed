#!/usr/bin/env bash
# tests/browser/run.sh : builds the example page and tries it in headless Chromium by Playwright. SCREENSHOT=FILE leaves a picture.
#
# playwright-core comes by npm into build/browser, once; it drives the system's Chromium and brings none of its own.
set -uo pipefail
cd "$(dirname "$0")/../.."
here=tests/browser
work=build/browser
for tool in clang wasm-ld node npm chromium; do
    command -v $tool >/dev/null || { echo "skip the page: there is no $tool"; exit 0; }
done
examples/browser/build.sh || { echo "not ok building the page"; exit 1; }
gcc -std=c11 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -ffp-contract=off -DLFREC_NO_SIMD -o $work/expected \
    $here/expected.c examples/browser/recommender.c examples/browser/people.c examples/browser/map.c -lm ||
    { echo "not ok building the native program"; exit 1; }
if [ ! -d $work/node_modules/playwright-core ]; then
    [ "${INSTALL:-yes}" != no ] || { echo "skip the page: no playwright-core in $work, and INSTALL=no"; exit 0; }
    echo '{ "private": true }' >$work/package.json
    npm install --prefix $work --no-audit --no-fund --silent playwright-core@1.49.1 || { echo "not ok installing playwright-core"; exit 1; }
fi
timeout 120 node --test --test-reporter=tap $here/page.test.mjs
