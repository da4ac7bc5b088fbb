#!/usr/bin/env bash
# Replace the corpus of each fuzz target by the fewest and smallest inputs that reach what it and the inputs found since,
# in the build folder, reach together.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "$0")/../.."
mkdir -p "${BUILD:-build}/artifacts"
for fuzzer in "$@"; do
    name=$(basename "$fuzzer")
    corpus=tests/fuzz/corpus/$name
    found=${BUILD:-build}/corpus/$name
    least=$(mktemp -d)
    mkdir -p "$corpus" "$found"
    before=$(find "$corpus" -type f | wc -l)
    "$fuzzer" -set_cover_merge=1 -max_len=8192 -timeout=10 -verbosity=0 -artifact_prefix="${BUILD:-build}/artifacts/$name-" \
        "$least" "$corpus" "$found"
    for file in "$corpus"/*; do # made by hand, and named
        content=$least/$(sha1sum <"$file" | cut -d' ' -f1)
        [ ! -f "$content" ] || [ "$(basename "$content")" = "$(basename "$file")" ] || mv "$content" "$least/$(basename "$file")"
    done
    rm -rf "$corpus"
    mv "$least" "$corpus"
    chmod 755 "$corpus"
    echo "fuzz: $name: $before inputs became $(find "$corpus" -type f | wc -l), $(du -sb "$corpus" | cut -f1) bytes"
done
