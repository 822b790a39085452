# The verbs people type; Meson does the work. `make help` lists them.
#
# Variables: SAN=1 builds with ASan and UBSan, V=1 shows commands,
# BUILD=DIR builds elsewhere, KEEP=1 leaves a lab's world up, NO_WEB=1 leaves its page out, SCENARIO=NAME.

BUILD    ?= $(if $(SAN),build-san,build)
SCENARIO ?= nearest
PREFIX   ?= /usr/local
Q        := $(if $(V),,@)
comma    := ,
SETUP    := $(if $(SAN),-Db_sanitize=address$(comma)undefined -Db_lundef=false,)
COMPILER := $(if $(SAN),CC=clang,)

.PHONY: all
all: $(BUILD)/build.ninja ## build everything
	$(Q)ninja -C $(BUILD) $(if $(V),-v,--quiet)

$(BUILD)/build.ninja:
	$(Q)$(COMPILER) meson setup $(BUILD) --prefix=$(PREFIX) $(SETUP) $(if $(V),,>/dev/null)

.PHONY: deps
deps: ## install what building, testing and the lab need (Debian 12)
	$(Q)tools/deps

.PHONY: demo
demo: deps all ## the main job: a fleet on a small Internet of real routers
	$(Q)$(BUILD)/nearcast/nearcast lab run $(if $(NO_WEB),--no-web) $(SCENARIO)

.PHONY: test
test: deps all ## every test
	$(Q)test/run $(BUILD)

.PHONY: check
check: all ## unit tests only: seconds, no root
	$(Q)test/run $(BUILD) --suite unit

.PHONY: lab
lab: all ## run a scenario: make lab SCENARIO=nearest
	$(Q)$(BUILD)/nearcast/nearcast lab run $(SCENARIO)

.PHONY: sim
sim: deps all ## the fleet under virtual time: thousands of faults, broken rules, the model
	$(Q)sim/run $(BUILD)

.PHONY: interop
interop: deps all ## beside BIRD, FRR, GoBGP, OpenBGPD, ExaBGP (WRITE=1: doc/interop.md)
	$(Q)test/interop/table.py $(BUILD) $(if $(WRITE),--write)

.PHONY: bench
bench: all ## measure, peers in the same run
	$(Q)bench/run $(BUILD)

.PHONY: fuzz
fuzz: ## each fuzz target for a minute (SECONDS_EACH=60, RUNS_EACH=N) under ASan and UBSan
	$(Q)test/fuzz/run

.PHONY: lint
lint: ## format, include direction, style, manual pages
	$(Q)tools/lint

.PHONY: install
install: all ## install below PREFIX (DESTDIR is honoured)
	$(Q)meson install -C $(BUILD) --no-rebuild

.PHONY: clean
clean: ## remove build folders
	$(Q)rm -rf build build-san build-fuzz

.PHONY: help
help: ## this list
	$(Q)awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
