#!/usr/bin/env bash
# Run the benchmarks given as arguments. They print figures; only a failure to run is a failure.
set -euo pipefail
for bench in "$@"; do
    echo "== $(basename "$bench")"
    "$bench"
done
echo "== side_by_side"
"$(dirname "$0")/side_by_side.sh"
