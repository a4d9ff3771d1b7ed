# lfrec: `make help` lists what there is. Everything that is built goes to build/, and nothing else is touched.
#
# One build is a VARIANT (a compiler and its flags). Its objects are in build/VARIANT/; the programs of the default one, gcc, are in
# build/ itself, those of the others beside their objects. Sources are found by wildcard: a new tests/test_NAME.c is built and run.

VARIANT ?= gcc
PREFIX  ?= /usr/local
CFLAGS  ?= -O2 -g
WERROR  ?= -Werror

# ---- variants ------------------------------------------------------------------------------------------------------------

SANITIZE := address,undefined,float-cast-overflow -fno-sanitize-recover=all -fno-omit-frame-pointer

CC_gcc      := $(if $(filter default,$(origin CC)),gcc,$(CC))
CC_clang    := clang
CC_asan     := clang
FLAGS_asan  := -fsanitize=$(SANITIZE) -O1 -g1 "-DLFREC_ASSERT(x)=((x) ? (void)0 : __builtin_trap())"
CC_tsan     := clang
FLAGS_tsan  := -fsanitize=thread -O1
CC_fuzz     := clang
FLAGS_fuzz  := -fsanitize=fuzzer-no-link,$(SANITIZE) -O1 -g1
# valgrind 3.19 knows no AVX-512, and is slow enough to ask for fewer repetitions and more patience.
CC_valgrind    := $(CC_gcc)
FLAGS_valgrind := -DLFREC_MAX_ISA=LFREC_ISA_AVX2 -DLFREC_TEST_QUICK -DLFREC_HTTP_LOOKUP_MS=20000

COMPILER := $(CC_$(VARIANT))
ifeq ($(COMPILER),)
$(error there is no variant '$(VARIANT)': gcc, clang, asan, tsan, valgrind, fuzz)
endif
OBJ := build/$(VARIANT)
OUT := $(if $(filter gcc,$(VARIANT)),build,$(OBJ))

# ---- flags ---------------------------------------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Wstrict-prototypes -Wmissing-prototypes $(WERROR)
POSIX    := -std=c11 -D_POSIX_C_SOURCE=200809L
STANDARD  = $(POSIX)
# -ffp-contract=off: the same bits from every compiler (see DETERMINISM in lfrec.h).
COMPILE   = $(COMPILER) $(STANDARD) -I. $(CPPFLAGS) $(WARNINGS) -ffp-contract=off -pthread $(CFLAGS) $(FLAGS_$(VARIANT))
LINK      = $(COMPILER) $(CFLAGS) $(FLAGS_$(VARIANT)) $(LDFLAGS)

PLUGIN_LIBS := $(shell pkg-config --libs rdkafka jansson libmicrohttpd 2>/dev/null || echo -lrdkafka -ljansson -lmicrohttpd) -pthread -lm
CHECK_LIBS  := $(shell pkg-config --libs check 2>/dev/null || echo -lcheck) -pthread -lm

# V=1 shows the commands whole.
Q   := $(if $(V),,@)
say  = @$(if $(V),:,printf '%-8s %s\n' $(1) $@)

# ---- what there is -------------------------------------------------------------------------------------------------------

objects = $(patsubst %.c,$(OBJ)/%.o,$(1))
programs = $(patsubst %.c,$(OUT)/%,$(1))

# The library has the threads, too, for trainings.
PLUGIN         := $(filter-out plugin/main.c,$(wildcard plugin/*.c)) $(wildcard examples/thread_pool.c)
DAEMON         := $(if $(wildcard plugin/main.c),$(OUT)/lfrec-kafka)
PLUGIN_LIBRARY := $(if $(wildcard plugin/*.c),$(OUT)/liblfrec-plugin.a)
INTERCEPTOR    := $(if $(wildcard plugin/interceptor.c),$(OUT)/lfrec-interceptor.so)
MAN_PAGE       := $(wildcard plugin/lfrec-kafka.1)
# Shared by the examples that need them: the reader of data sets, threads.
SHARED         := $(wildcard examples/arguments.c examples/dataset.c examples/thread_pool.c)
EXAMPLES       := $(filter-out $(SHARED),$(wildcard examples/*.c))
EVALUATION     := $(wildcard examples/evaluation/*.c)
DEMO           := $(wildcard examples/demo/*.c)
TESTS          := $(wildcard tests/test_*.c)
PLUGIN_TESTS   := $(wildcard tests/plugin/test_*.c)
# A file beside the suites that is none itself is linked to each of them.
TEST_HELPERS        := $(filter-out $(TESTS),$(wildcard tests/*.c))
PLUGIN_TEST_HELPERS := $(filter-out $(PLUGIN_TESTS),$(wildcard tests/plugin/*.c))
BENCHES        := $(wildcard tests/bench/bench_*.c)
FUZZERS        := $(wildcard tests/fuzz/fuzz_*.c)
SOURCES        := $(wildcard plugin/*.c) $(EXAMPLES) $(SHARED) $(EVALUATION) $(DEMO) $(TESTS) $(PLUGIN_TESTS) $(TEST_HELPERS) \
                  $(PLUGIN_TEST_HELPERS) $(BENCHES) $(FUZZERS)

VERSION = $(shell sed -n 's/^\#define LFREC_VERSION "\(.*\)"/\1/p' lfrec.h)
PARTS  := unit compile cross embedded browser docs install package examples style clang asan tsan valgrind fuzz http broker
# The least recursion: a part may run several programs at once, unless make was told how many already.
PARALLEL = $(if $(findstring j,$(filter-out --%,$(MAKEFLAGS))),,-j$(shell nproc))

# ---- building ------------------------------------------------------------------------------------------------------------

.PHONY: all
all: $(DAEMON) $(INTERCEPTOR) $(call programs,$(EXAMPLES)) $(if $(EVALUATION),$(OUT)/examples/evaluate) ## build build/lfrec-kafka, build/lfrec-interceptor.so and build/examples/ (the default)

.PHONY: deps
deps: ## install what building needs (Debian packages, by apt-get)
	@.ci/deps build

# Changed flags rebuild: this file is rewritten when they differ.
$(OBJ)/flags: always
	@mkdir -p $(@D)
	@printf '%s\n' '$(COMPILE) $(PIC)' | cmp -s - $@ || printf '%s\n' '$(COMPILE) $(PIC)' >$@

$(OBJ)/libraries: $(OBJ)/flags
	@pkg-config --exists rdkafka jansson libmicrohttpd || { echo "the plugin needs librdkafka, jansson and libmicrohttpd: 'make deps' installs them" >&2; exit 1; }
	@touch $@

$(OBJ)/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,compile)
	$(Q)$(COMPILE) -MMD -MP -c $< -o $@

# private: not for the prerequisites, of which the flags file is one.
$(OBJ)/examples/hello.o: private STANDARD = -std=c99
# They are in a shared library, too, which shows nothing of them but its entry.
PIC := -fPIC -fvisibility=hidden
$(call objects,plugin/main.c $(PLUGIN)): private STANDARD = $(POSIX) $(PIC)
# Check's assertions about floats promote them.
$(call objects,$(TESTS) $(PLUGIN_TESTS)): private WARNINGS += -Wno-double-promotion
$(call objects,$(wildcard plugin/*.c)): | $(OBJ)/libraries

# The page is inside the program.
$(OBJ)/plugin/page.o: plugin/page.html

$(OUT)/liblfrec-plugin.a: $(call objects,$(PLUGIN))
	@rm -f $@
	$(call say,archive)
	$(Q)$(AR) rcs $@ $^

$(OUT)/lfrec-kafka: $(OBJ)/plugin/main.o $(PLUGIN_LIBRARY)
	$(call say,link)
	$(Q)$(LINK) $^ $(PLUGIN_LIBS) -o $@

# Without librdkafka: the application that loads it has one. It stays loaded once it is: a training may outlive the client.
# (A sanitizer's functions are the program's, so only without one can nothing be undefined.)
$(OUT)/lfrec-interceptor.so: $(call objects,$(wildcard plugin/interceptor*.c)) $(PLUGIN_LIBRARY)
	$(call say,link)
	$(Q)$(LINK) -shared -Wl,-z,nodelete $(if $(findstring sanitize,$(FLAGS_$(VARIANT))),,-Wl,-z,defs) $^ \
	    $(shell pkg-config --libs jansson 2>/dev/null || echo -ljansson) -pthread -lm -o $@

# hello shows the header alone; the others may use what they share.
$(OUT)/examples/%: $(OBJ)/examples/%.o $(call objects,$(SHARED))
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(LINK) $(if $(filter hello,$*),$<,$^) -pthread -lm -o $@

# The plugin's operator, which knows no Kafka, is part of it: a stream is evaluated with what lfrec-kafka runs.
$(OUT)/examples/evaluate: $(call objects,$(EVALUATION) $(SHARED)) $(PLUGIN_LIBRARY)
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(LINK) $^ -pthread -lm -o $@

$(OUT)/examples/demo/%: $(OBJ)/examples/demo/%.o $(call objects,$(SHARED)) $(PLUGIN_LIBRARY)
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(LINK) $^ $(PLUGIN_LIBS) -o $@

$(OUT)/tests/%: $(OBJ)/tests/%.o $(call objects,$(TEST_HELPERS))
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(LINK) $^ $(CHECK_LIBS) -o $@

$(OUT)/tests/plugin/%: $(OBJ)/tests/plugin/%.o $(call objects,$(PLUGIN_TEST_HELPERS)) $(PLUGIN_LIBRARY)
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(LINK) $^ $(CHECK_LIBS) $(PLUGIN_LIBS) -o $@

$(OUT)/tests/bench/%: $(OBJ)/tests/bench/%.o $(call objects,$(SHARED)) $(PLUGIN_LIBRARY)
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(LINK) $^ $(PLUGIN_LIBS) -ldl -o $@

$(OUT)/tests/fuzz/%: $(OBJ)/tests/fuzz/%.o $(PLUGIN_LIBRARY)
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(LINK) -fsanitize=fuzzer $^ $(PLUGIN_LIBS) -o $@

-include $(patsubst %.o,%.d,$(call objects,$(SOURCES)))

# ---- the demonstration ---------------------------------------------------------------------------------------------------

.PHONY: demo
demo: ## install, build, and show ratings streaming in and recommendations changing (DATA=a MovieLens folder)
	@.ci/deps demo
	@$(MAKE) --no-print-directory $(PARALLEL) demo-programs
	@DATA='$(DATA)' examples/demo/run.sh

.PHONY: demo-programs
demo-programs: all $(call programs,$(DEMO))

# ---- evaluation ----------------------------------------------------------------------------------------------------------

.PHONY: evaluate
evaluate: ## how good ratings are predicted and lists are, beside peers: a table (DATA=a MovieLens folder)
	@[ -n '$(DATA)' ] || { echo "make evaluate DATA=FOLDER: a folder of MovieLens, e.g. ml-latest-small" >&2; exit 2; }
	@.ci/deps build
	@$(MAKE) --no-print-directory $(PARALLEL) $(OUT)/examples/evaluate
	@$(OUT)/examples/evaluate --data '$(DATA)'
	@echo
	@$(OUT)/examples/evaluate --data '$(DATA)' --ranking --seeds 1

# ---- tests ---------------------------------------------------------------------------------------------------------------

.PHONY: test
test: ## install what it needs and run every part of the tests, with the time of each
	@MAKE='$(MAKE)' tests/all.sh $(PARTS)

.PHONY: $(PARTS:%=test-%)
test-unit: ## the Check suites, by gcc
test-compile: ## the header by every standard and compiler, without each part, linked twice, freestanding, as WebAssembly, for Windows
test-cross: ## the same bits on 32-bit, big-endian and other processors, emulated, and with AVX hidden
test-embedded: ## the programs for microcontrollers, on two emulated boards
test-browser: ## the example page in headless Chromium, by Playwright
test-docs: ## the code in README.md and in the header's manual
test-install: ## make install, use, make uninstall
test-package: ## the Debian package: make, install, run, remove, purge
test-examples: ## the example programs: what they print, how they fail
test-style: ## clang-format and clang-tidy
test-clang: ## the suites by clang
test-asan: ## the suites by clang under address and undefined-behavior sanitizers
test-tsan: ## the suites that start threads, by clang under the thread sanitizer
test-valgrind: ## the suites under valgrind
test-fuzz: ## the fuzzers with their corpora, FUZZ_SECONDS each (10)
test-http: ## the HTTP port by curl and promtool, the live page in headless Chromium
test-broker: ## mock cluster and Apache Kafka
$(PARTS:%=test-%): test-%:
	@MAKE='$(MAKE)' tests/all.sh $*

.PHONY: test-chaos
test-chaos: ## ten minutes of crashes and outages on Apache Kafka (CHAOS_KILLS=20)
	@.ci/deps broker
	@CHAOS_KILLS='$(CHAOS_KILLS)' tests/broker/chaos.sh

# Brings 400 MB, once, into build/zig.
.PHONY: test-zig
test-zig: ## the header and hello by zig cc for Windows, macOS and musl
	@tests/compile/zig.sh

# Takes minutes, so that it is no part of `make test`.
.PHONY: test-cross-suites
test-cross-suites: ## the header's suites on the foreign processors
	@.ci/deps cross
	@tests/cross/run.sh suites

# What the parts call: the suites or fuzzers of one variant, everything installed already.
THREADED := tests/test_threads.c $(addprefix tests/plugin/test_,http.c interceptor_queue.c log.c retrain.c snapshot.c)
SUITES := $(call programs,$(if $(filter tsan,$(VARIANT)),$(THREADED),$(TESTS) $(PLUGIN_TESTS)))
.PHONY: check
check:
	@$(MAKE) --no-print-directory $(PARALLEL) check-programs
	@tests/suites.sh $(VARIANT) $(SUITES)

.PHONY: check-examples
check-examples:
	@$(MAKE) --no-print-directory $(PARALLEL) demo-programs
	@status=0; for script in $(wildcard tests/examples/*.sh); do $$script || status=1; done; exit $$status

.PHONY: check-programs
check-programs: $(SUITES) $(if $(filter tsan,$(VARIANT)),,$(DAEMON) $(INTERCEPTOR))

.PHONY: check-fuzz
check-fuzz:
	@$(MAKE) --no-print-directory $(PARALLEL) fuzz-programs
	@FUZZ_SECONDS='$(FUZZ_SECONDS)' tests/fuzz/run.sh $(call programs,$(FUZZERS))

.PHONY: fuzz-programs
fuzz-programs: $(call programs,$(FUZZERS))

# ---- benchmarks ----------------------------------------------------------------------------------------------------------

.PHONY: bench
bench: ## every benchmark of tests/bench; bench-NAME is one (TSV=1: tab-separated)
	@$(if $(BENCHES),set -e; for name in $(BENCHES:tests/bench/bench_%.c=%); do \
	    $(MAKE) --no-print-directory bench-$$name; done; \
	    $(MAKE) --no-print-directory bench-size,echo "no benchmark in tests/bench")

.PHONY: bench-size
bench-size: ## bytes of text of each part of the header: x86-64, Cortex-M4, WebAssembly
	@TSV='$(TSV)' tests/bench/size.sh

.PHONY: bench-kafka
bench-kafka: ## lfrec-kafka on an Apache Kafka node, beside kcat and bare clients (DATA=a folder of MovieLens 1M; not part of bench)
	@[ -n '$(DATA)' ] || { echo "make bench-kafka DATA=FOLDER: a folder of MovieLens 1M, ml-1m" >&2; exit 2; }
	@.ci/deps broker
	@$(MAKE) --no-print-directory $(PARALLEL) $(OUT)/lfrec-kafka $(OUT)/lfrec-interceptor.so
	@DATA="$$(tests/bench/data.sh '$(DATA)')" TSV='$(TSV)' tests/bench/bench_kafka.sh

.PHONY: $(BENCHES:tests/bench/bench_%.c=bench-%)
$(BENCHES:tests/bench/bench_%.c=bench-%): bench-%:
	@.ci/deps bench
	@$(MAKE) --no-print-directory $(PARALLEL) $(OUT)/tests/bench/bench_$*
	@DATA="$$(tests/bench/data.sh '$(DATA)')" TSV='$(TSV)' $(OUT)/tests/bench/bench_$*

# ---- installing ----------------------------------------------------------------------------------------------------------

INSTALLED = $(DESTDIR)$(PREFIX)

.PHONY: install-header
install-header: ## lfrec.h and its pkg-config file only
	install -d '$(INSTALLED)/include' '$(INSTALLED)/share/pkgconfig'
	install -m 644 lfrec.h '$(INSTALLED)/include/lfrec.h'
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' lfrec.pc.in >'$(INSTALLED)/share/pkgconfig/lfrec.pc'
	chmod 644 '$(INSTALLED)/share/pkgconfig/lfrec.pc'

.PHONY: install
install: all install-header ## header, pkg-config file, lfrec-kafka, interceptor, man page, under DESTDIR and PREFIX (/usr/local)
	$(if $(DAEMON),install -d '$(INSTALLED)/bin' && install -m 755 $(DAEMON) '$(INSTALLED)/bin/lfrec-kafka')
	$(if $(INTERCEPTOR),install -d '$(INSTALLED)/lib/lfrec' && \
	    install -m 644 $(INTERCEPTOR) '$(INSTALLED)/lib/lfrec/lfrec-interceptor.so')
	$(if $(MAN_PAGE),install -d '$(INSTALLED)/share/man/man1' && install -m 644 $(MAN_PAGE) '$(INSTALLED)/share/man/man1/lfrec-kafka.1')

.PHONY: uninstall
uninstall: ## remove what install put there
	rm -f '$(INSTALLED)/include/lfrec.h' '$(INSTALLED)/share/pkgconfig/lfrec.pc' '$(INSTALLED)/bin/lfrec-kafka' \
	    '$(INSTALLED)/share/man/man1/lfrec-kafka.1' '$(INSTALLED)/lib/lfrec/lfrec-interceptor.so'

.PHONY: deb
deb: ## build/lfrec_VERSION_ARCH.deb: the program, the interceptor, the header, a systemd unit and its configuration
	@.ci/deps package
	@$(MAKE) --no-print-directory $(PARALLEL) $(DAEMON) $(INTERCEPTOR) >&2
	@plugin/packaging/build_deb.sh $(OUT) build

# ---- and more ------------------------------------------------------------------------------------------------------------

.PHONY: format
format: ## rewrite the sources by clang-format
	@tests/style.sh format

.PHONY: tidy
tidy: ## clang-tidy alone
	@tests/style.sh tidy

.PHONY: dist
dist: ## build/lfrec-VERSION.tar.gz of the last commit, and try it: unpack, build, run the suites
	@mkdir -p build/dist
	git archive --prefix=lfrec-$(VERSION)/ -o build/lfrec-$(VERSION).tar.gz HEAD
	rm -rf build/dist/lfrec-$(VERSION)
	tar -xzf build/lfrec-$(VERSION).tar.gz -C build/dist
	$(MAKE) -C build/dist/lfrec-$(VERSION) all test-unit

.PHONY: clean
clean: ## remove build/
	rm -rf build

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | while IFS="$$(printf '\t')" read -r target text; do \
	    printf '  make %-15s %s\n' "$$target" "$$text"; done
	@echo "Variables: VARIANT=gcc|clang|asan|tsan|valgrind|fuzz  CC=  CFLAGS='-O2 -g'  WERROR=  V=1  PREFIX=  DESTDIR=  INSTALL=no (never call apt-get)"

.PHONY: always
.DELETE_ON_ERROR:
.SECONDARY:
