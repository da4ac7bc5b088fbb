# espota: make, make deps, make demo, make check. See CONTRIBUTING.md.

CC      ?= cc
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := $(shell sed -n 's/.*ESPOTA_VERSION "\(.*\)".*/\1/p' include/espota/version.h)
SOVERSION := 0

BINDIR     = $(PREFIX)/bin
LIBDIR     = $(PREFIX)/lib
INCLUDEDIR = $(PREFIX)/include
MANDIR     = $(PREFIX)/share/man
BASHDIR    = $(PREFIX)/share/bash-completion/completions
ZSHDIR     = $(PREFIX)/share/zsh/site-functions
DATADIR    = $(PREFIX)/share/espota
FISHDIR    = $(PREFIX)/share/fish/vendor_completions.d

# ---- packages ---------------------------------------------------------------------------------------------
BUILD_PACKAGES = gcc make pkg-config libcurl4-openssl-dev libssl-dev libserialport-dev libjansson-dev \
                 libdeflate-dev zlib1g-dev
CHECK_PACKAGES = libcmocka-dev clang clang-format clang-tidy cppcheck shellcheck mandoc nginx-light python3 \
                 python3-venv openssl curl libclang-rt-14-dev bash zsh fish
# For the recovery agents; without them their checks are skipped.
FIRMWARE_PACKAGES = gcc-xtensa-lx106 gcc-riscv64-unknown-elf qemu-system-misc
# pkg-config module and the Debian package that brings it
LIBRARIES = libcurl:libcurl4-openssl-dev libcrypto:libssl-dev libserialport:libserialport-dev \
            jansson:libjansson-dev libdeflate:libdeflate-dev zlib:zlib1g-dev
MODULES := $(foreach l,$(LIBRARIES),$(firstword $(subst :, ,$(l))))

NO_BUILD_GOALS = deps clean uninstall
ifneq ($(filter-out $(NO_BUILD_GOALS),$(or $(MAKECMDGOALS),all)),)
ifeq ($(filter deps,$(MAKECMDGOALS)),)
ifeq ($(shell command -v pkg-config),)
$(error the Debian package pkg-config is missing: run 'make deps')
endif
MISSING := $(foreach l,$(LIBRARIES),$(if $(shell pkg-config --exists $(firstword $(subst :, ,$(l))) && echo y),,$(lastword $(subst :, ,$(l)))))
ifneq ($(strip $(MISSING)),)
$(error missing Debian packages: $(strip $(MISSING)): run 'make deps')
endif
endif
endif

# 'make V=1' shows whole commands.
ifeq ($(V),)
QUIET = @printf '  %-5s %s\n'
RUN = @
endif
QUIET ?= @:

# ---- flags ------------------------------------------------------------------------------------------------
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
           -Wpointer-arith -Wcast-qual -Wvla -Wformat=2 -Wundef -Wwrite-strings -Werror
CFLAGS  ?= -O2 -g
override CPPFLAGS += -Iinclude -Isrc -Ifirmware/agent/include -Ifirmware/port/posix -D_GNU_SOURCE
override CFLAGS += -std=c11 $(WARNINGS) -fPIC -fvisibility=hidden $(SANITIZE)
override LDFLAGS += $(SANITIZE)
LIB_CFLAGS := $(shell pkg-config --cflags $(MODULES))
LIB_LIBS   := $(shell pkg-config --libs $(MODULES))
# What firmware compiles too: C99, freestanding.
PURE_CFLAGS = -std=c99 -ffreestanding

# ---- sources ----------------------------------------------------------------------------------------------
# libespota; and what only the program has: the simulator with the agent in it, the terminal, the commands.
LIB_SOURCES  := $(wildcard src/format/*.c src/base/*.c src/plan/*.c src/chip/*.c src/link/*.c src/device/*.c \
                src/device/*/*.c src/update/*.c src/fetch/*.c)
SIM_SOURCES  := $(wildcard firmware/agent/*.c firmware/port/posix/*.c src/sim/*.c)
CLI_SOURCES  := $(wildcard src/ui/*.c src/cli/*.c)
LIB_OBJECTS  := $(LIB_SOURCES:%.c=$(BUILD)/obj/%.o)
SIM_OBJECTS  := $(SIM_SOURCES:%.c=$(BUILD)/obj/%.o)
CLI_OBJECTS  := $(CLI_SOURCES:%.c=$(BUILD)/obj/%.o)
# What tests link with: library and simulator, with their insides.
INTERNAL     := $(BUILD)/libinternal.a
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_TESTS   := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/unit/%)
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZERS      := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/fuzz/%)
FAULT        := $(BUILD)/fault/fault
BENCH_SOURCES := $(wildcard tests/bench/bench_*.c)
BENCHES      := $(BENCH_SOURCES:tests/bench/%.c=$(BUILD)/bench/%)
TOOL_SOURCES := $(wildcard tests/tools/*.c)
TOOLS        := $(TOOL_SOURCES:tests/tools/%.c=$(BUILD)/tools/%)
C_FILES      := $(shell find include src firmware tests -name '*.[ch]' 2>/dev/null)
SHELL_FILES  := $(shell find tests completions man firmware .ci -name '*.sh' -o -path .ci/run 2>/dev/null)

.PHONY: all deps demo check check-asan check-fault lint fuzz bench install uninstall clean unit tools interop man
all: $(BUILD)/espota $(BUILD)/libespota.so

$(BUILD)/espota: $(CLI_OBJECTS) $(SIM_OBJECTS) $(BUILD)/libespota.a
	$(QUIET) LINK $@
	$(RUN)$(CC) $(LDFLAGS) -o $@ $^ $(LIB_LIBS)

# One object, in which all but the public names are local: nothing of ours collides with a program's own names.
$(BUILD)/obj/libespota.o: $(LIB_OBJECTS)
	$(QUIET) LD $@
	$(RUN)$(LD) -r -o $@ $^ && objcopy --wildcard --keep-global-symbol='espota_*' $@

$(BUILD)/libespota.a: $(BUILD)/obj/libespota.o
	@rm -f $@
	$(QUIET) AR $@
	$(RUN)$(AR) rcs $@ $^

$(BUILD)/libespota.so: $(LIB_OBJECTS) src/libespota.map
	$(QUIET) LINK $@
	$(RUN)$(CC) $(LDFLAGS) -shared -Wl,-soname,libespota.so.$(SOVERSION) -Wl,--version-script=src/libespota.map \
	    -o $@ $(LIB_OBJECTS) $(LIB_LIBS)

$(INTERNAL): $(LIB_OBJECTS) $(SIM_OBJECTS)
	@rm -f $@
	$(QUIET) AR $@
	$(RUN)$(AR) rcs $@ $^

$(BUILD)/obj/src/format/%.o: src/format/%.c
	@mkdir -p $(@D)
	$(QUIET) CC $<
	$(RUN)$(CC) $(CPPFLAGS) $(CFLAGS) $(PURE_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/firmware/agent/%.o: firmware/agent/%.c
	@mkdir -p $(@D)
	$(QUIET) CC $<
	$(RUN)$(CC) $(CPPFLAGS) $(CFLAGS) $(PURE_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(QUIET) CC $<
	$(RUN)$(CC) $(CPPFLAGS) $(CFLAGS) $(LIB_CFLAGS) -MMD -MP -c -o $@ $<

# ---- tests ------------------------------------------------------------------------------------------------
# A program of one file and the library; $(1): more libraries.
define program
@mkdir -p $(@D)
$(QUIET) CC $<
$(RUN)$(CC) $(CPPFLAGS) -Itests -Ifirmware/port/bare $(CFLAGS) $(LIB_CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(INTERNAL) $(LIB_LIBS) $(1)
endef

$(BUILD)/unit/%: tests/unit/%.c $(INTERNAL)
	$(call program,-lcmocka)

$(BUILD)/tools/%: tests/tools/%.c $(INTERNAL)
	$(call program)

unit: $(UNIT_TESTS)
tools: $(TOOLS)

check: all unit tools
	@BUILD=$(BUILD) tests/run.sh

check-asan:
	$(MAKE) BUILD=$(BUILD)/asan SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" \
	    CFLAGS="-O1 -g" ESPOTA_SANITIZED=1 check

# The options in the man pages are what the program says.
man: all
	man/options.sh $(BUILD)/espota

interop: all tools
	@BUILD=$(BUILD) tests/run.sh interop

$(FAULT): tests/fault/fault.c $(INTERNAL)
	$(call program)

# Power fails at every flash operation of every procedure, and again in the next run.
check-fault: $(FAULT)
	$(FAULT)

# The library once, instrumented, for all fuzzers.
FUZZ_CFLAGS = -g -O1 -fno-sanitize-recover=all
FORCE:
$(BUILD)/fuzz/lib/libinternal.a: FORCE
	@$(MAKE) --no-print-directory CC=clang BUILD=$(BUILD)/fuzz/lib CFLAGS="$(FUZZ_CFLAGS)" \
	    SANITIZE="-fsanitize=fuzzer-no-link,address,undefined" $@

$(BUILD)/fuzz/%: tests/fuzz/%.c $(BUILD)/fuzz/lib/libinternal.a
	@mkdir -p $(@D)
	$(QUIET) FUZZ $<
	$(RUN)clang -fsanitize=fuzzer,address,undefined $(FUZZ_CFLAGS) $(CPPFLAGS) -std=c11 $(LIB_CFLAGS) \
	    $(FUZZ_FLAGS) -o $@ $< $(BUILD)/fuzz/lib/libinternal.a $(LIB_LIBS)

# A fuzzer of what waits replaces the clock.
$(BUILD)/fuzz/fuzz_rom: FUZZ_FLAGS = -Wl,--wrap=espota_now_ms,--wrap=espota_sleep_ms

FUZZ_SECONDS ?= 10
fuzz: $(FUZZERS)
	@BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh $(FUZZERS)

$(BUILD)/bench/%: tests/bench/%.c $(INTERNAL)
	$(call program)

bench: all tools $(BENCHES)
	@BUILD=$(BUILD) tests/bench/run.sh $(BENCHES)

lint: all
	@BUILD=$(BUILD) CPPFLAGS="$(CPPFLAGS)" LIB_CFLAGS="$(LIB_CFLAGS)" tests/lint.sh

demo: all tools
	@BUILD=$(BUILD) tests/demo.sh

deps:
	@tests/deps.sh $(BUILD_PACKAGES) $(CHECK_PACKAGES) --optional $(FIRMWARE_PACKAGES)

include firmware/firmware.mk

# ---- installation -----------------------------------------------------------------------------------------
MAN_PAGES := $(wildcard man/*.1)

install: all
	install -d $(DESTDIR)$(DATADIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/espota \
	    $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR)
	install -m 755 $(BUILD)/espota $(DESTDIR)$(BINDIR)/espota
	install -m 644 $(BUILD)/libespota.a $(DESTDIR)$(LIBDIR)/libespota.a
	install -m 644 $(BUILD)/libespota.so $(DESTDIR)$(LIBDIR)/libespota.so.$(VERSION)
	ln -sf libespota.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libespota.so.$(SOVERSION)
	ln -sf libespota.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libespota.so
	install -m 644 include/espota/*.h $(DESTDIR)$(INCLUDEDIR)/espota
	install -m 644 $(MAN_PAGES) $(DESTDIR)$(MANDIR)/man1
	install -m 644 contrib/60-espota.rules $(DESTDIR)$(DATADIR)/60-espota.rules
	install -m 644 completions/espota.bash $(DESTDIR)$(BASHDIR)/espota
	install -m 644 completions/_espota $(DESTDIR)$(ZSHDIR)/_espota
	install -m 644 completions/espota.fish $(DESTDIR)$(FISHDIR)/espota.fish
	printf 'prefix=%s\nlibdir=$${prefix}/lib\nincludedir=$${prefix}/include\n\nName: espota\nDescription: plan, flash and update ESP32 devices\nVersion: %s\nRequires.private: %s\nLibs: -L$${libdir} -lespota\nCflags: -I$${includedir}\n' \
	    '$(PREFIX)' '$(VERSION)' '$(MODULES)' > $(DESTDIR)$(LIBDIR)/pkgconfig/espota.pc

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/espota $(DESTDIR)$(LIBDIR)/libespota.a $(DESTDIR)$(LIBDIR)/libespota.so* \
	    $(DESTDIR)$(LIBDIR)/pkgconfig/espota.pc $(DESTDIR)$(BASHDIR)/espota $(DESTDIR)$(ZSHDIR)/_espota \
	    $(DESTDIR)$(FISHDIR)/espota.fish $(patsubst man/%,$(DESTDIR)$(MANDIR)/man1/%,$(MAN_PAGES))
	rm -rf $(DESTDIR)$(INCLUDEDIR)/espota $(DESTDIR)$(DATADIR)

clean:
	rm -rf $(BUILD)

-include $(LIB_OBJECTS:.o=.d) $(SIM_OBJECTS:.o=.d) $(CLI_OBJECTS:.o=.d) $(UNIT_TESTS:=.d) $(TOOLS:=.d) $(BENCHES:=.d) $(FAULT).d
