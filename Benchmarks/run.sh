#!/usr/bin/env bash
# Block CG against SciPy's cg looped over the columns: poisson2d:300, 8 right-hand sides, 1e-8, no preconditioner, one thread
# each, in turns, so that both see the same machine. Prints the ratio of each pair and the median ratio.
#
# usage: run.sh PATH-TO-KRYLOV [PAIRS]      (by `make bench`)
set -euo pipefail
krylov=$1
pairs=${2:-3}
here=$(cd "$(dirname "$0")" && pwd)
# Variables that force a slower OpenBLAS kernel are dropped for both.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

if ! python3 -c 'import scipy' 2>/dev/null; then
  echo "SciPy is needed for the comparison: python3 -m pip install scipy" >&2
  exit 1
fi
for ((pair = 1; pair <= pairs; pair++)); do
  ours=$("$krylov" solve poisson2d:300 --columns 8 --method cg --preconditioner none --threads 1 --repeat 2 --format json --quiet)
  theirs=$(python3 "$here/scipy_cg.py" 300 8 2)
  python3 - "$ours" "$theirs" <<'PY'
import json, sys
ours, theirs = (json.loads(text) for text in sys.argv[1:])
residual = max(column["true_relative_residual"] for column in ours["columns"])
print(f'krylov {ours["solve_seconds_median"]:.3f} s ({ours["iterations"]} block iterations, residual {residual:.1e}), '
      f'scipy {theirs["solve_seconds_median"]:.3f} s ({sum(theirs["iterations"])} iterations, residual {theirs["true_relative_residual"]:.1e}), '
      f'ratio {theirs["solve_seconds_median"] / ours["solve_seconds_median"]:.2f}')
PY
done
