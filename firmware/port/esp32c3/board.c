/* The recovery agent on an ESP32-C3, at UART0 and USB-Serial/JTAG. Sources: ESP32-C3 Technical Reference
 * Manual; ESP-IDF, components/soc/esp32c3/register. */
#include "bare.h"
#include "chip.h"
#include "registers.h"

#include "espota/version.h"

enum { USB_MS = 50 };

#define USB               0x60043000u
#define USB_CONTROL       (USB + 0x04)
#define USB_FLUSH         (1u << 0)
#define USB_ROOM          (1u << 1)
#define USB_RECEIVED      (1u << 2)
#define SUPER_WATCHDOG    0x600080acu
#define SUPER_PROTECT     0x600080b0u
#define SUPER_FEEDS       (1u << 31)
#define SUPER_PROTECT_KEY 0x8f1d312au
#define SYSTEM_TIMER      0x60023000u

#define SENSOR_CONTROL 0x6000811cu
#define SYSTEM         0x600c0000u
#define ADC            0x60040000u
#define ADC_BIT        (1u << 28)

int main(void);

/* The system timer counts 16 MHz in 52 bits. */
static uint32_t now_ms(const void *context)
{
    (void)context;
    bare_put(SYSTEM_TIMER + 0x04, 1u << 30);
    while (!(bare_get(SYSTEM_TIMER + 0x04) & 1u << 29))
        continue;
    uint64_t high = bare_get(SYSTEM_TIMER + 0x40) & 0xfffff;
    return (uint32_t)((high << 32 | bare_get(SYSTEM_TIMER + 0x44)) / 16000);
}

static size_t usb_read(const void *context, uint8_t *out, size_t room)
{
    size_t count = 0;
    (void)context;
    while (count < room && bare_get(USB_CONTROL) & USB_RECEIVED)
        out[count++] = (uint8_t)bare_get(USB);
    return count;
}

/* A host that does not fetch what was sent before is not there. */
static int usb_write(const void *context, const uint8_t *data, size_t length)
{
    uint32_t start = now_ms(context);
    for (size_t i = 0; i < length;) {
        if (bare_get(USB_CONTROL) & USB_ROOM) {
            bare_put(USB, data[i++]);
            start = now_ms(context);
        } else if (now_ms(context) - start > USB_MS) {
            return -1;
        }
    }
    bare_put(USB_CONTROL, USB_FLUSH);
    return 0;
}

/* Its own registers for what others have as mcycle: which event counts, that it counts, the count. Source:
 * ESP-IDF, components/riscv/include/riscv/csr.h. */
static void start_cycles(void)
{
    __asm__ volatile("csrw 0x7e0, %0" : : "r"(1));
    __asm__ volatile("csrw 0x7e1, %0" : : "r"(1));
}

static uint32_t cycles(const void *context)
{
    uint32_t count;
    (void)context;
    __asm__ volatile("csrr %0, 0x7e2" : "=r"(count));
    return count;
}

/* As the second-stage bootloader has it while it runs, but for the ADC's reference, which would be reached
 * over a bus of its own: the second ADC measures, and feeds the random number generator. Registers: ESP-IDF,
 * components/soc/esp32c3/register/soc (apb_saradc_reg.h, rtc_cntl_reg.h, system_reg.h). */
static const struct bare_step entropy_on[] = {
    { SENSOR_CONTROL, 0, 3u << 30 },               /* power of the ADCs */
    { SYSTEM + 0x10, 0, ADC_BIT },                 /* clock */
    { SYSTEM + 0x18, ADC_BIT, 0 },                 /* no reset */
    { ADC + 0x54, 3u << 21, 2u << 21 | 1u << 20 }, /* from the APB clock */
    { ADC, 0xffu << 7, 1u << 6 | 3u << 27 | 1u << 7 },
    { ADC + 0x0c, ~0u, 8u << 8 | 5u | 100u << 16 }, /* waits */
    { ADC, 0, 1u << 23 },                           /* pattern from its start */
    { ADC, 1u << 23 | 7u << 15, 0 },
    { ADC + 0x18, 0xffffff, 0x9cffff }, /* the internal channel of ADC 2 */
    { ADC + 0x1c, 0, 0xffffff },
    { ADC + 0x04, 0xfffu << 12, 100u << 12 },
    { ADC + 0x54, 0xff, 15 },
    { ADC + 0x04, 1u << 0, 0 },
    { ADC + 0x50, 0, 1u << 31 },
    { ADC + 0x04, 0, 1u << 24 }, /* go */
};

static const struct bare_step entropy_off[] = {
    { ADC + 0x04, 1u << 24, 0 },     { ADC + 0x50, 1u << 31, 0 }, { ADC + 0x18, 0, 0xffffff },
    { ADC + 0x1c, 0, 0xffffff },     { ADC + 0x54, 1u << 20, 0 }, { ADC, 3u << 27, 0 },
    { SENSOR_CONTROL, 3u << 30, 0 },
};

static void entropy(bool on)
{
    if (on)
        bare_walk(entropy_on, sizeof entropy_on / sizeof entropy_on[0]);
    else
        bare_walk(entropy_off, sizeof entropy_off / sizeof entropy_off[0]);
}

static const struct bare_chip chip = {
    .spi = { .base = 0x60002000,
             .user = 0x18,
             .user1 = 0x1c,
             .user2 = 0x20,
             .mosi_length = 0x24,
             .miso_length = 0x28,
             .data = 0x58,
             .address_shift = 0 },
    .uart = 0x60000000,
    .uart_out = 0x60000000,
    .fifo_mask = 0x3ff,
    .mac = 0x60008844,
    .random = 0x600260b0,
    .rtc = 0x60008000,
    .rtc_watchdog = 0x60008090,
    .rtc_protect = 0x600080a8,
    .timer_group = 0x6001f000,
    .timer_group_other = 0x60020000,
    .now_ms = now_ms,
};

/* The super watchdog cannot be stopped: from here on it feeds itself. */
static void disable_super_watchdog(void)
{
    bare_put(SUPER_PROTECT, SUPER_PROTECT_KEY);
    bare_change(SUPER_WATCHDOG, 0, SUPER_FEEDS);
    bare_put(SUPER_PROTECT, 0);
}

int main(void)
{
    static const struct bare_board board = {
        BARE_CHIP_BOARD(chip, now_ms),
        .entropy = entropy,
        .cycles = cycles,
        .chip_id = 5,
        .name = "espota recovery " ESPOTA_VERSION,
        .stream = { { bare_chip_uart_read, bare_chip_uart_write }, { usb_read, usb_write } },
    };
    bare_chip_disable_watchdogs(&chip);
    disable_super_watchdog();
    start_cycles();
    bare_spi_begin(&chip.spi);
    bare_serve(&board);
    return 0;
}
