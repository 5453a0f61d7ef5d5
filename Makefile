# What can be done with this repository. The work is in .ci; each script says there what it does.

# Go's own default is gcc's presence; preamp is a static program everywhere.
export CGO_ENABLED = 0

# In a network that puts its own certificate authority in between, the builds in containers have to trust it too. Whoever
# lives in one has told Node or OpenSSL so.
export PREAMP_CA_CERT ?= $(or $(NODE_EXTRA_CA_CERTS),$(SSL_CERT_FILE))

# How long each fuzz target runs.
export FUZZTIME ?= 60s

# How often the bench measures everything, and which of its axes: all, or some with commas between them.
ROUNDS ?= 5
AXES ?=

.DEFAULT_GOAL := help
.PHONY: help build setup demo test test-short action bench lint fmt fuzz release clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build bin/preamp
	go build -o bin/preamp ./cmd/preamp

setup: build ## Bring a container engine and preamp's build image; as root on Debian, install what is missing
	@.ci/setup.sh

demo: build ## Build a small real app; run it twice to see the cache
	@.ci/demo.sh

test: build ## Run all tests, those that need Docker too
	@.ci/test.sh

test-short: ## Run the tests that need nothing but Go, quickly
	@.ci/test.sh short

action: build ## Run our GitHub Action under nektos/act
	@.ci/action.sh

bench: ## Measure preamp against its peers, ROUNDS times (default: 5), and write docs/performance.md; AXES chooses
	go build -o bin/preamp-bench ./cmd/preamp-bench
	bin/preamp-bench -rounds $(ROUNDS) -only "$(AXES)"

lint: ## Run the linters
	@.ci/lint.sh

fmt: ## Format the Go code
	@.ci/lint.sh fmt

fuzz: ## Run every fuzz target for FUZZTIME (default: 60s)
	@.ci/fuzz.sh

release: ## Cross-compile the release's programs into dist
	@.ci/release.sh

clean: ## Remove what was built
	rm -rf bin dist
