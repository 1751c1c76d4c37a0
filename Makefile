# SPDX-License-Identifier: Apache-2.0
# Fanfare. `make run` and `make test` do everything; `make help` lists the rest.
#   SAN=address,undefined or SAN=thread   a build with sanitizers, in a directory of its own
#   BUILD=dir CC=clang V=1                where to, with what, and showing each command

.DEFAULT_GOAL := all
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
comma := ,
BUILD ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
VERSION := 0.1.0
V ?= 0
JOBS := $(shell nproc 2>/dev/null || echo 1)
Q := $(if $(filter 1,$(V)),,@)

PACKAGES := libwebsockets libevent_core libevent_openssl libevent_pthreads openssl libnghttp2 libcares libcjson hiredis libcurl
URING := $(shell pkg-config --exists liburing 2>/dev/null && echo 1)
ifeq ($(URING),1)
PACKAGES += liburing
endif
DEPS_FOUND := $(shell command -v $(CC) >/dev/null && pkg-config --exists $(PACKAGES) 2>/dev/null && \
	echo '\#include <http_parser.h>' | $(CC) -E - >/dev/null 2>&1 && echo 1)

# These build nothing, or install first and then start a make of their own, which finds the packages.
NEED_NO_PACKAGES := deps run test format check-format clean help
ifneq ($(filter-out $(NEED_NO_PACKAGES),$(or $(MAKECMDGOALS),all)),)
ifneq ($(DEPS_FOUND),1)
$(error The compiler or libraries are missing: run `make deps`)
endif
endif

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
HARDEN := -fstack-protector-strong -fPIE
CPPFLAGS += -I. -I$(BUILD)/gen -D_GNU_SOURCE -DFANFARE_VERSION='"$(VERSION)"' $(if $(URING),-DFANFARE_URING)
CFLAGS_ALL := -std=c11 -g $(WARN) $(HARDEN) $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)) -pthread
ifeq ($(SAN),)
CFLAGS_ALL += -O2 -D_FORTIFY_SOURCE=2
else
CFLAGS_ALL += -O1 -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
endif
# A program needs only the libraries that it calls.
LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--as-needed -pthread
LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lhttp_parser -lm

# Files by name, in all folders of a folder.
files = $(sort $(shell find $(1) $(foreach name,$(2),-name '$(name)' -o) -false))
SHARED_SRC := $(call files,shared,*.c)
LOGIC_SRC := $(call files,logic,*.c *.S)
GATEWAY_SRC := $(call files,gateway,*.c *.S)
UNIT_SRC := $(call files,tests/unit,test_*.c)

obj = $(patsubst %,$(BUILD)/obj/%.o,$(basename $(1)))
SHARED_OBJ := $(call obj,$(SHARED_SRC))
# Logic asks no other servers, so it needs no libcurl.
NO_FETCH_OBJ := $(filter-out $(BUILD)/obj/shared/fetch/%,$(SHARED_OBJ))
LOGIC_OBJ := $(call obj,$(LOGIC_SRC))
GATEWAY_OBJ := $(call obj,$(GATEWAY_SRC))
# Everything but the mains, for the unit tests.
TESTABLE := $(BUILD)/libfanfare-test.a
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))

.PHONY: all
all: $(BUILD)/fanfare-logic $(BUILD)/fanfare-gateway $(BUILD)/fanfare $(BUILD)/fanfare-dev-issuer ## build both daemons, the tool, and the issuer of `make run` (the default)

$(BUILD)/fanfare-logic: $(LOGIC_OBJ) $(NO_FETCH_OBJ)
$(BUILD)/fanfare-gateway: $(GATEWAY_OBJ) $(SHARED_OBJ)
$(BUILD)/fanfare-logic $(BUILD)/fanfare-gateway:
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.S
	@mkdir -p $(@D)
	@echo "  AS    $<"
	$(Q)$(CC) $(CPPFLAGS) -c -o $@ $<

$(TESTABLE): $(filter-out %/main.o,$(SHARED_OBJ) $(LOGIC_OBJ) $(GATEWAY_OBJ) $(call obj,$(wildcard deploy/tool/*.c)))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(TESTABLE)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS) $(LDFLAGS) -o $@ $< $(TESTABLE) $(LIBS) -lcmocka

# The pages are part of the binaries.
$(BUILD)/obj/gateway/page_html.o: gateway/page.html
$(BUILD)/obj/logic/api/cluster_page_html.o: logic/api/cluster_page.html

# Kept, or make would remove and compile them again.
.SECONDARY: $(call obj,$(UNIT_SRC))
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

.PHONY: deps
deps: ## install the packages that the build needs (as root or through sudo)
	@deploy/install-deps build

.PHONY: run
run: ## install, build, run a local cluster (GATEWAYS=n, REDIS=1, AUTH=0, PORT_BASE=n); Ctrl-C stops it
	@deploy/install-deps $(if $(filter 1,$(REDIS)),redis,run)
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@FANFARE_BUILD=$(BUILD) exec deploy/run-local

.PHONY: test
test: ## install, build, run all tests (SAN=address,undefined or SAN=thread: under sanitizers)
	@deploy/install-deps test
	@$(MAKE) --no-print-directory -j$(JOBS) all unit-bin
	@$(MAKE) --no-print-directory unit e2e

# Under ThreadSanitizer only what has threads says something new.
UNIT_RUN := $(if $(findstring thread,$(SAN)),$(filter %/test_mailbox %/test_bucket %/test_jose_threads,$(UNIT_BIN)),$(UNIT_BIN))

.PHONY: unit unit-bin
unit-bin: $(UNIT_RUN)
# Some of them wait: so many at once. What a test says stands together, and a failure ends the run.
unit: $(UNIT_RUN) ## run the unit tests
	@printf '%s\n' $^ | xargs -P $(E2E_JOBS) -I{} sh -c \
		'said=$$({} 2>&1); status=$$?; printf "== %s\n%s\n" {} "$$said"; [ $$status = 0 ] || exit 255'

PYTEST := /usr/bin/python3 -m pytest
# Likewise: these are about logic, the tool or texts, and logic has one thread.
ONE_THREAD := tool tool_token config openapi close_codes gateways_api discovery_dns redis_topologies registry \
	api_tokens api_tls caller_rights reload_logic reload_logic_files monitoring traceparent issuer \
	integrate_tokens integrate_callers install_deps cluster_page idempotency queries
# So many files of tests run side by side: they wait more than they work.
E2E_JOBS ?= $(shell n=$$((2 * $(JOBS))); echo $$((n > 8 ? 8 : n)))
E2E_SKIP := $(if $(findstring thread,$(SAN)),$(patsubst %,--ignore tests/e2e/test_%.py,$(ONE_THREAD)))
.PHONY: e2e
e2e: all ## run the end-to-end tests (ARGS='-k name' for some)
	@FANFARE_BUILD=$(BUILD) tests/e2e/run -n $(E2E_JOBS) --dist loadfile $(E2E_SKIP) $(ARGS)

.PHONY: model
model: ## history and resume as a random model of their rules, before they are C (ARGS='--seeds 1000')
	@/usr/bin/python3 tests/model/resume_model.py $(ARGS)

CODE = $(call files,gateway logic shared deploy tests,*.c *.h)
.PHONY: format
format: ## put every C file into shape
	@clang-format -i $(CODE)

.PHONY: check-format
check-format: ## fail when a C file is out of shape
	@clang-format --dry-run --Werror $(CODE)

.PHONY: lint
lint: all ## the walls between the folders, the lists of mutations, cppcheck, and a clang build with -Werror
	@tests/house/check --objects $(BUILD)/obj
	@tests/mutate/run --build $(BUILD) --check
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=internalAstError --suppress=ctuuninitvar -j$(JOBS) -D_GNU_SOURCE -I. gateway logic shared deploy/tool deploy/issuer
	@$(MAKE) --no-print-directory CC=clang BUILD=$(BUILD)/clang all

.PHONY: house-check
house-check: all ## test that the check of the folders' walls notices each kind of breach
	@FANFARE_BUILD=$(BUILD) $(PYTEST) tests/house -q --tb=short $(ARGS)

# What tests/mutate/run compiles and links with, a line each.
.PHONY: print-commands
print-commands:
	$(info $(CC) $(CPPFLAGS) $(CFLAGS_ALL) $(CFLAGS))
	$(info $(CC) $(CFLAGS_ALL) $(CFLAGS) $(LDFLAGS))
	$(info $(TESTABLE) $(LIBS) -lcmocka)
	@:

.PHONY: mutate
mutate: all unit-bin ## change the source in small ways, each of which must make a test fail (ARGS='--only merger.c')
	@tests/mutate/run --build $(BUILD) $(ARGS)

include deploy/deploy.mk
include tests/fuzz/fuzz.mk
include tests/bench/bench.mk
include tests/deploy/deploy.mk
fuzz: ## look for inputs that break the parsers (FUZZ_SECONDS=20 each)
fuzz-replay: ## run the inputs that fuzzing once found
bench: ## measure beside bare loops and nchan, write build/bench/report.html (BENCH_ARGS='--only NAME')
bench-check: ## test the measuring tools
bench-profile: ## where each microsecond of a delivered frame goes (as root; Debian: linux-perf)

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile */*.mk tests/*/*.mk | expand -t 16
