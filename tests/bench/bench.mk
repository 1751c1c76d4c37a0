# SPDX-License-Identifier: Apache-2.0
# The bench: `make bench` measures the gateway beside bare loops, `make bench-check` tests the
# measuring tools themselves. Included by the top Makefile.

BENCH_SRC := $(addprefix tests/bench/,fanfare_bench.c bench_options.c bench_report.c client_swarm.c \
	swarm_client.c pusher.c http_caller.c proc_usage.c frame_reader.c histogram.c item.c tally.c)
BARE_LOOP_SRC := $(addprefix tests/bench/,bare_loop.c bare_worker.c bare_fanout.c)
BENCH_CHECK_SRC := $(addprefix tests/bench/,bench_check.c frame_reader.c histogram.c item.c tally.c)
BENCH_BIN := $(BUILD)/fanfare-bench $(BUILD)/bench/bare_loop $(BUILD)/bench/bare_http

$(BUILD)/fanfare-bench: $(call obj,$(BENCH_SRC) shared/clock.c)
$(BUILD)/bench/bare_loop: $(call obj,$(BARE_LOOP_SRC))
$(BUILD)/bench/bare_http: $(call obj,tests/bench/bare_http.c)
$(BUILD)/bench/bench_check: $(call obj,$(BENCH_CHECK_SRC))
$(BENCH_BIN) $(BUILD)/bench/bench_check:
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lm $(if $(filter %_check,$@),-lcmocka)

.PHONY: bench bench-tools bench-check
bench-tools: $(BENCH_BIN)
bench: all bench-tools
	$(Q)FANFARE_BUILD=$(BUILD) tests/bench/run $(BENCH_ARGS)
bench-check: $(BUILD)/bench/bench_check
	$(Q)$<
unit: $(BUILD)/bench/bench_check
