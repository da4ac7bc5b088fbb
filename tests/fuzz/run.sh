#!/usr/bin/env bash
# Run each fuzz target for FUZZ_SECONDS, from its corpus in tests/fuzz/corpus; new inputs go to corpus/ in the build folder,
# those that make it fail to artifacts/.
set -euo pipefail
cd "$(dirname "$0")/../.."
for fuzzer in "$@"; do
    name=$(basename "$fuzzer")
    corpus=${BUILD:-build}/corpus/$name
    seeds=()
    [ -d "tests/fuzz/corpus/$name" ] && seeds=("tests/fuzz/corpus/$name")
    mkdir -p "$corpus" "${BUILD:-build}/artifacts"
    "$fuzzer" -max_total_time="${FUZZ_SECONDS:-10}" -max_len=8192 -print_final_stats=0 -verbosity=0 -timeout=10 \
        -artifact_prefix="${BUILD:-build}/artifacts/$name-" "$corpus" "${seeds[@]}"
    echo "fuzz: $name: clean for ${FUZZ_SECONDS:-10} s"
done
