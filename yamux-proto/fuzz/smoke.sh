#!/usr/bin/env bash
# Builds every fuzz target with coverage on the stable compiler and runs each for a few seconds, from its seeds.
# Longer runs: SECONDS_EACH=600 bash yamux-proto/fuzz/smoke.sh
set -euo pipefail
cd "$(dirname "$0")"
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="--cfg fuzzing -Cdebug-assertions -Ccodegen-units=1 -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
cargo build --release --target "$host" --target-dir target
for target in decoder session pair; do
    corpus=$(mktemp -d)
    "target/$host/release/$target" "$corpus" "seeds/$target" \
        -max_total_time="${SECONDS_EACH:-15}" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 2>&1 |
        tail -n 12
    rm -rf "$corpus"
done
