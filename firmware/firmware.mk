# Agents on bare chips, cross-compiled by Debian's compilers alone: the recovery agent, an app image, and the stub, which
# the loader in a chip's ROM loads: make firmware, make firmware-size, make stubs-update.
FW        := $(BUILD)/firmware
XTENSA    := xtensa-lx106-elf-
RISCV     := riscv64-unknown-elf-
FW_AGENT  ?= firmware/agent
FW_CORE   := $(wildcard $(FW_AGENT)/*.c) $(addprefix src/format/,bootsel.c crc32.c image.c otadata.c signature.c slip.c table.c table_binary.c)
FW_CODER  := $(filter-out %_encode.c,$(wildcard src/format/coder*.c))
# Crypto is counted apart from the core.
FW_SHARED := $(filter-out %/main.c %/divide.c,$(wildcard firmware/port/bare/*.c))
FW_CFLAGS := -std=c99 -ffreestanding -Os -DESPOTA_SMALL -g -ffunction-sections -fdata-sections -fno-tree-loop-distribute-patterns \
             $(WARNINGS) -Wno-cast-qual -isystem firmware/port/bare/include -Iinclude -I$(FW_AGENT)/include -Ifirmware/port/bare
# What makes GCC's Xtensa code of the core smaller; it makes other code slower.
FW_SMALL_xtensa := -Wa,--no-target-align -fno-cse-follow-jumps -fno-thread-jumps -fno-tree-tail-merge -fno-early-inlining \
                   -fno-tree-dominator-opts
$(foreach d,esp32 core/xtensa decoder/xtensa bases/xtensa stub/xtensa,$(patsubst %.c,$(FW)/$(d)/%.o,$(FW_CORE))): FW_CFLAGS += $(FW_SMALL_xtensa)
# Nine tenths of decoding's time, so not for size.
$(FW)/%/coder_base.o $(FW)/%/coder_map.o $(FW)/%/coder_segments.o $(FW)/%/coder_xtensa_base.o $(FW)/%/coder_riscv_base.o $(FW)/%/coder_mix.o $(FW)/%/coder_deep.o $(FW)/%/coder_arithmetic.o: FW_CFLAGS += -O2
$(foreach f,$(notdir $(FW_CODER:.c=.o)),$(FW)/%/$(f)): ARCH_riscv += -mno-save-restore
comma     := ,
FW_LDFLAGS := -nostdlib -Wl,--gc-sections,--fatal-warnings -Lfirmware/port/bare

CC_xtensa   := $(XTENSA)gcc
MORE_xtensa := firmware/port/bare/divide.c
ARCH_xtensa := -mtext-section-literals -DESPOTA_CODER_XTENSA
CC_riscv    := $(RISCV)gcc
ARCH_riscv  := -march=rv32imc -mabi=ilp32 -misa-spec=2.2 -msave-restore -DESPOTA_CODER_RISCV

FW_TARGETS   := esp32 esp32c3 virt
ISA_esp32    := xtensa
ISA_esp32c3  := riscv
ISA_virt     := riscv
START_xtensa := firmware/port/bare/start_xtensa.S
START_riscv  := firmware/port/bare/start_riscv.S
# As many sector buffers as their RAM takes: while flash erases a block, the decoder goes on.
FW_RECOVERY_CFLAGS := -DESPOTA_AGENT_SECTORS=4 -DESPOTA_CODER_BASE
$(FW)/esp32/%.o: FW_RECOVERY_CFLAGS := -DESPOTA_AGENT_SECTORS=8 -DESPOTA_AGENT_BASE_LINES=96 -DESPOTA_CODER_BASE

FW_IMAGES := $(FW)/esp32/recovery.bin $(FW)/esp32c3/recovery.bin

define firmware_rules
FW_OBJECTS_$(1) := $$(patsubst %.c,$$(FW)/$(1)/%.o,$$(FW_CORE) $$(FW_CODER) $$(FW_SHARED) $$(MORE_$(2)) src/format/noise.c firmware/port/bare/main.c \
    $$(wildcard firmware/port/$(1)/*.c firmware/port/chip/$(1).c))
$$(FW)/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$$(QUIET) $(1) $$<
	$$(RUN)$$(CC_$(2)) $$(ARCH_$(2)) $$(FW_CFLAGS) $$(FW_RECOVERY_CFLAGS) -MMD -MP -c -o $$@ $$<
$$(FW)/$(1)/recovery.elf: $$(FW_OBJECTS_$(1)) $$(START_$(2)) firmware/port/$(1)/$(1).ld firmware/port/bare/sections.ld
	$$(QUIET) LINK $$@
	$$(RUN)$$(CC_$(2)) $$(ARCH_$(2)) $$(FW_LDFLAGS) -T firmware/port/$(1)/$(1).ld -Wl,-Map,$$(@:.elf=.map) -o $$@ \
	    $$(START_$(2)) $$(FW_OBJECTS_$(1)) -lgcc
-include $$(FW_OBJECTS_$(1):.o=.d)
endef
$(foreach t,$(FW_TARGETS),$(eval $(call firmware_rules,$(t),$(ISA_$(t)))))

# ---- the core alone, to be measured: linked, but for what ports bring
FW_ALONE := -nostdlib -Wl,--gc-sections -Wl,--unresolved-symbols=ignore-all -Wl,-Ttext=0x10000 -Wl,-e,espota_agent_start
FW_ROOTS := $(addprefix -Wl$(comma)-u$(comma),espota_agent_start espota_agent_input espota_agent_stream_end espota_agent_stream_begin \
    espota_agent_slots espota_agent_work)

# instruction set, folder, what it is compiled with besides, what else is linked, roots
define core_rules
$$(FW)/$(2)/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$$(QUIET) $(1) $$<
	$$(RUN)$$(CC_$(1)) $$(ARCH_$(1)) $$(FW_CFLAGS) $(3) -MMD -MP -c -o $$@ $$<
$$(FW)/$(2)/$(1)/core.o: $$(patsubst %.c,$$(FW)/$(2)/$(1)/%.o,$$(FW_CORE) $(4))
	$$(RUN)$$(CC_$(1)) $$(ARCH_$(1)) $$(FW_ALONE) $$(FW_ROOTS) $(5) -o $$@ $$^
FW_MEASURED += $$(FW)/$(2)/$(1)/core.o $$(FW)/$(2)/$(1)/firmware/tools/ram.o
-include $$(patsubst %.c,$$(FW)/$(2)/$(1)/%.d,$$(FW_CORE) $(4) firmware/tools/ram.c)
endef
FW_DECODER := -Wl$(comma)-u$(comma)espota_decoder
$(foreach i,xtensa riscv,$(eval $(call core_rules,$i,core,-DESPOTA_AGENT_SECTORS=1)))
$(foreach i,xtensa riscv,$(eval $(call core_rules,$i,decoder,-DESPOTA_AGENT_SECTORS=2 -DESPOTA_AGENT_BASES=0,$(FW_CODER),$(FW_DECODER))))
$(foreach i,xtensa riscv,$(eval $(call core_rules,$i,bases,-DESPOTA_AGENT_SECTORS=2 -DESPOTA_CODER_BASE,$(FW_CODER),$(FW_DECODER))))

# ---- stubs: what all of them share is compiled once for each instruction set
FW_STUB_CFLAGS := -DESPOTA_AGENT_SECTORS=16 -DESPOTA_AGENT_BASES=0 -DESPOTA_CODER_DEEP_MODEL -Ifirmware/port/stub -DSTUB_RING=30720
FW_STUB_CFLAGS += -DESPOTA_AGENT_MAX_DATA=2048
FW_STUB_SOURCES := $(FW_CORE) $(FW_CODER) $(FW_SHARED) firmware/port/stub/stub.c firmware/port/stub/open.c

define stub_isa_rules
FW_STUB_$(1) := $$(patsubst %.c,$$(FW)/stub/$(1)/%.o,$$(FW_STUB_SOURCES) $$(MORE_$(1)))
$$(FW)/stub/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$$(QUIET) $(1) $$<
	$$(RUN)$$(CC_$(1)) $$(ARCH_$(1)) $$(FW_CFLAGS) $$(FW_STUB_CFLAGS) -MMD -MP -c -o $$@ $$<
-include $$(FW_STUB_$(1):.o=.d)
endef
$(eval $(call stub_isa_rules,xtensa))
$(eval $(call stub_isa_rules,riscv))

# The first stage of the stub, which has no data (firmware/port/stub/first.ld).
FW_NO_FIRST := esp32p4 # whose RAM is behind caches: what was stored is not what would run
MORE_FIRST_riscv := -mno-save-restore
MORE_FIRST_xtensa := $(FW_SMALL_xtensa)
FW_FIRST_CFLAGS := $(filter-out -DESPOTA_SMALL,$(FW_CFLAGS)) -fno-jump-tables -Ifirmware/port -Ifirmware/port/stub

define first_rules
$$(FW)/first/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$$(QUIET) $(1) $$<
	$$(RUN)$$(CC_$(2)) $$(ARCH_$(2)) $$(FW_FIRST_CFLAGS) $$(MORE_FIRST_$(2)) -DSTUB_CHIP=$(1) '-DSTUB_CHIP_SOURCE="chip/$(1).c"' -MMD -MP -c -o $$@ $$<
FW_FIRST_$(1) := $$(patsubst %.c,$$(FW)/first/$(1)/%.o,firmware/port/stub/first_main.c src/format/packed.c \
    firmware/port/bare/cycles.c)
$$(FW)/first/$(1)/first.elf: $$(FW_FIRST_$(1)) $$(START_$(2)) firmware/port/stub/first.ld
	$$(QUIET) LINK $$@
	$$(RUN)$$(CC_$(2)) $$(ARCH_$(2)) $$(FW_LDFLAGS) -T firmware/port/stub/first.ld -Wl,-Map,$$(@:.elf=.map) -o $$@ \
	    -Wl,--defsym,FIRST_AT=$(3),--defsym,DATA_AT=$(4),--defsym,MEMORY_END=$(5) \
	    $$(START_$(2)) $$(filter %.o,$$^) -lgcc
-include $$(FW_FIRST_$(1):.o=.d)
endef
$(eval $(call first_rules,esp32,xtensa,0x4009f000,0x3ffb8000,0x3ffe0000))
$(eval $(call first_rules,esp32s2,xtensa,0x4003f000,0x3ffd0000,0x3ffe8000))
$(eval $(call first_rules,esp32s3,xtensa,0x4038f000,0x3fca0000,0x3fcd8000))
$(eval $(call first_rules,esp32c2,riscv,0x40387000,0x3fca8000,0x3fcd0000))
$(eval $(call first_rules,esp32c3,riscv,0x40387000,0x3fc88000,0x3fcc0000))
$(eval $(call first_rules,esp32c5,riscv,0x40807000,0x40808000,0x40840000))
$(eval $(call first_rules,esp32c6,riscv,0x40807000,0x40808000,0x40840000))
$(eval $(call first_rules,esp32c61,riscv,0x40807000,0x40808000,0x40838000))
$(eval $(call first_rules,esp32h2,riscv,0x40807000,0x40808000,0x40838000))

# chip, instruction set, where code begins and ends, where data begins and memory ends
define stub_rules
FW_STUBS += $(1)
$$(FW)/stub/$(1)/main.o: firmware/port/stub/main.c
	@mkdir -p $$(@D)
	$$(QUIET) $(1) $$<
	$$(RUN)$$(CC_$(2)) $$(ARCH_$(2)) $$(FW_CFLAGS) $$(FW_STUB_CFLAGS) -DSTUB_CHIP=$(1) -MMD -MP -c -o $$@ $$<
$$(FW)/stub/$(1)/stub.elf: $$(FW)/stub/$(1)/main.o $$(FW)/stub/$(2)/firmware/port/chip/$(1).o $$(FW_STUB_$(2)) \
    $$(START_$(2)) firmware/port/stub/stub.ld
	$$(QUIET) LINK $$@
	$$(RUN)$$(CC_$(2)) $$(ARCH_$(2)) $$(FW_LDFLAGS) -T firmware/port/stub/stub.ld -Wl,-Map,$$(@:.elf=.map) -o $$@ \
	    -Wl,--defsym,CODE_AT=$(3),--defsym,CODE_END=$(4),--defsym,DATA_AT=$(5),--defsym,MEMORY_END=$(6) \
	    $$(START_$(2)) $$(filter %.o,$$^) -lgcc
-include $$(FW)/stub/$(1)/main.d
endef
$(eval $(call stub_rules,esp32,xtensa,0x40080400,0x4009f000,0x3ffb8000,0x40000000))
$(eval $(call stub_rules,esp32s2,xtensa,0x40028000,0x4003f000,0x3ffd0000,0x40000000))
$(eval $(call stub_rules,esp32s3,xtensa,0x40378000,0x4038f000,0x3fca0000,0x3fcf0000))
$(eval $(call stub_rules,esp32c2,riscv,0x40380000,0x40387000,0x3fca8000,0x3fce0000))
$(eval $(call stub_rules,esp32c3,riscv,0x40380000,0x40387000,0x3fc88000,0x3fce0000))
$(eval $(call stub_rules,esp32c5,riscv,0x40800000,0x40807000,0x40808000,0x40860000))
$(eval $(call stub_rules,esp32c6,riscv,0x40800000,0x40807000,0x40808000,0x40860000))
$(eval $(call stub_rules,esp32c61,riscv,0x40800000,0x40807000,0x40808000,0x40850000))
$(eval $(call stub_rules,esp32h2,riscv,0x40800000,0x40807000,0x40808000,0x40850000))
$(eval $(call stub_rules,esp32p4,riscv,0x4ff50000,0x4ff58000,0x4ff58000,0x4ff80000))

# The same loop in QEMU.
FW_VIRT_STUB := $(FW_STUB_riscv) $(patsubst %.c,$(FW)/stub/riscv/%.o,firmware/port/virt/board.c firmware/port/virt/stub/main.c)
$(FW)/stub/riscv/firmware/port/virt/%: FW_STUB_CFLAGS += -Ifirmware/port/virt
$(FW)/virt/stub.elf: $(FW_VIRT_STUB) $(START_riscv) firmware/port/virt/virt.ld firmware/port/bare/sections.ld
	$(QUIET) LINK $@
	$(RUN)$(CC_riscv) $(ARCH_riscv) $(FW_LDFLAGS) -T firmware/port/virt/virt.ld -o $@ $(START_riscv) $(FW_VIRT_STUB) -lgcc

$(FW)/tools/%: firmware/tools/%.c firmware/tools/program.c firmware/tools/program.h firmware/tools/pack.c firmware/tools/pack.h $(INTERNAL)
	@mkdir -p $(@D)
	$(QUIET) CC $<
	$(RUN)$(CC) $(CPPFLAGS) $(CFLAGS) $(LIB_CFLAGS) $(LDFLAGS) -o $@ $< firmware/tools/program.c firmware/tools/pack.c $(INTERNAL) $(LIB_LIBS)

$(FW)/%/recovery.bin: $(FW)/%/recovery.elf $(FW)/tools/elf2image
	$(QUIET) IMAGE $@
	$(RUN)$(FW)/tools/elf2image $< $@ $*

# What the program has of the stubs is checked in: it is the same whatever compilers there are.
STUB_IMAGES := src/device/stub/images
$(patsubst %,$(FW)/stub/%/stub.inc,$(filter-out $(FW_NO_FIRST),$(FW_STUBS))): $(FW)/stub/%/stub.inc: $(FW)/first/%/first.elf
$(FW)/stub/%/stub.inc: $(FW)/stub/%/stub.elf $(FW)/tools/elf2stub
	$(QUIET) STUB $@
	$(RUN)$(FW)/tools/elf2stub $< $(if $(filter $*,$(FW_NO_FIRST)),none,$(FW)/first/$*/first.elf) $* "$$(readelf -p .comment $(<D)/main.o | sed -n 's/.*\(GCC: .*\)/\1/p' | head -n 1)" >$@.new
	$(RUN)mv $@.new $@

.PHONY: firmware firmware-size stubs stubs-update
stubs: $(FW_STUBS:%=$(FW)/stub/%/stub.inc)
stubs-update: stubs
	$(RUN)$(foreach c,$(FW_STUBS),cmp -s $(FW)/stub/$(c)/stub.inc $(STUB_IMAGES)/$(c).inc || cp $(FW)/stub/$(c)/stub.inc $(STUB_IMAGES)/$(c).inc;)

firmware: $(FW_IMAGES) $(FW)/virt/recovery.elf $(FW)/virt/stub.elf $(FW_STUBS:%=$(FW)/stub/%/stub.elf)

# Code and RAM of the portable core, and of the programs made of it.
firmware-size: $(FW_MEASURED) $(FW)/tools/decoder_memory firmware
	@firmware/tools/size.sh $(FW) xtensa $(XTENSA) esp32 riscv $(RISCV) esp32c3
