#!/bin/sh
# Times the kernels with one and two threads and writes RESULTS.md beside this file, rivals included where PEERS_HOME (~/.peers) has them.
set -eu
cd "$(dirname "$0")"
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
output=$(mktemp)
trap 'rm -f "$output"' EXIT
${SWIFT:-swift} package --scratch-path ../../.build/kernels --allow-writing-to-package-directory benchmark --no-progress >"$output"
{
    echo "# Kernels"
    echo
    echo "Written by \`make bench-kernels\` on $(date +%Y-%m-%d), commit $(git rev-parse --short HEAD), $(sed -n 's/^model name.*: //p' /proc/cpuinfo 2>/dev/null | head -1), double precision."
    echo "“Of triad” is the bytes that the kernel has to move, per second, over those of STREAM's triad with as many threads (24 bytes an"
    echo "element, though processors move 32): operands that stay in a cache in part exceed 1. Ratio: the rival's least time over ours."
    echo
    python3 table.py ${PEERS_HOME:-} <"$output"
} >RESULTS.new
mv RESULTS.new RESULTS.md
cat RESULTS.md
