#!/usr/bin/env bash
# Dense A X = I by this library and by NumPy, JAX and lineax, in turns, so that all see the same machine. Writes the JSON lines to
# standard error and a table of the medians to standard output.
#
# usage: run.sh PATH-TO-SEED [ROUNDS]      (by `make bench-seed`; PYTHON names the interpreter that has the libraries)
set -euo pipefail
seed=$1
rounds=${2:-3}
python=${PYTHON:-python3}
here=$(cd "$(dirname "$0")" && pwd)
# Variables that force a slower OpenBLAS kernel are dropped for all.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

if ! "$python" -c 'import numpy, jax, lineax' 2>/dev/null; then
  echo "for the whole comparison: python3 -m pip install numpy jax lineax (or set PYTHON)" >&2
fi
for ((round = 1; round <= rounds; round++)); do
  for threads in 1 2; do
    OPENBLAS_NUM_THREADS=$threads "$seed" "$threads"
    "$python" "$here/peers.py" "$threads"
  done
done | tee /dev/stderr | "$python" "$here/table.py"
