#!/usr/bin/env bash
# Installs the system libraries that BlockKrylov links, where they are missing: SuiteSparse, OpenBLAS and zlib with their headers.
# Debian and Ubuntu by apt-get, macOS by Homebrew; elsewhere it names what is needed. Runs in a moment when nothing is missing.
set -euo pipefail

if ! command -v swift >/dev/null 2>&1; then
  echo "Swift is not installed: get 6.2 or newer from https://www.swift.org/install" >&2
  exit 1
fi

case "$(uname -s)" in
Linux)
  missing=()
  for package in libsuitesparse-dev libopenblas-dev zlib1g-dev; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && exit 0
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "Install the development packages of SuiteSparse, OpenBLAS and zlib (on Debian: ${missing[*]})" >&2
    exit 1
  fi
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  echo "Installing ${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  # A fresh machine has no package lists; an old list may name packages that are gone.
  "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 || {
    "${as_root[@]}" apt-get update >/dev/null
    "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null
  }
  ;;
Darwin)
  for package in suite-sparse openblas; do
    brew list "$package" >/dev/null 2>&1 || brew install "$package"
  done
  ;;
*)
  echo "Install the development packages of SuiteSparse, OpenBLAS and zlib" >&2
  exit 1
  ;;
esac
