#!/usr/bin/env bash
# shellcheck disable=SC2034
# The ESP-IDF component's CMakeLists.txt, as ESP-IDF reads it: twice, the first time without a configuration.
source "$(dirname "$0")/../lib.sh"

if ! command -v cmake >/dev/null; then
    skip "ESP-IDF component" "no cmake"
    exit 0
fi

read_component() { # ARGS...
    cmake "$@" -DCOMPONENT="$ROOT/firmware/port/esp-idf" -P "$ROOT/tests/interop/idf_component.cmake" >"$WORK/out" 2>&1 ||
        echo "failed: $(cat "$WORK/out")" >>"$WORK/out"
    tr -s ' \n' ' ' <"$WORK/out"
}

has() { # NAME TEXT OUTPUT
    if [[ $3 == *"$2"* ]]; then ok "$1"; else not_ok "$1" "missing: $2" "$3"; fi
}

has_not() { # NAME TEXT OUTPUT
    if [[ $3 != *"$2"* ]]; then ok "$1"; else not_ok "$1" "unexpected: $2" "$3"; fi
}

early=$(read_component -DEARLY=1)
plain=$(read_component -DCONFIG_ESPOTA_MDNS=y -DBUILT="main;lwip")
local=$(read_component -DCONFIG_ESPOTA_MDNS=y -DBUILT="main;mdns")
managed=$(read_component -DCONFIG_ESPOTA_MDNS=y -DBUILT="main;espressif__mdns")
unwanted=$(read_component -DBUILT="main;mdns")
pulls=$(read_component -DCONFIG_ESPOTA_PULL=y)
riscv=$(read_component -DCONFIG_ESPOTA_DECODER=y -DCONFIG_IDF_TARGET_ARCH_RISCV=y)
xtensa=$(read_component -DCONFIG_ESPOTA_DECODER=y -DCONFIG_IDF_TARGET_ARCH_XTENSA=y)

has "early expansion: there are requirements" "requires: " "$early"
has_not "all sources are there" "missing: " "$early"
has "the UART driver, whose component ESP-IDF 5.3 is the first to have, sets the minimum" '">=5.3"' \
    "$(grep 'idf:' "$ROOT/firmware/port/esp-idf/idf_component.yml")"
requirements() { sed 's/.*requires: //; s/ -- .*//; s/ *$//' <<<"$1"; }
if [ "$(requirements "$early")" = "$(requirements "$unwanted")" ] &&
    [ "$(requirements "$local")" = "$(requirements "$unwanted")" ] &&
    [ "$(requirements "$pulls")" = "$(requirements "$unwanted")" ]; then
    ok "no requirement hangs on the configuration, which is not known when they are expanded"
else
    not_ok "no requirement hangs on the configuration, which is not known when they are expanded" "$early" "$local"
fi
has "mDNS: the project's own component is used" "ESPOTA_MDNS=1" "$local"
has "mDNS: the component manager's is used" "ESPOTA_MDNS=1" "$managed"
has_not "mDNS: without the component, the build does without" "ESPOTA_MDNS=1" "$plain"
has "mDNS: and says so, with what to do" "idf.py add-dependency espressif/mdns" "$plain"
has_not "mDNS: not when the configuration is against it" "ESPOTA_MDNS=1" "$unwanted"
for source in "$ROOT"/src/format/coder*.c; do
    name=$(basename "$source")
    [ "$name" = coder_encode.c ] || has "decoder: $name is built" "/$name" "$early"
done
has "decoder: for the instruction set of a RISC-V" "defines: PRIVATE;ESPOTA_CODER_RISCV" "$riscv"
has "decoder: for the instruction set of an Xtensa" "defines: PRIVATE;ESPOTA_CODER_XTENSA" "$xtensa"
has "without a decoder there is one sector buffer" "ESPOTA_AGENT_SECTORS=1" "$plain"
for name in flash http image inner puller request tell; do
    has "pull: firmware/pull/$name.c is built" "/firmware/pull/$name.c" "$early"
done
has "pull: with ESP-IDF's HTTP client" "esp_http_client" "$early"
has "pull: the agent serves it" "ESPOTA_AGENT_PULLS=1" "$pulls"
has_not "pull: not unless the configuration is for it" "ESPOTA_AGENT_PULLS=1" "$plain"
has "pull: TLS that stands on PSA needs an mbedTLS for several tasks" "depends on MBEDTLS_THREADING_C ||" \
    "$(cat "$ROOT/firmware/port/esp-idf/Kconfig")"
has "UART: what comes while flash is busy is taken by an interrupt in IRAM" "select UART_ISR_IN_IRAM" \
    "$(cat "$ROOT/firmware/port/esp-idf/Kconfig")"
for symbol in CHACHA20_C POLY1305_C CHACHAPOLY_C; do # off by default in ESP-IDF
    has "sessions: Kconfig brings MBEDTLS_$symbol" "select MBEDTLS_$symbol" \
        "$(cat "$ROOT/firmware/port/esp-idf/Kconfig")"
done
