# Everything a newcomer needs: `make solve` and `make test`. Each target installs what is missing first.

SWIFT   ?= swift
RELEASE := $(SWIFT) build -c release --product krylov
KRYLOV  = $$($(SWIFT) build -c release --show-bin-path)/krylov
SOURCES := Sources Tests Benchmarks Package.swift

# Homebrew keeps its libraries outside the compiler's search path.
ifeq ($(shell uname -s),Darwin)
PREFIX := $(shell brew --prefix)
export CPATH := $(PREFIX)/include:$(PREFIX)/opt/openblas/include:$(CPATH)
export LIBRARY_PATH := $(PREFIX)/lib:$(PREFIX)/opt/openblas/lib:$(LIBRARY_PATH)
endif

.PHONY: solve test bench bench-kernels bench-seed bench-direct bench-direct-peers bench-solvers peers report literature matrices docs format lint dependencies clean

## solve: build, then solve a clamped elastic plate for its 8 load cases
solve: dependencies
	@$(RELEASE)
	@$(KRYLOV) solve Matrices/elasticity2d-16.mtx --rhs Matrices/elasticity2d-16-loads.mtx

## test: build and run all tests
test: dependencies
	@$(SWIFT) build --build-tests
	@$(SWIFT) test --skip-build

## bench: time block CG against SciPy's cg on the same work, in one run
bench: dependencies
	@$(RELEASE)
	@Benchmarks/run.sh $(KRYLOV)

## literature: published results beside ours; MATRICES=folder for matrices that the gallery cannot generate
literature: dependencies
	@$(SWIFT) run -c release --package-path Benchmarks/literature --scratch-path .build/literature literature $(MATRICES)

## bench-seed: time dense solves with B = I beside NumPy, JAX and lineax, in one run
bench-seed: dependencies
	@$(SWIFT) build -c release --package-path Benchmarks/seed --scratch-path .build/seed
	@Benchmarks/seed/run.sh .build/seed/release/seed

## bench-kernels: time sparse and tall-skinny products against the machine's bandwidth, MKL and OpenBLAS; writes Benchmarks/kernels/RESULTS.md
bench-kernels: dependencies
	@Benchmarks/kernels/run.sh

## bench-direct: time sparse direct solves beside UMFPACK and CHOLMOD, in one run; MATRICES=files or gallery problems
bench-direct: dependencies
	@$(SWIFT) run -c release --package-path Benchmarks/direct --scratch-path .build/direct direct $(MATRICES)

## bench-direct-peers: time direct solves beside UMFPACK with refinement, CHOLMOD, MUMPS, PARDISO and SuperLU (`make peers` first) and write
## Benchmarks/direct/RESULTS.md; MATRICES=files or gallery problems, OPTIONS="--columns 1,16 --rounds 1"
bench-direct-peers: dependencies
	@$(SWIFT) build -c release --package-path Benchmarks/direct --scratch-path .build/direct
	@$(MAKE) -s -C Benchmarks/peers/programs OUT=$(abspath .build/direct/peers) $(abspath .build/direct/peers)/direct_peer $(abspath .build/direct/peers)/mkl_peer
	@Benchmarks/direct/compare.py .build/direct/release/direct .build/direct/peers --output Benchmarks/direct/RESULTS.md $(OPTIONS) \
	  $(or $(MATRICES),poisson2d:300 poisson3d:30 convdiff3d:30)

## bench-solvers: time this package's solvers, a JSON record a line; OPTIONS="--problem poisson2d:300 --method cg" and the like
bench-solvers: dependencies
	@$(SWIFT) run -c release --package-path Benchmarks/solvers --scratch-path .build/solvers solvers $(OPTIONS)

## peers: install the libraries that this package is compared with, in PEERS_HOME (~/.peers)
peers:
	@Benchmarks/peers/setup.sh $(PEERS_HOME)

## report: measure ours and theirs in turns, write Benchmarks/RESULTS.md and .build/report/report.html; REPORT="measure --group cg"
report: dependencies
	@$(SWIFT) build -c release --package-path Benchmarks/solvers --scratch-path .build/solvers --product solvers
	@python3 Benchmarks/peers/report $(REPORT)

## matrices: write the files of Matrices/ anew from the gallery
matrices: dependencies
	@$(RELEASE)
	@Scripts/write-matrices.sh $(KRYLOV)

## docs: build the documentation of both libraries
docs: dependencies
	@mkdir -p docs/build
	@$(SWIFT) package --allow-writing-to-directory docs/build generate-documentation --target BlockKrylov --output-path docs/build/BlockKrylov
	@$(SWIFT) package --allow-writing-to-directory docs/build generate-documentation --target BlockKrylovDirect --output-path docs/build/BlockKrylovDirect

## format: format all Swift sources
format:
	@$(SWIFT) format --in-place --recursive --parallel $(SOURCES)

## lint: check format and documentation of all Swift sources
lint:
	@$(SWIFT) format lint --strict --recursive --parallel $(SOURCES)

dependencies:
	@Scripts/install-dependencies.sh

clean:
	@rm -rf .build docs/build
