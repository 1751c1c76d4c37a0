# SPDX-License-Identifier: Apache-2.0
# The bench: `make bench` measures gateway and logic beside bare loops and nchan (about eleven minutes;
# BENCH_ARGS='--only storm' for one part, '--help' for all), `make bench-check` tests the measuring
# tools themselves in a few seconds. Included by the top Makefile.

BENCH_SRC := $(addprefix tests/bench/,fanfare_bench.c bench_options.c bench_report.c client_swarm.c \
	swarm_client.c pusher.c push_route.c http_caller.c proc_usage.c frame_reader.c histogram.c item.c \
	tally.c rooms.c arrivals.c)
BARE_LOOP_SRC := $(addprefix tests/bench/,bare_loop.c bare_worker.c bare_fanout.c)
BENCH_CHECK_SRC := $(addprefix tests/bench/,bench_check.c frame_reader.c histogram.c item.c tally.c rooms.c arrivals.c)
BENCH_BIN := $(BUILD)/fanfare-bench $(BUILD)/bench/bare_loop $(BUILD)/bench/bare_http \
	$(BUILD)/bench/jose_bench

$(BUILD)/fanfare-bench: $(call obj,$(BENCH_SRC) $(addprefix shared/,base/buf.c base/clock.c websocket/ws_frame.c websocket/ws_handshake.c))
$(BUILD)/bench/bare_loop: $(call obj,$(BARE_LOOP_SRC))
$(BUILD)/bench/bare_http: $(call obj,tests/bench/bare_http.c)
$(BUILD)/bench/jose_bench: $(call obj,tests/bench/jose_bench.c $(wildcard shared/jose/*.c) \
	$(addprefix shared/,json/json_scan.c json/json_walk.c base/buf.c base/status.c base/utf8.c))
$(BUILD)/bench/bench_check: $(call obj,$(BENCH_CHECK_SRC))
$(BENCH_BIN) $(BUILD)/bench/bench_check:
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lm $(if $(filter %bare_http,$@),-levent_extra) $(if $(filter %_check,$@),-lcmocka)

.PHONY: bench bench-tools bench-check bench-profile
bench-tools: $(BENCH_BIN)
bench: all bench-tools
	$(Q)FANFARE_BUILD=$(BUILD) tests/bench/run $(BENCH_ARGS)
bench-profile: all bench-tools
	$(Q)FANFARE_BUILD=$(BUILD) tests/bench/profile $(BENCH_ARGS)
bench-check: all bench-tools $(BUILD)/bench/bench_check
	$(Q)$(BUILD)/bench/bench_check
	$(Q)FANFARE_BUILD=$(BUILD) tests/bench/check
unit: $(BUILD)/bench/bench_check
