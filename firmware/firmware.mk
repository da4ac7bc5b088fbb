# The recovery agent, cross-compiled by Debian's compilers alone: make firmware, make firmware-size.
FW        := $(BUILD)/firmware
XTENSA    := xtensa-lx106-elf-
RISCV     := riscv64-unknown-elf-
FW_CORE   := $(wildcard firmware/agent/*.c) $(addprefix src/format/,bootsel.c crc32.c image.c otadata.c signature.c slip.c table.c table_binary.c)
# Crypto is counted apart from the core.
FW_BARE   := $(wildcard firmware/port/bare/*.c) src/format/noise.c
FW_CFLAGS := -std=c99 -ffreestanding -Os -g -ffunction-sections -fdata-sections -fno-tree-loop-distribute-patterns \
             -DESPOTA_AGENT_SECTORS=1 $(WARNINGS) -Wno-cast-qual -isystem firmware/port/bare/include -Iinclude -Ifirmware/agent/include -Ifirmware/port/bare
FW_LDFLAGS := -nostdlib -Wl,--gc-sections,--fatal-warnings -Lfirmware/port/bare

FW_TARGETS := esp32 esp32c3 virt
CC_esp32   := $(XTENSA)gcc
CC_esp32c3 := $(RISCV)gcc
CC_virt    := $(RISCV)gcc
ARCH_esp32   := -mtext-section-literals
ARCH_esp32c3 := -march=rv32imc -mabi=ilp32 -misa-spec=2.2 -msave-restore
ARCH_virt    := -march=rv32imac -mabi=ilp32 -misa-spec=2.2 -msave-restore

START_esp32   := firmware/port/esp32/start.S
START_esp32c3 := firmware/port/bare/start_riscv.S
START_virt    := firmware/port/bare/start_riscv.S

FW_IMAGES := $(FW)/esp32/recovery.bin $(FW)/esp32c3/recovery.bin

define firmware_rules
FW_OBJECTS_$(1) := $$(patsubst %.c,$$(FW)/$(1)/%.o,$$(FW_CORE) $$(FW_BARE) $$(wildcard firmware/port/$(1)/*.c))
$$(FW)/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$$(QUIET) $(1) $$<
	$$(RUN)$$(CC_$(1)) $$(ARCH_$(1)) $$(FW_CFLAGS) -MMD -MP -c -o $$@ $$<
$$(FW)/$(1)/recovery.elf: $$(FW_OBJECTS_$(1)) $$(START_$(1)) firmware/port/$(1)/$(1).ld firmware/port/bare/sections.ld
	$$(QUIET) LINK $$@
	$$(RUN)$$(CC_$(1)) $$(ARCH_$(1)) $$(FW_LDFLAGS) -T firmware/port/$(1)/$(1).ld -Wl,-Map,$$(@:.elf=.map) -o $$@ \
	    $$(START_$(1)) $$(FW_OBJECTS_$(1)) -lgcc
$$(FW)/$(1)/core.o: $$(patsubst %.c,$$(FW)/$(1)/%.o,$$(FW_CORE))
	$$(RUN)$$(CC_$(1)) $$(ARCH_$(1)) -nostdlib -r -Wl,--gc-sections,-u,espota_agent_start,-u,espota_agent_input,-u,espota_agent_stream_end,-u,espota_agent_stream_begin,-u,espota_agent_slots,-u,espota_agent_work \
	    -Wl,-e,espota_agent_start -o $$@ $$^
-include $$(FW_OBJECTS_$(1):.o=.d)
endef
$(foreach t,$(FW_TARGETS),$(eval $(call firmware_rules,$(t))))

$(FW)/tools/elf2image: firmware/tools/elf2image.c $(INTERNAL)
	@mkdir -p $(@D)
	$(QUIET) CC $<
	$(RUN)$(CC) $(CPPFLAGS) $(CFLAGS) $(LIB_CFLAGS) $(LDFLAGS) -o $@ $< $(INTERNAL) $(LIB_LIBS)

$(FW)/%/recovery.bin: $(FW)/%/recovery.elf $(FW)/tools/elf2image
	$(QUIET) IMAGE $@
	$(RUN)$(FW)/tools/elf2image $< $@ $*

.PHONY: firmware firmware-size
firmware: $(FW_IMAGES) $(FW)/virt/recovery.elf

# Code and RAM of the portable core, without the port.
firmware-size: $(FW)/esp32/core.o $(FW)/esp32c3/core.o firmware
	@firmware/tools/size.sh "$(XTENSA)" $(FW)/esp32 "$(RISCV)" $(FW)/esp32c3
