# SPDX-License-Identifier: BSD-2-Clause
# A thin door to Meson. "make demo" and "make test" work on a fresh Debian machine: each installs
# what is missing first (packaging/install-deps).

BUILD ?= build
TEST_BUILD ?= build-test
FUZZ_BUILD ?= build-fuzz
FUZZ_SECONDS ?= 60
PREFIX ?= /usr/local
DESTDIR ?=
DEMO_CAPTURE = tests/captures/kernel/09-close-unread.client.pcap

.PHONY: all demo test accuracy bench bench-live install lint fuzz format generate clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	packaging/install-deps build
	meson setup $(BUILD) --buildtype=release --prefix=$(PREFIX) -Dtests=disabled

demo: all
	@echo
	@echo '$$ $(BUILD)/tcpwhy $(DEMO_CAPTURE)'
	@$(BUILD)/tcpwhy $(DEMO_CAPTURE); status=$$?; \
	if [ $$status -ne 1 ]; then echo "demo: expected exit status 1 (a failed connection), got $$status" >&2; exit 1; fi

$(TEST_BUILD)/build.ninja:
	meson setup $(TEST_BUILD) --buildtype=debugoptimized -Db_sanitize=address,undefined \
		-Db_lundef=false -Dtests=enabled

test:
	packaging/install-deps test
	$(MAKE) $(TEST_BUILD)/build.ninja
	ninja -C $(TEST_BUILD)
	$(MAKE) all
	python3 tests/run.py $(TEST_BUILD)

# Every scenario of the lab, read back: docs/ACCURACY.md.
accuracy: all
	python3 tools/accuracy.py $(BUILD)/tcpwhy --markdown docs/ACCURACY.md

bench: all
	tools/bench/run.sh $(BUILD)/tcpwhy

# Needs root: what `tcpwhy live` costs, beside tcpdump and tools of bcc and bpftrace; with very many sockets; in a storm.
bench-live: all
	python3 tools/bench/live.py $(BUILD)/tcpwhy $(BUILD)/tools/bench/churn
	python3 tools/bench/live_load.py $(BUILD)/tcpwhy $(BUILD)/tools/bench/storm

install: all
	meson configure $(BUILD) --prefix=$(PREFIX)
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)

lint:
	packaging/install-deps test
	$(MAKE) $(TEST_BUILD)/build.ninja
	tests/lint $(TEST_BUILD)

$(FUZZ_BUILD)/build.ninja:
	CC=clang meson setup $(FUZZ_BUILD) -Db_sanitize=address,undefined -Db_lundef=false \
		-Dfuzz=true -Dtests=disabled

fuzz: $(FUZZ_BUILD)/build.ninja
	ninja -C $(FUZZ_BUILD)
	python3 tests/fuzz/run.py $(FUZZ_BUILD) --seconds $(FUZZ_SECONDS)

# The committed texts that come from the tables of the program: completions and man page parts.
generate: all
	tools/generate $(BUILD)

format:
	find src include tests examples tools -name '*.[ch]' -exec clang-format -i {} +

clean:
	rm -rf $(BUILD) $(TEST_BUILD) $(FUZZ_BUILD)
