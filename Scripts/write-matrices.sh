#!/usr/bin/env bash
# Writes the files of Matrices/ from the gallery: run by `make matrices` after a change of a definition.
set -euo pipefail
krylov=$1
cd "$(dirname "$0")/../Matrices"
write() { "$krylov" generate "$1" --output "${1//:/-}.mtx" "${@:2}"; }
write elasticity2d:16 --rhs-output elasticity2d-16-loads.mtx
for problem in poisson2d:30 poisson3d:10 varcoef2d:40 varcoef3d:9 anisotropic2d:24 convdiff2d:32 convdiff3d:10 indefinite2d:24 \
  neumann2d:24 helmholtz2d:24 bidiagonal:1000 strakos:48; do
  write "$problem"
done
