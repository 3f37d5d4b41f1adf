# Every target works from a fresh clone: it installs what it needs first.
NODE := node_modules/.bin/node
PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export PATH
DATA ?= data

.DEFAULT_GOAL := help
.PHONY: help run test check unit bench soak lab web deb clean packages packages-test packages-bench

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: packages node_modules/.installed web ## Install what is missing, start Reveille with its lab and boot a first virtual machine
	@scripts/run $(DATA)

test: packages-test node_modules/.installed web ## Everything CI runs: check, fuzz sample, interoperability and real boots
	@scripts/test

check: node_modules/.installed ## Format, types, layers, dead code, unit tests (under a minute, no root, no network)
	@scripts/check

unit: node_modules/.installed ## Unit tests only
	vitest run --project unit

bench: packages-bench node_modules/.installed ## Measure beside the tools people would use instead
	@scripts/bench

soak: packages-test node_modules/.installed web ## The long versions: a million fuzz inputs each, many power cuts
	@REVEILLE_SOAK=1 scripts/test

lab: packages node_modules/.installed web ## Start Reveille with its lab, without booting anything
	bin/reveille serve --lab-enabled --data-dir $(DATA)

web: node_modules/.installed ## Build the console
	@scripts/build-web

deb: node_modules/.installed ## Build the Debian package into dist/deb; make deb ARCH=arm64 or amd64 for another computer
	@node scripts/build-deb.ts $(if $(ARCH),--arch $(ARCH))

clean: ## Remove what was built and installed here (never the data directory)
	rm -rf node_modules dist .cache

packages: ## Install the Debian packages that running needs
	@scripts/install-packages run

packages-test:
	@scripts/install-packages run test

packages-bench:
	@scripts/install-packages run test bench

# No install scripts: what is needed comes prebuilt. Not `npm ci`: it refuses a lockfile without the optional packages of other platforms, which not every registry carries.
node_modules/.installed: package-lock.json
	@echo "installing the npm packages of package-lock.json"
	@npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
