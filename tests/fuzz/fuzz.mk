# SPDX-License-Identifier: Apache-2.0
# Fuzzing of what is pure: `make fuzz` lets libFuzzer look for new inputs (clang), each target for
# FUZZ_SECONDS; `make fuzz-replay` runs the corpus with any compiler. What a fuzzer finds is left in
# $(BUILD)/fuzz/found; a repaired fault's input goes to tests/fuzz/corpus.

FUZZ_CC ?= clang
FUZZ_SECONDS ?= 20
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SRC := $(call files,shared logic gateway,$(addsuffix .c,buf form hashmap audience http_chunks http_head http_request http_text \
	json_scan json_walk cidr proxy_header forwarded dns_answer push push_encode push_name push_options resp_scan status traceparent utf8 push_object option_members repeat_key repeat_record ban_record push_reading push_request client_msg connect_query credential ws_reader ws_frame ws_handshake \
	base64url jose_alg jose_key jose_object jwk jwk_set jws jwt numeric_date weak_key \
	hook_answer room_pattern grant claims api_caller api_tokens cell_rate edit_distance connection_id close_codes query_request \
	ban_list ban_part command command_object \
	distinct query_part query_cursor user_hashes room_answer rooms_answer user_answer node_answer query_params))
FUZZ_FLAGS := -std=c11 -g -O1 $(WARN) -I. -D_GNU_SOURCE -pthread -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all

$(BUILD)/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(FUZZ_SRC)
	@mkdir -p $(@D)
	@echo "  FUZZ  $@"
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< $(FUZZ_SRC) -lcares -lhiredis -lcrypto

$(BUILD)/fuzz/replay_%: tests/fuzz/%.c tests/fuzz/replay.c tests/fuzz/fuzz.h $(FUZZ_SRC)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(FUZZ_FLAGS) -o $@ $< tests/fuzz/replay.c $(FUZZ_SRC) -lcares -lhiredis -lcrypto

.PHONY: fuzz
fuzz: $(addprefix $(BUILD)/fuzz/,$(FUZZ_TARGETS))
	$(Q)set -e; mkdir -p $(BUILD)/fuzz/found; for t in $(FUZZ_TARGETS); do \
		mkdir -p $(BUILD)/fuzz/corpus/$$t; echo "== $$t, $(FUZZ_SECONDS) s"; \
		$(BUILD)/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=5 -print_final_stats=1 \
			-artifact_prefix=$(BUILD)/fuzz/found/$$t- $(BUILD)/fuzz/corpus/$$t tests/fuzz/corpus/$$t \
			>$(BUILD)/fuzz/$$t.log 2>&1 || { tail -n 40 $(BUILD)/fuzz/$$t.log; exit 1; }; \
		grep executed_units $(BUILD)/fuzz/$$t.log; \
	done

.PHONY: fuzz-replay
fuzz-replay: $(addprefix $(BUILD)/fuzz/replay_,$(FUZZ_TARGETS))
	$(Q)set -e; for t in $(FUZZ_TARGETS); do echo "== $$t"; \
		$(BUILD)/fuzz/replay_$$t tests/fuzz/corpus/$$t/*; done
