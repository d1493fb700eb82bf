# gateway: GNU make alone builds, tests and installs it.  `make help` lists the targets.
# Variables: BUILD (output folder), SAN=address|thread|fuzz (sanitizer build), DEBUG=1, V=1 (show commands).

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

VERSION := 0.1.0
CC := gcc
AR := ar
PKG_CONFIG := pkg-config
PREFIX := /usr/local
DESTDIR :=

ifeq ($(SAN),address)
BUILD := build/asan
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
DEBUG := 1
else ifeq ($(SAN),thread)
BUILD := build/tsan
SAN_FLAGS := -fsanitize=thread -fno-omit-frame-pointer
DEBUG := 1
else ifeq ($(SAN),fuzz)
BUILD := build/fuzz
SAN_FLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
	-Wno-string-conversion
CC := $(shell command -v clang-14 || command -v clang-19 || echo clang)
DEBUG := 1
else
BUILD := build
SAN_FLAGS :=
endif

ROOMS := base config store relay server
PACKAGES := libmicrohttpd libcurl jansson sqlite3 libsodium zlib

WARNINGS := -Wall -Wextra -Werror -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wundef -Wcast-qual -Wwrite-strings -Wformat=2 -Wswitch-enum \
	-Wnull-dereference -fno-common
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fPIE
ifeq ($(SAN_FLAGS),)
HARDENING += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
CFLAGS_ALL := -std=c11 -O2 -g $(WARNINGS) $(HARDENING) $(SAN_FLAGS) -fno-strict-aliasing -pthread \
	-ffile-prefix-map=$(CURDIR)=. $(if $(DEBUG),-DGATEWAY_DEBUG) $(CFLAGS)
CPPFLAGS_ALL = -I. -I$(BUILD)/gen -D_GNU_SOURCE -DGATEWAY_VERSION=\"$(VERSION)\" \
	$(shell $(PKG_CONFIG) --cflags $(PACKAGES)) $(CPPFLAGS)
LDFLAGS_ALL := -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(SAN_FLAGS) $(LDFLAGS)
LIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lm

Q := $(if $(V),,@)

# --- objects: every .c of a room, one archive a room ------------------------------------------------
sources_of = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))
objects_of = $(patsubst %.c,$(BUILD)/obj/%.o,$(call sources_of,$(1)))
MAIN := server/main.c
ROOM_OBJECTS = $(filter-out $(BUILD)/obj/$(MAIN:.c=.o),$(call objects_of,$(1)))
archive = $(BUILD)/lib/$(1).a
# Archives that a room may link with, itself first.
archives_from = $(foreach r,$(1),$(call archive,$(r)))
RIGHT_OF_base := base
RIGHT_OF_config := config base
RIGHT_OF_store := store config base
RIGHT_OF_relay := relay store config base
RIGHT_OF_server := server relay store config base

.PHONY: all
all: $(BUILD)/gateway

$(BUILD)/gateway: $(BUILD)/obj/$(MAIN:.c=.o) $(call archives_from,$(RIGHT_OF_server))
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

define room_rules
$(call archive,$(1)): $(call ROOM_OBJECTS,$(1))
	@mkdir -p $$(@D)
	$(Q)rm -f $$@ && $(AR) rcsD $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room_rules,$(r))))

$(BUILD)/obj/%.o: %.c Makefile | packages
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# SQL files are compiled in as C strings.
$(BUILD)/obj/store/migrate.o: $(BUILD)/gen/store_schema.inc
$(BUILD)/gen/store_schema.inc: $(sort $(wildcard store/schema/*.sql)) tests/embed.awk
	@mkdir -p $(@D)
	$(Q)awk -f tests/embed.awk $(filter %.sql,$^) > $@

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# --- set-up: what is missing on this machine ---------------------------------------------------------
.PHONY: packages
packages:
	@$(PKG_CONFIG) --exists $(PACKAGES) 2>/dev/null && [ -e /usr/include/uthash.h ] || sh deploy/setup.sh build

.PHONY: run
run: all
	@exec $(BUILD)/gateway quickstart $(ARGS)

# --- tests -------------------------------------------------------------------------------------------
# tests/unit/test_X.c links with the room that holds X.c and the rooms to its right; a test of no
# single unit names its room in a first line "/* room: relay */".
UNIT_TESTS := $(sort $(wildcard tests/unit/test_*.c))
unit_name = $(patsubst tests/unit/test_%.c,%,$(1))
unit_room = $(or $(shell sed -n '1s,^/\* room: \([a-z]*\) \*/$$,\1,p' $(1)),\
	$(firstword $(foreach r,$(ROOMS),$(if $(shell find $(r) -name '$(call unit_name,$(1)).c'),$(r)))))
UNIT_BINARIES := $(foreach t,$(UNIT_TESTS),$(BUILD)/unit/$(call unit_name,$(t)))

define unit_rules
$(BUILD)/unit/$(call unit_name,$(1)): $(BUILD)/obj/$(1:.c=.o) $(call archives_from,$(RIGHT_OF_$(call unit_room,$(1))))
	@mkdir -p $$(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $$@ $$^ -lcmocka $$(LIBS)
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_rules,$(t))))

.PHONY: check unit
check unit: $(if $(ONLY),$(BUILD)/unit/$(ONLY),$(UNIT_BINARIES))
	@sh tests/run_unit.sh $^

# The simulator: N schedules from SEED on, over the store's code with its own clock and disk.  Two at a
# time; a violation tells its seed and schedule.
SIM := $(BUILD)/sim/sim
$(SIM): $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tests/sim/*.c))) $(call archives_from,$(RIGHT_OF_store))
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

.PHONY: sim
sim: N := 10000
sim: SEED := 1
sim: $(SIM)
	@SIM=$(SIM) sh tests/sim/run.sh $(N) $(SEED)

# Each rule of money removed in turn (tests/mutants/rules): named tests must go red.
.PHONY: mutants
mutants: $(SIM) $(foreach t,charge vectors price book book_race store store_tasks admin_set,$(BUILD)/unit/$(t))
	@ONLY='$(ONLY)' sh tests/mutants/run.sh

# The bench's upstream and its clients, which the end-to-end tests try out too.
BENCH := $(BUILD)/bench/fixture $(BUILD)/bench/load
$(BUILD)/bench/fixture: $(addprefix $(BUILD)/obj/tests/bench/,fixture.o request.o) $(call archive,base)
$(BUILD)/bench/load: $(addprefix $(BUILD)/obj/tests/bench/,load.o answer_reader.o histogram.o request.o) \
	$(call archive,base)
$(BENCH):
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

.PHONY: setup-test e2e test asan tsan bench bench-tools
bench-tools: $(BENCH)
	@:
setup-test:
	@sh deploy/setup.sh test

e2e: all $(BENCH) | setup-test
	@GATEWAY_BIN=$(BUILD)/gateway ONLY='$(ONLY)' FILES='$(FILES)' sh tests/e2e/run.sh

test: | setup-test
	@$(MAKE) --no-print-directory all bench-tools $(SIM)
	@BUILD=$(BUILD) MAKE='$(MAKE)' sh tests/run.sh

# kill -9 under load and a start on the same database, so many times.
.PHONY: crash
crash: ROUNDS := 50
crash: all | setup-test
	@GATEWAY_BIN=$(BUILD)/gateway ROUNDS=$(ROUNDS) LIMIT_MS=$$(($(ROUNDS) * 20000 + 60000)) \
		FILES='crash.test.mjs video_kill.test.mjs' sh tests/e2e/run.sh

# Half of the providers die and rise under load, for so many seconds.
.PHONY: flap
flap: TIME := 60
flap: all | setup-test
	@GATEWAY_BIN=$(BUILD)/gateway TIME=$(TIME) LIMIT_MS=$$(($(TIME) * 4000 + 60000)) FILES=flap.test.mjs sh tests/e2e/run.sh

# Against nginx in paired rounds; tests/bench/bench.mjs tells its settings.
bench:
	@sh deploy/setup.sh test >&2
	@$(MAKE) --no-print-directory all bench-tools >&2
	@GATEWAY_BIN=$(BUILD)/gateway JSON='$(JSON)' ROUNDS='$(ROUNDS)' ONLY='$(ONLY)' GATE='$(GATE)' \
		node tests/bench/bench.mjs

# What the operator waits for with a ledger of ROWS (10 M: 10 GB of disk for some minutes).
.PHONY: bench-ledger
bench-ledger: all | setup-test
	@GATEWAY_BIN=$(BUILD)/gateway ROWS='$(ROWS)' DAYS='$(DAYS)' EXPORT='$(EXPORT)' node tests/bench/ledger.mjs

asan:
	@SCHEDULES=1000 $(MAKE) --no-print-directory SAN=address test
tsan:
	@SCHEDULES=500 $(MAKE) --no-print-directory SAN=thread test

# tests/fuzz/fuzz_X.c under libFuzzer, TIME seconds over all of them; ONLY=sse runs one.
FUZZ_TARGETS := $(sort $(wildcard tests/fuzz/fuzz_*.c))
fuzz_name = $(patsubst tests/fuzz/fuzz_%.c,%,$(1))
fuzz_room = $(firstword $(foreach r,$(ROOMS),$(if $(shell find $(r) -name '$(call fuzz_name,$(1)).c'),$(r))))
define fuzz_rules
$(BUILD)/fuzz_$(call fuzz_name,$(1)): $(BUILD)/obj/$(1:.c=.o) $(call archives_from,$(RIGHT_OF_$(call fuzz_room,$(1))))
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $$@ $$^ $$(LIBS)
endef
$(if $(filter fuzz,$(SAN)),$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_rules,$(t)))))

.PHONY: fuzz fuzz-targets
fuzz: TIME := 60
fuzz:
	@sh deploy/setup.sh fuzz
	@$(MAKE) --no-print-directory SAN=fuzz fuzz-targets
	@BUILD=build/fuzz TIME='$(TIME)' sh tests/fuzz/run.sh $(or $(ONLY),$(foreach t,$(FUZZ_TARGETS),$(call fuzz_name,$(t))))
fuzz-targets: $(foreach t,$(FUZZ_TARGETS),$(BUILD)/fuzz_$(call fuzz_name,$(t)))
	@:

# --- quality -----------------------------------------------------------------------------------------
SOURCES := $(foreach r,$(ROOMS),$(call sources_of,$(r)))
HEADERS := $(sort $(shell find $(ROOMS) -name '*.h'))
TEST_SOURCES := $(sort $(wildcard tests/sim/*.c tests/sim/*.h tests/unit/*.c tests/unit/*.h tests/fuzz/*.c tests/bench/*.c tests/bench/*.h tests/e2e/lib/*.c))

.PHONY: lint format layers
format:
	clang-format-14 -i $(SOURCES) $(HEADERS) $(TEST_SOURCES)

lint: $(BUILD)/gen/store_schema.inc
	@sh deploy/setup.sh lint
	@BUILD=$(BUILD) CPPFLAGS='$(CPPFLAGS_ALL)' sh tests/lint.sh $(SOURCES) $(HEADERS) $(TEST_SOURCES)

layers:
	@awk -f tests/layers.awk tests/layers.txt $(SOURCES) $(HEADERS)

# Writes anew what is made from the tables: gateway.conf.example and settings of the manual page.
.PHONY: docs
docs: $(BUILD)/unit/example $(BUILD)/unit/manual
	@GATEWAY_WRITE_DOCS=1 sh tests/run_unit.sh $^

# --- installation ------------------------------------------------------------------------------------
# Nothing outside DESTDIR/PREFIX is touched; deploy/doc/sysadmin.md has the steps that follow.
TO = $(DESTDIR)$(PREFIX)
DOCS := gateway.conf.example README.md deploy/nginx.conf deploy/doc/sysadmin.md deploy/doc/billing.md deploy/doc/videos.md deploy/doc/videos-content.md
INSTALLED := bin/gateway $(addprefix share/doc/gateway/,$(notdir $(DOCS))) \
	share/man/man1/gateway.1 share/man/man5/gateway.conf.5 share/man/man8/gateway.8 \
	share/bash-completion/completions/gateway \
	lib/systemd/system/gateway.service lib/sysusers.d/gateway.conf lib/tmpfiles.d/gateway.conf

.PHONY: install uninstall clean help
install: all
	install -D -m 0755 $(BUILD)/gateway $(TO)/bin/gateway
	install -d $(TO)/share/doc/gateway
	install -m 0644 $(DOCS) $(TO)/share/doc/gateway
	$(BUILD)/gateway man | install -D -m 0644 /dev/stdin $(TO)/share/man/man1/gateway.1
	install -D -m 0644 deploy/man/gateway.conf.5 $(TO)/share/man/man5/gateway.conf.5
	install -D -m 0644 deploy/man/gateway.8 $(TO)/share/man/man8/gateway.8
	$(BUILD)/gateway completion bash | install -D -m 0644 /dev/stdin $(TO)/share/bash-completion/completions/gateway
	sed 's,/usr/local,$(PREFIX),g' deploy/gateway.service | \
		install -D -m 0644 /dev/stdin $(TO)/lib/systemd/system/gateway.service
	install -D -m 0644 deploy/sysusers.conf $(TO)/lib/sysusers.d/gateway.conf
	install -D -m 0644 deploy/tmpfiles.conf $(TO)/lib/tmpfiles.d/gateway.conf

# The configuration, the database and the account stay.
uninstall:
	rm -f $(addprefix $(TO)/,$(INSTALLED))
	rmdir --ignore-fail-on-non-empty $(TO)/share/doc/gateway

clean:
	rm -rf build

help:
	@echo 'make            build/gateway'
	@echo 'make run        start a gateway with the built-in sandbox (ARGS="--listen 127.0.0.1:9000")'
	@echo 'make test       every test; make check [ONLY=buf] unit tests; make e2e [ONLY=E5] end to end'
	@echo 'make sim        the books under random kills and power cuts [N=10000] [SEED=1]'
	@echo 'make mutants    rules of money removed one by one: tests must go red'
	@echo 'make crash      kill -9 under load [ROUNDS=50]'
	@echo 'make asan tsan  the tests under the sanitizers; make fuzz [TIME=60] [ONLY=sse] the fuzzers'
	@echo 'make flap       providers that die and rise under load [TIME=60]'
	@echo 'make bench      CPU, latency and memory beside nginx (ROUNDS=3 JSON=1)'
	@echo 'make bench-ledger  ready, usage summary, list and export with ROWS=10000000 requests'
	@echo 'make lint layers fuzz docs install'
