# espota: make, make deps, make demo, make check. See CONTRIBUTING.md.

CC      ?= cc
# Of the same make as CC.
ifeq ($(origin CXX),default)
CXX     := $(if $(findstring clang,$(CC)),$(subst clang,clang++,$(CC)),$(if $(findstring gcc,$(CC)),$(subst gcc,g++,$(CC)),c++))
endif
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
# Debian's names, which are Ubuntu's too; what is looked for and the package that brings it, as LOOKED-FOR:PACKAGE.
first  = $(foreach p,$(1),$(firstword $(subst :, ,$(p))))
second = $(foreach p,$(1),$(lastword $(subst :, ,$(p))))
paired = $(foreach p,$(1),$(if $(findstring :,$(p)),$(p)))
# pkg-config modules
LIBRARIES = libcurl:libcurl4-openssl-dev libcrypto:libssl-dev libserialport:libserialport-dev \
            jansson:libjansson-dev libdeflate:libdeflate-dev zlib:zlib1g-dev libelf:libelf-dev \
            libdw:libdw-dev libdivsufsort:libdivsufsort-dev libarchive:libarchive-dev \
            avahi-client:libavahi-client-dev dbus-1:libdbus-1-dev
MODULES := $(call first,$(LIBRARIES))
# ... and those that Debian has without a module: header and package, and what they are linked by.
PLAIN_LIBRARIES = wslay/wslay.h:libwslay-dev
PLAIN_LIBS = -lwslay
# ... and what only the program needs.
PROGRAM_LIBRARIES = inih:libinih-dev
PROGRAM_MODULES := $(call first,$(PROGRAM_LIBRARIES))
# ... of which this is all in its header.
HEADER_LIBRARIES = tomlplusplus:libtomlplusplus-dev
# Commands. Without what stands alone a goal works, with less in it.
BUILD_NEEDS       = $(firstword $(CC)):$(if $(findstring clang,$(CC)),clang,gcc) \
                    $(firstword $(CXX)):$(if $(findstring clang,$(CXX)),clang,g++) pkg-config:pkg-config
demo_NEEDS        = python3:python3
check_NEEDS       = python3:python3 python3-venv openssl:openssl curl:curl bash:bash jq:jq zsh fish nginx cmake dosfstools mtools \
                    dbus avahi-daemon avahi-utils
check-asan_NEEDS  = $(check_NEEDS)
interop_NEEDS     = $(check_NEEDS)
lint_NEEDS        = clang-format:clang-format clang-tidy:clang-tidy cppcheck:cppcheck shellcheck:shellcheck mandoc:mandoc
fuzz_NEEDS        = clang:clang libclang-rt-dev
fuzz-minimise_NEEDS = $(fuzz_NEEDS)
firmware_NEEDS    = xtensa-lx106-elf-gcc:gcc-xtensa-lx106 riscv64-unknown-elf-gcc:gcc-riscv64-unknown-elf
firmware-size_NEEDS = $(firmware_NEEDS)
check-fresh_NEEDS = debootstrap debian-archive-keyring
deb_NEEDS         = build-essential dpkg-buildpackage:dpkg-dev dh:debhelper lintian:lintian
# What Debian's libcurl.a and libdw.a stand on.
static_NEEDS      = liblzma-dev libbz2-dev libnghttp2-dev libidn2-dev libunistring-dev libpsl-dev libssh2-1-dev libzstd-dev libbrotli-dev
# The goals that want cmocka, and those that test the firmware, where it can be had.
UNIT_GOALS = unit check check-asan check-tsan deb
FIRMWARE_TESTS = check check-asan interop

GOALS := $(filter-out deps,$(MAKECMDGOALS))
ifneq ($(filter deps,$(MAKECMDGOALS)),)
# Packages come first, then a make that finds what they brought. With no other goal: what any goal needs.
FOR := $(or $(GOALS),demo check lint fuzz check-fresh deb static)
PACKAGES = make libc6-dev $(call second,$(BUILD_NEEDS) $(LIBRARIES) $(PLAIN_LIBRARIES) $(PROGRAM_LIBRARIES) $(HEADER_LIBRARIES) $(foreach g,$(FOR),$($(g)_NEEDS))) \
           $(if $(filter $(UNIT_GOALS),$(FOR)),libcmocka-dev)
OPTIONAL = $(if $(filter $(FIRMWARE_TESTS),$(FOR)),$(call second,$(firmware_NEEDS)) qemu-system-misc gdb-multiarch)

.PHONY: deps after-deps $(GOALS)
deps:
	@tests/deps.sh $(sort $(PACKAGES)) --optional $(sort $(OPTIONAL))
ifneq ($(GOALS),)
$(GOALS): after-deps ; @:
after-deps: deps
	@$(MAKE) --no-print-directory $(GOALS)
endif

else # of deps, to the end of this file

NO_BUILD_GOALS = clean uninstall check-fresh
ifneq ($(filter-out $(NO_BUILD_GOALS),$(or $(GOALS),all)),)
WANTED := $(LIBRARIES) $(PROGRAM_LIBRARIES) $(HEADER_LIBRARIES) $(if $(filter $(UNIT_GOALS),$(GOALS)),cmocka:libcmocka-dev)
MISSING := $(foreach n,$(call paired,$(BUILD_NEEDS) $(foreach g,$(GOALS),$($(g)_NEEDS))),\
             $(if $(shell command -v $(call first,$(n)) 2>/dev/null),,$(call second,$(n))))
ifeq ($(shell pkg-config --exists $(call first,$(WANTED)) 2>/dev/null && echo y),)
MISSING += $(foreach w,$(WANTED),$(if $(shell pkg-config --exists $(call first,$(w)) 2>/dev/null && echo y),,$(call second,$(w))))
endif
MISSING += $(foreach w,$(PLAIN_LIBRARIES),$(if $(shell echo '\#include <$(call first,$(w))>' | $(CC) $(CPPFLAGS) -E - >/dev/null 2>&1 && echo y),,$(call second,$(w))))
ifneq ($(strip $(MISSING)),)
$(error missing Debian packages: $(sort $(MISSING)): run '$(strip make deps $(GOALS))')
endif
LIB_CFLAGS := $(shell pkg-config --cflags $(MODULES) $(PROGRAM_MODULES))
LIB_LIBS   := $(shell pkg-config --libs $(MODULES)) $(PLAIN_LIBS)
PROGRAM_LIBS := $(shell pkg-config --libs $(PROGRAM_MODULES))
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
CXXFLAGS ?= $(CFLAGS)
CXXFLAGS := $(CXXFLAGS)
override CXXFLAGS += -std=c++17 $(filter-out -Wstrict-prototypes -Wmissing-prototypes,$(WARNINGS)) -fno-rtti -fPIC -fvisibility=hidden $(SANITIZE)
override CPPFLAGS += -Iinclude -Isrc -Ifirmware/agent/include -Ifirmware/agent -Ifirmware/pull -Ifirmware/port -Ifirmware/port/bare -Ifirmware/port/posix -D_GNU_SOURCE
override CFLAGS += -std=c11 $(WARNINGS) -fPIC -fvisibility=hidden $(SANITIZE)
override LDFLAGS += $(SANITIZE)
# What firmware compiles too: C99, freestanding.
PURE_CFLAGS = -std=c99 -ffreestanding -DESPOTA_CODER_XTENSA -DESPOTA_CODER_RISCV -DESPOTA_CODER_BASE -DESPOTA_CODER_DEEP_MODEL -DESPOTA_CODER_ENCODER

# ---- sources ----------------------------------------------------------------------------------------------
# libespota; and what only the program has: the simulator with the agent in it, the terminal, the commands.
LIB_SOURCES  := $(wildcard src/format/*.c src/base/*.c src/plan/*.c src/chip/*.c src/image/*.c src/link/*.c src/symbols/*.c src/device/*.c \
                src/device/*/*.c src/update/*.c src/fetch/*.c src/gateway/*.c)
# The simulator runs the stub's source.
SIM_SOURCES  := $(wildcard firmware/agent/*.c firmware/pull/*.c firmware/port/posix/*.c src/sim/*.c) \
                firmware/port/stub/stub.c $(addprefix firmware/port/bare/,serve.c sha256.c md5.c)
CLI_SOURCES  := $(wildcard src/ui/*.c src/cli/*.c)
CXX_SOURCES  := $(wildcard src/cli/*.cpp)
LIB_OBJECTS  := $(LIB_SOURCES:%.c=$(BUILD)/obj/%.o)
SIM_OBJECTS  := $(SIM_SOURCES:%.c=$(BUILD)/obj/%.o)
CLI_OBJECTS  := $(CLI_SOURCES:%.c=$(BUILD)/obj/%.o) $(CXX_SOURCES:%.cpp=$(BUILD)/obj/%.o)
# What tests link with: library and simulator, with their insides.
INTERNAL     := $(BUILD)/libinternal.a
# Boards and images for unit tests, power cuts, fuzzers and benchmarks.
FIXTURE_SOURCES := $(wildcard tests/fixtures/*.c)
FIXTURE_OBJECTS := $(FIXTURE_SOURCES:%.c=$(BUILD)/obj/%.o)
FIXTURES     := $(BUILD)/libfixtures.a
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_TESTS   := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/unit/%)
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZERS      := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/fuzz/%)
FAULT        := $(BUILD)/fault/fault
BENCH_SOURCES := $(wildcard tests/bench/bench_*.c)
BENCHES      := $(BENCH_SOURCES:tests/bench/%.c=$(BUILD)/bench/%)
TOOL_SOURCES := $(wildcard tests/tools/*.c)
TOOLS        := $(TOOL_SOURCES:tests/tools/%.c=$(BUILD)/tools/%)

.PHONY: all demo check check-asan check-tsan check-fault check-fresh lint fuzz fuzz-minimise bench install uninstall clean unit tools interop man deb static
all: $(BUILD)/espota $(BUILD)/libespota.so

$(BUILD)/espota: $(CLI_OBJECTS) $(SIM_OBJECTS) $(BUILD)/libespota.a
	$(QUIET) LINK $@
	$(RUN)$(CXX) $(LDFLAGS) -o $@ $^ $(PROGRAM_LIBS) $(LIB_LIBS)

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

$(BUILD)/obj/firmware/pull/%.o: firmware/pull/%.c
	@mkdir -p $(@D)
	$(QUIET) CC $<
	$(RUN)$(CC) $(CPPFLAGS) $(CFLAGS) $(PURE_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(QUIET) CC $<
	$(RUN)$(CC) $(CPPFLAGS) $(CFLAGS) $(LIB_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.cpp
	@mkdir -p $(@D)
	$(QUIET) CXX $<
	$(RUN)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

# It has the script in it.
$(BUILD)/obj/src/sim/repl_script.o: src/sim/repl_board.py

# ---- tests ------------------------------------------------------------------------------------------------
$(FIXTURES): $(FIXTURE_OBJECTS)
	@rm -f $@
	$(QUIET) AR $@
	$(RUN)$(AR) rcs $@ $^

# A program of one file, objects, the fixtures and the library; $(1): more libraries.
define program
@mkdir -p $(@D)
$(QUIET) CC $<
$(RUN)$(CC) $(CPPFLAGS) -Itests -Ifirmware/port/bare $(CFLAGS) $(LIB_CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(filter %.o,$^) $(FIXTURES) $(INTERNAL) $(LIB_LIBS) $(1)
endef

$(BUILD)/unit/%: tests/unit/%.c $(FIXTURES) $(INTERNAL)
	$(call program,-lcmocka)

# What several of them share and is in no fixture, since it uses cmocka.
$(BUILD)/obj/tests/unit/%.o: CPPFLAGS += -Itests
$(BUILD)/unit/test_agent_write $(BUILD)/unit/test_client_rate: $(BUILD)/obj/tests/unit/write_rig.o
$(BUILD)/unit/test_agent_base $(BUILD)/unit/test_ota_base $(BUILD)/unit/test_ota_base_trouble: $(BUILD)/obj/tests/unit/base_rig.o
$(BUILD)/unit/test_pull $(BUILD)/unit/test_pull_trouble $(BUILD)/unit/test_ota_pull: $(BUILD)/obj/tests/unit/pull_rig.o

# What is tested of the commands lies in no library.
$(BUILD)/unit/test_json: $(BUILD)/obj/src/cli/json.o $(BUILD)/obj/src/ui/clean.o
$(BUILD)/unit/test_console: $(BUILD)/obj/src/cli/console.o $(BUILD)/obj/src/cli/console_bytes.o $(BUILD)/obj/src/ui/clean.o
$(BUILD)/unit/test_keyboard: $(BUILD)/obj/src/cli/keyboard.o $(BUILD)/obj/src/cli/comeback.o
COMMAND_LINE = $(addprefix $(BUILD)/obj/src/,$(addsuffix .o,cli/options cli/suggest cli/foreign cli/settings \
               ui/message ui/clean))
$(BUILD)/unit/test_options $(BUILD)/unit/test_foreign: $(COMMAND_LINE)

$(BUILD)/tools/%: tests/tools/%.c $(FIXTURES) $(INTERNAL)
	$(call program)

unit: $(UNIT_TESTS)
tools: $(TOOLS)

check: all unit tools
	@BUILD=$(BUILD) tests/run.sh

check-asan:
	$(MAKE) BUILD=$(BUILD)/asan SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" \
	    CFLAGS="-O1 -g" ESPOTA_SANITIZED=1 check

# Several devices from several threads, under ThreadSanitizer.
TSAN_TESTS = test_threads test_fleet test_published_patches test_stream_cache test_stream_base test_fleet_update
check-tsan:
	$(MAKE) BUILD=$(BUILD)/tsan SANITIZE="-fsanitize=thread -fno-omit-frame-pointer" $(TSAN_TESTS:%=$(BUILD)/tsan/unit/%)
	set -e; for test in $(TSAN_TESTS); do $(BUILD)/tsan/unit/$$test; done

# The options in the man pages are what the program says.
man: all
	man/options.sh $(BUILD)/espota

interop: all tools
	@BUILD=$(BUILD) tests/run.sh interop

$(FAULT): tests/fault/fault.c $(FIXTURES) $(INTERNAL)
	$(call program)

# Power fails at every flash operation of every procedure, and again in the next run.
check-fault: $(FAULT)
	$(FAULT)

# The set-up in README, on systems that have nothing yet.
check-fresh:
	@exec env BUILD=$(BUILD) tests/fresh.sh bookworm:root trixie:newcomer:4

# Library and fixtures once, instrumented, for all fuzzers.
FUZZ_LIBS = $(BUILD)/fuzz/lib/libfixtures.a $(BUILD)/fuzz/lib/libinternal.a
FUZZ_CFLAGS = -g -O1 -fno-sanitize-recover=all
FORCE:
$(FUZZ_LIBS) &: FORCE
	@$(MAKE) --no-print-directory CC=clang BUILD=$(BUILD)/fuzz/lib CFLAGS="$(FUZZ_CFLAGS)" \
	    SANITIZE="-fsanitize=fuzzer-no-link,address,undefined" $(FUZZ_LIBS)

$(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_LIBS)
	@mkdir -p $(@D)
	$(QUIET) FUZZ $<
	$(RUN)clang -fsanitize=fuzzer,address,undefined $(FUZZ_CFLAGS) $(CPPFLAGS) -Itests -std=c11 $(LIB_CFLAGS) \
	    -o $@ $< $(FUZZ_LIBS) $(LIB_LIBS)

FUZZ_SECONDS ?= 10
fuzz: $(FUZZERS)
	@BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh $(FUZZERS)

# Of the corpora and of what was found since, the few inputs that reach all that is reached.
fuzz-minimise: $(FUZZERS)
	@BUILD=$(BUILD) tests/fuzz/minimise.sh $(FUZZERS)

$(BUILD)/bench/%: tests/bench/%.c $(FIXTURES) $(INTERNAL)
	$(call program)

bench: all tools $(BENCHES)
	@BUILD=$(BUILD) tests/bench/run.sh $(BENCHES)

lint: all
	@BUILD=$(BUILD) CPPFLAGS="$(CPPFLAGS)" LIB_CFLAGS="$(LIB_CFLAGS)" tests/lint.sh

demo: all tools
	@BUILD=$(BUILD) tests/demo.sh

include firmware/firmware.mk

# ---- packages, and a program for any system ------------------------------------------------------------------
DEB_TREE = $(BUILD)/deb/espota-$(VERSION)
# Of a copy of this tree: Debian packages, in build/deb.
deb:
	rm -rf $(BUILD)/deb && mkdir -p $(DEB_TREE)
	tar -cf - --exclude-vcs --exclude='./build*' --exclude=./$(BUILD) . | tar -xf - -C $(DEB_TREE)
	cd $(DEB_TREE) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BUILD dpkg-buildpackage -us -uc -b
	cd $(BUILD)/deb && lintian --allow-root --fail-on error,warning *.changes

# One file that needs no library of the system it runs on.
static: $(BUILD)/static/espota
$(BUILD)/static/espota: $(CLI_OBJECTS) $(SIM_OBJECTS) $(LIB_OBJECTS) contrib/link-static.sh
	@mkdir -p $(@D)
	$(QUIET) LINK $@
	$(RUN)contrib/link-static.sh $(firstword $(CC)) $@ $(filter %.o,$^) -- $(PROGRAM_MODULES) $(MODULES)
	$(RUN)strip $@

# ---- installation -----------------------------------------------------------------------------------------
MAN1_PAGES := $(wildcard man/*.1)
MAN7_PAGES := $(wildcard man/*.7)

install: all
	install -d $(DESTDIR)$(DATADIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/espota \
	    $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR)
	install -m 755 $(BUILD)/espota $(DESTDIR)$(BINDIR)/espota
	install -m 644 $(BUILD)/libespota.a $(DESTDIR)$(LIBDIR)/libespota.a
	install -m 644 $(BUILD)/libespota.so $(DESTDIR)$(LIBDIR)/libespota.so.$(VERSION)
	ln -sf libespota.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libespota.so.$(SOVERSION)
	ln -sf libespota.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libespota.so
	install -m 644 include/espota/*.h $(DESTDIR)$(INCLUDEDIR)/espota
	install -m 644 $(MAN1_PAGES) $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(MAN7_PAGES) $(DESTDIR)$(MANDIR)/man7
	install -m 644 contrib/60-espota.rules $(DESTDIR)$(DATADIR)/60-espota.rules
	install -m 644 contrib/espota-gateway.service $(DESTDIR)$(DATADIR)/espota-gateway.service
	install -m 644 completions/espota.bash $(DESTDIR)$(BASHDIR)/espota
	install -m 644 completions/_espota $(DESTDIR)$(ZSHDIR)/_espota
	install -m 644 completions/espota.fish $(DESTDIR)$(FISHDIR)/espota.fish
	printf 'prefix=%s\nlibdir=$${prefix}/lib\nincludedir=$${prefix}/include\n\nName: espota\nDescription: plan, flash and update ESP32 devices\nVersion: %s\nRequires.private: %s\nLibs: -L$${libdir} -lespota\nLibs.private: %s\nCflags: -I$${includedir}\n' \
	    '$(PREFIX)' '$(VERSION)' '$(MODULES)' '$(PLAIN_LIBS)' > $(DESTDIR)$(LIBDIR)/pkgconfig/espota.pc

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/espota $(DESTDIR)$(LIBDIR)/libespota.a $(DESTDIR)$(LIBDIR)/libespota.so* \
	    $(DESTDIR)$(LIBDIR)/pkgconfig/espota.pc $(DESTDIR)$(BASHDIR)/espota $(DESTDIR)$(ZSHDIR)/_espota \
	    $(DESTDIR)$(FISHDIR)/espota.fish $(MAN1_PAGES:man/%=$(DESTDIR)$(MANDIR)/man1/%) \
	    $(MAN7_PAGES:man/%=$(DESTDIR)$(MANDIR)/man7/%)
	rm -rf $(DESTDIR)$(INCLUDEDIR)/espota $(DESTDIR)$(DATADIR)

clean:
	rm -rf $(BUILD)

-include $(LIB_OBJECTS:.o=.d) $(BUILD)/obj/tests/unit/write_rig.d $(addprefix $(BUILD)/obj/tests/unit/,base_rig.d pull_rig.d) $(SIM_OBJECTS:.o=.d) $(CLI_OBJECTS:.o=.d) $(FIXTURE_OBJECTS:.o=.d) $(UNIT_TESTS:=.d) $(TOOLS:=.d) $(BENCHES:=.d) $(FAULT).d

endif # of deps
