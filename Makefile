# SPDX-License-Identifier: Apache-2.0
# Fanfare. `make run` and `make test` do everything; `make help` lists the rest.

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
comma := ,
BUILD ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
VERSION := 0.1.0
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

PACKAGES := libwebsockets libevent libevent_openssl libevent_pthreads openssl libnghttp2 libcjson hiredis
URING := $(shell pkg-config --exists liburing 2>/dev/null && echo 1)
ifeq ($(URING),1)
PACKAGES += liburing
endif
DEPS_FOUND := $(shell pkg-config --exists $(PACKAGES) 2>/dev/null && echo 1)

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
LDFLAGS += -pie -Wl,-z,relro,-z,now -pthread
LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lhttp_parser

SHARED_SRC := $(wildcard shared/*.c)
LOGIC_SRC := $(wildcard logic/*.c)
GATEWAY_SRC := $(wildcard gateway/*.c) $(wildcard gateway/*.S)
UNIT_SRC := $(wildcard tests/unit/test_*.c)

obj = $(patsubst %,$(BUILD)/obj/%.o,$(basename $(1)))
SHARED_OBJ := $(call obj,$(SHARED_SRC))
LOGIC_OBJ := $(call obj,$(LOGIC_SRC))
GATEWAY_OBJ := $(call obj,$(GATEWAY_SRC))
# Everything but the mains, for the unit tests.
TESTABLE := $(BUILD)/libfanfare-test.a
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))

.PHONY: all
all: $(BUILD)/fanfare-logic $(BUILD)/fanfare-gateway

$(BUILD)/fanfare-logic: $(LOGIC_OBJ) $(SHARED_OBJ)
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

$(TESTABLE): $(filter-out %/main.o,$(SHARED_OBJ) $(LOGIC_OBJ) $(GATEWAY_OBJ))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(TESTABLE)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS) $(LDFLAGS) -o $@ $< $(TESTABLE) $(LIBS) -lcmocka

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

.PHONY: unit
unit: $(UNIT_BIN)
	@set -e; for t in $^; do echo "== $$t"; $$t; done

.PHONY: clean
clean:
	rm -rf build
