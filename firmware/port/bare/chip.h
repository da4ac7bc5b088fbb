/* The Espressif chips: what they have in common is at other addresses. A chip is a const struct bare_chip in
 * firmware/port/chip; the functions are for a bare_board whose context is a bare_device. Sources of the
 * addresses: ESP-IDF, components/soc/CHIP/register. */
#ifndef ESPOTA_BARE_CHIP_H
#define ESPOTA_BARE_CHIP_H

#include "registers.h"
#include "sha_engine.h"
#include "spi_flash.h"
#include "uart.h"

#include "espota/coder.h"

#include <stddef.h>
#include <stdint.h>

struct bare_device;

struct bare_chip {
    uint16_t id; /* as in image headers */
    enum espota_isa isa;
    struct bare_spi spi; /* of the flash */
    struct bare_uart uart;
    uint32_t usb; /* USB-Serial/JTAG; 0: none */
    uint32_t mac; /* in eFuse: low word, then high word */
    uint32_t random;
    uint32_t timer; /* of now_ms */
    uint32_t (*now_ms)(const struct bare_device *device);
    uint32_t (*cycles)(void);
    uint32_t timer_group[2]; /* their watchdogs are at 0x48, protected at 0x64; 0: there is no second one */
    struct {
        uint32_t config, timeout, protect;
        uint32_t reset; /* configuration that resets all of the chip when the time is up; 0: not to be used */
    } watchdog;         /* of the RTC, which a reset samples the straps for */
    struct {
        uint32_t config, protect, key, feeds; /* `feeds`: the bit that has it feed itself */
    } super_watchdog;                         /* cannot be stopped; config 0: none */
    uint32_t software_reset;                  /* register whose highest bit resets; 0: not known */
    struct {                                  /* how the CPU gets its clock from the PLL */
        uint32_t source;                      /* register that selects it: 0 is the crystal */
        uint8_t source_at;                    /* bits of 2 */
        uint32_t calibrated;                  /* register whose bit 24 says that the PLL runs */
        const struct bare_step *steps;
        uint8_t count;
    } clock;                    /* source 0: it stays as it is */
    struct bare_sha_engine sha; /* base 0: it is not used */
    /* What the chip needs besides: finds out what uart_hz is, and starts the timer. NULL: nothing, and the
     * UART is driven by the crystal. */
    void (*begin)(struct bare_device *device);
};

/* UART0 of the chips from ESP32-C3 and S3 on, and of those from ESP32-C6 on, whose clock is divided
 * elsewhere. */
#define BARE_UART_C3(at)                                                                                     \
    .base = (at), .out = (at), .fifo_mask = 0x3ff, .clock = (at) + 0x78, .clock_divider_at = 12
#define BARE_UART_C6(at, clock_register, divider_at)                                                         \
    .base = (at), .out = (at), .fifo_mask = 0xff, .update = (at) + 0x98, .clock = (clock_register),          \
    .clock_divider_at = (divider_at)

/* On, a reset of all at the first stage, as esptool has it (esptool/targets/esp32c3.py, watchdog_reset). */
#define BARE_WATCHDOG_RESET (1u << 31 | 5u << 28 | 1u << 8 | 2u)

struct bare_device {
    const struct bare_chip *chip;
    struct bare_flash flash;
    uint32_t uart_hz;   /* of the clock that is divided for the UART's rate */
    uint32_t uart_rate; /* in baud, as it was found */
    uint16_t cpu_mhz;   /* 0: not known */
};

extern const struct bare_chip bare_esp32, bare_esp32s2, bare_esp32s3, bare_esp32c2, bare_esp32c3,
    bare_esp32c5, bare_esp32c6, bare_esp32c61, bare_esp32h2, bare_esp32p4;

/* Stop the watchdogs, start the timer, find out the UART's rate. */
void bare_device_begin(struct bare_device *device, const struct bare_chip *chip);

/* now_ms: the system timer of the chips from ESP32-C3 and S3 on, which counts 16 MHz; and timer 0 of timer
 * group 0 of the ones before, which has to be started with a clock of so many MHz. */
/* The UART's clock and rate, when its clock is the crystal. */
void bare_find_rate(struct bare_device *device);

uint32_t bare_system_timer_ms(const struct bare_device *device);
uint32_t bare_group_timer_ms(const struct bare_device *device);
void bare_group_timer_begin(struct bare_device *device, uint32_t clock_mhz, uint32_t options);

/* Cycles of the CPU: of all Xtensa CPUs and of RISC-V ones with mcycle; and of Espressif's first RISC-V
 * cores, which have registers of their own for that. */
uint32_t bare_cycles(void);
uint32_t bare_own_cycles(void);

uint32_t bare_device_flash_id(void *context);
uint32_t bare_device_flash_size(void *context);
int bare_device_flash_read(void *context, uint32_t offset, void *out, size_t length);
int bare_device_flash_erase(void *context, uint32_t offset, uint32_t length);
int bare_device_flash_program(void *context, uint32_t offset, const void *data, size_t length);
int bare_device_flash_busy(void *context);
void bare_device_mac(void *context, uint8_t mac[6]);
uint32_t bare_device_now_ms(void *context);
uint32_t bare_device_noise(void *context);
uint32_t bare_device_cycles(void *context);
uint16_t bare_device_cpu_mhz(void *context);
/* By the RTC's watchdog, so that the straps count anew. */
void bare_device_restart(void *context);

size_t bare_device_uart_read(void *context, uint8_t *out, size_t room);
size_t bare_device_uart_write(void *context, const uint8_t *data, size_t length);
uint32_t bare_device_uart_rate(void *context);
int bare_device_uart_set_rate(void *context, uint32_t baud);
size_t bare_device_usb_read(void *context, uint8_t *out, size_t room);
size_t bare_device_usb_write(void *context, const uint8_t *data, size_t length);

/* The fields of a bare_board that all chips fill alike. */
#define BARE_DEVICE_BOARD                                                                                    \
    .flash_id = bare_device_flash_id, .flash_size = bare_device_flash_size,                                  \
    .flash_read = bare_device_flash_read, .flash_erase = bare_device_flash_erase,                            \
    .flash_program = bare_device_flash_program, .flash_busy = bare_device_flash_busy,                        \
    .erase_steps = 32768u | 65536u, .mac = bare_device_mac, .now_ms = bare_device_now_ms,                    \
    .cpu_mhz = bare_device_cpu_mhz, .restart = bare_device_restart
#define BARE_UART_STREAM                                                                                     \
    {                                                                                                        \
        bare_device_uart_read, bare_device_uart_write, bare_device_uart_rate, bare_device_uart_set_rate      \
    }
#define BARE_USB_STREAM                                                                                      \
    {                                                                                                        \
        bare_device_usb_read, bare_device_usb_write, NULL, NULL                                              \
    }

#endif
