#!/usr/bin/env bash
# Installs the libraries that this package is compared with, on Debian 12 (as root or with sudo): packages by apt, a Python environment,
# and the C and C++ programs of programs/. Run again to repair or update. About 5 minutes.
#
# usage: setup.sh [FOLDER]          (by `make peers`; default ~/.peers, or $PEERS_HOME)
#   HPDDM=FOLDER   a clone of https://github.com/hpddm/hpddm; without it, a clone is tried, and HPDDM left out where that fails
#   PYTHON=python3.12   3.11 or newer
set -u
here=$(cd "$(dirname "$0")" && pwd)
home=${1:-${PEERS_HOME:-$HOME/.peers}}
mkdir -p "$home"
home=$(cd "$home" && pwd)
export DEBIAN_FRONTEND=noninteractive
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
failed=()
step() {
  echo "== $1"
  shift
  "$@" || failed+=("$1 ${2:-} ${3:-}")
}

install() { "${as_root[@]}" apt-get install -y --no-install-recommends "$@" >/dev/null; }
"${as_root[@]}" apt-get update >/dev/null || true
step "tools" install build-essential gfortran make pkg-config swig ninja-build cmake git python3-venv python3-dev mpi-default-dev openmpi-bin
step "BLAS and direct solvers" install libopenblas-dev libsuitesparse-dev libsuperlu-dev libmumps-seq-dev
step "Eigen and librsb" install libeigen3-dev librsb-dev
step "PETSc" install libpetsc-real-dev python3-petsc4py python3-numpy python3-scipy
step "Trilinos" install libtrilinos-belos-dev libtrilinos-tpetra-dev libtrilinos-ifpack2-dev libtrilinos-kokkos-dev \
  libtrilinos-kokkos-kernels-dev libtrilinos-teuchos-dev libtrilinos-xpetra-dev libtrilinos-rtop-dev libtrilinos-thyra-dev \
  libtrilinos-galeri-dev libtrilinos-amesos2-dev libtrilinos-zoltan2-dev libtrilinos-shylu-dev libtrilinos-epetra-dev \
  libtrilinos-epetraext-dev libtrilinos-ifpack-dev libtrilinos-aztecoo-dev

[ -x "$home/bin/python" ] || step "Python environment" "${PYTHON:-python3}" -m venv "$home"
pip() { "$home/bin/pip" -q --disable-pip-version-check "$@"; }
step "Python packages" pip install -r "$here/requirements.txt"
# scikit-umfpack 0.4.2 reads a field that meson 1.4 and newer no longer write.
umfpack() {
  "$home/bin/python" -c "import scikits.umfpack" 2>/dev/null && return 0
  pip install setuptools wheel "meson==1.3.2" "meson-python<0.18" pyproject-metadata ninja &&
    PATH=$home/bin:$PATH pip install --no-build-isolation "scikit-umfpack==0.4.2"
}
step "scikit-umfpack" umfpack

hpddm=${HPDDM:-}
if [ -z "$hpddm" ]; then
  [ -d "$home/hpddm/include" ] || git clone -q --depth 1 https://github.com/hpddm/hpddm "$home/hpddm" 2>/dev/null ||
    echo "HPDDM is left out: it could not be cloned; HPDDM=FOLDER names a clone" >&2
  [ -d "$home/hpddm/include" ] && hpddm=$home/hpddm
fi
step "programs" make -s -k -C "$here/programs" OUT="$home/bin-peers" VENV="$home" HPDDM="$hpddm"
if [ ${#failed[@]} = 0 ]; then
  echo "all peers are in $home"
else
  printf 'failed: %s\n' "${failed[@]}"
  exit 1
fi
