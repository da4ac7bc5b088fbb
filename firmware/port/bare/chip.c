#include "chip.h"

#include "registers.h"
#include "usb_jtag.h"

enum {
    DRAIN_MS = 20,
    WATCHDOG_MS = 500,
    MEASURE_MS = 4,
    WORK = 100,
    GROUP_LATCH_POLLS = 16,
    TIMER_WATCHDOG = 0x48,
    TIMER_PROTECT = 0x64
};

#define RESTART           (1u << 31)
#define WRITE_PROTECT_KEY 0x50d83aa1u
#define CALIBRATED        (1u << 24)
#define TIMER_RUNS        (1u << 31 | 1u << 30) /* its registers, its first unit */
#define TIMEOUT           2000u                 /* cycles of the slow clock */

/* ---- beginning ------------------------------------------------------------------------------------------
 */

static void stop_watchdog(uint32_t configuration, uint32_t protection)
{
    bare_put(protection, WRITE_PROTECT_KEY);
    bare_put(configuration, 0);
    bare_put(protection, 0);
}

static void stop_watchdogs(const struct bare_chip *chip)
{
    stop_watchdog(chip->watchdog.config, chip->watchdog.protect);
    for (unsigned i = 0; i < 2 && chip->timer_group[i]; i++)
        stop_watchdog(chip->timer_group[i] + TIMER_WATCHDOG, chip->timer_group[i] + TIMER_PROTECT);
    if (!chip->super_watchdog.config)
        return;
    bare_put(chip->super_watchdog.protect, chip->super_watchdog.key);
    bare_change(chip->super_watchdog.config, 0, chip->super_watchdog.feeds);
    bare_put(chip->super_watchdog.protect, 0);
}

/* How far, in parts of 1024, this rate is from one that hosts use. */
static uint32_t distance(uint32_t rate)
{
    static const uint32_t usual[] = { 9600,   19200,  38400,   57600,   115200,  230400,
                                      460800, 921600, 1000000, 1500000, 2000000, 3000000 };
    uint32_t nearest = 1024;
    for (unsigned i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        uint32_t off = rate > usual[i] ? rate - usual[i] : usual[i] - rate;
        off /= usual[i] >> 10;
        nearest = off < nearest ? off : nearest;
    }
    return nearest;
}

/* Where a chip may have one of two crystals: the one by which the rate is one that hosts use. */
void bare_find_rate(struct bare_device *device)
{
    const struct bare_uart *uart = &device->chip->uart;
    uint32_t divider = bare_uart_divider(uart), nearest = UINT32_MAX;
    for (unsigned i = 0; i < 2 && uart->crystals[i]; i++) {
        uint32_t hz = uart->crystals[i] * 1000000u, rate = hz / (divider ? divider : 1) * 16;
        if (distance(rate) < nearest) {
            nearest = distance(rate);
            device->uart_hz = hz;
            device->uart_rate = rate;
        }
    }
}

static void wait(const struct bare_device *device, uint32_t ms)
{
    for (uint32_t start = device->chip->now_ms(device); device->chip->now_ms(device) - start < ms;)
        continue;
}

/* A chip whose UART is driven by the crystal, and whose system timer is the clock. */
static void begin_by_crystal(struct bare_device *device)
{
    bare_find_rate(device);
    bare_change(device->chip->timer, 0, TIMER_RUNS);
}

/* From the crystal to the PLL, if the ROM has it running. */
static void run_fast(const struct bare_chip *chip)
{
    if (chip->clock.source && (bare_get(chip->clock.source) >> chip->clock.source_at & 3) == 0 &&
        bare_get(chip->clock.calibrated) & CALIBRATED)
        bare_walk(chip->clock.steps, chip->clock.count);
}

static void work(void)
{
    uint32_t word = 0;
    for (unsigned i = 0; i < WORK; i++) {
        word++;
        __asm__ volatile("" : "+m"(word)); /* load, add, store, count, branch */
    }
}

/* Cycles in a millisecond. None of these CPUs does more than an instruction in one; what does is emulated,
 * and then it is the instructions that tell how fast it is. */
static uint32_t count_cycles(const struct bare_device *device)
{
    const struct bare_chip *chip = device->chip;
    uint32_t start = chip->now_ms(device), first = chip->cycles(), instructions = 0;
    while (chip->now_ms(device) == start) {
        work();
        instructions += WORK * 5;
    }
    uint32_t cycles = chip->cycles() - first;
    return cycles > instructions ? cycles : instructions;
}

/* By the timer: the best of some milliseconds, as an emulator may have been doing something else in others.
 */
static void measure(struct bare_device *device)
{
    uint32_t best = 0;
    wait(device, 1);
    for (unsigned i = 0; i < MEASURE_MS; i++) {
        uint32_t cycles = count_cycles(device);
        best = cycles > best ? cycles : best;
    }
    device->cpu_mhz = (uint16_t)((best + 500) / 1000);
}

void bare_device_begin(struct bare_device *device, const struct bare_chip *chip)
{
    *device = (struct bare_device){ .chip = chip };
    stop_watchdogs(chip);
    if (chip->begin)
        chip->begin(device);
    else
        begin_by_crystal(device);
    run_fast(chip);
    measure(device);
    bare_flash_begin(&device->flash, &chip->spi);
}

/* ---- time -----------------------------------------------------------------------------------------------
 */

uint32_t bare_system_timer_ms(const struct bare_device *device)
{
    uint32_t base = device->chip->timer;
    bare_put(base + 0x04, 1u << 30);
    while (!(bare_get(base + 0x04) & 1u << 29))
        continue;
    uint32_t high = bare_get(base + 0x40) & 0xfffff, low = bare_get(base + 0x44);
    uint32_t left = high << 9 | low >> 23, right = low >> 7 & 0xffff; /* 128 * 125 counts are a millisecond */
    return (left / 125 << 16) + (left % 125 << 16 | right) / 125;
}

/* Half a millisecond a tick, of a clock of so many MHz. */
void bare_group_timer_begin(struct bare_device *device, uint32_t clock_mhz, uint32_t options)
{
    uint32_t base = device->chip->timer;
    bare_put(base, 0);
    bare_put(base + 0x18, 0);
    bare_put(base + 0x1c, 0);
    bare_put(base + 0x20, 0);
    bare_put(base, 1u << 31 | 1u << 30 | clock_mhz * 500 << 13 | options);
}

uint32_t bare_group_timer_ms(const struct bare_device *device)
{
    uint32_t base = device->chip->timer;
    bare_put(base + 0x0c, 1u << 31);
    for (unsigned i = 0; i < GROUP_LATCH_POLLS && bare_get(base + 0x0c) & 1u << 31; i++)
        continue; /* a chip that has the bit clears it when the count is there */
    return bare_get(base + 0x04) / 2;
}

uint32_t bare_device_now_ms(void *context)
{
    const struct bare_device *device = context;
    return device->chip->now_ms(device);
}

/* ---- flash ----------------------------------------------------------------------------------------------
 */

uint32_t bare_device_flash_id(void *context)
{
    struct bare_device *device = context;
    return bare_flash_id(&device->flash);
}

uint32_t bare_device_flash_size(void *context)
{
    return bare_flash_size(bare_device_flash_id(context));
}

int bare_device_flash_read(void *context, uint32_t offset, void *out, size_t length)
{
    struct bare_device *device = context;
    return bare_flash_read(&device->flash, offset, out, length);
}

int bare_device_flash_erase(void *context, uint32_t offset, uint32_t length)
{
    struct bare_device *device = context;
    return bare_flash_erase(&device->flash, offset, length);
}

int bare_device_flash_program(void *context, uint32_t offset, const void *data, size_t length)
{
    struct bare_device *device = context;
    return bare_flash_program(&device->flash, offset, data, length);
}

int bare_device_flash_busy(void *context)
{
    struct bare_device *device = context;
    return bare_flash_busy(&device->flash);
}

/* ---- the rest -------------------------------------------------------------------------------------------
 */

void bare_device_mac(void *context, uint8_t mac[6])
{
    const struct bare_device *device = context;
    uint32_t low = bare_get(device->chip->mac), high = bare_get(device->chip->mac + 4);
    for (unsigned i = 0; i < 2; i++)
        mac[i] = (uint8_t)(high >> (8 - 8 * i));
    for (unsigned i = 0; i < 4; i++)
        mac[2 + i] = (uint8_t)(low >> (24 - 8 * i));
}

uint32_t bare_device_noise(void *context)
{
    const struct bare_device *device = context;
    return bare_get(device->chip->random);
}

uint32_t bare_device_cycles(void *context)
{
    const struct bare_device *device = context;
    return device->chip->cycles();
}

uint16_t bare_device_cpu_mhz(void *context)
{
    const struct bare_device *device = context;
    return device->cpu_mhz;
}

/* The answer to the host is still in the FIFO: 128 bytes take 11 ms. Where the watchdog does not bite, the
 * software reset does. */
void bare_device_restart(void *context)
{
    const struct bare_device *device = context;
    const struct bare_chip *chip = device->chip;
    wait(device, DRAIN_MS);
    if (chip->watchdog.reset) {
        bare_put(chip->watchdog.protect, WRITE_PROTECT_KEY);
        bare_put(chip->watchdog.timeout, TIMEOUT);
        bare_put(chip->watchdog.config, chip->watchdog.reset);
        bare_put(chip->watchdog.protect, 0);
        wait(device, WATCHDOG_MS);
    }
    if (chip->software_reset)
        bare_change(chip->software_reset, 0, RESTART);
    for (;;)
        continue;
}

/* ---- streams --------------------------------------------------------------------------------------------
 */

size_t bare_device_uart_read(void *context, uint8_t *out, size_t room)
{
    const struct bare_device *device = context;
    return bare_uart_read(&device->chip->uart, out, room);
}

size_t bare_device_uart_write(void *context, const uint8_t *data, size_t length)
{
    const struct bare_device *device = context;
    return bare_uart_write(&device->chip->uart, data, length);
}

uint32_t bare_device_uart_rate(void *context)
{
    const struct bare_device *device = context;
    return device->uart_rate;
}

/* The last byte is being shifted out when the FIFO is empty. */
int bare_device_uart_set_rate(void *context, uint32_t baud)
{
    const struct bare_device *device = context;
    const struct bare_uart *uart = &device->chip->uart;
    if (baud == 0 || device->uart_hz == 0)
        return -1;
    while (!bare_uart_idle(uart))
        continue;
    wait(device, 2);
    return bare_uart_set_divider(uart, (device->uart_hz * 16 + baud / 2) / baud);
}

size_t bare_device_usb_read(void *context, uint8_t *out, size_t room)
{
    const struct bare_device *device = context;
    return bare_usb_read(device->chip->usb, out, room);
}

size_t bare_device_usb_write(void *context, const uint8_t *data, size_t length)
{
    const struct bare_device *device = context;
    return bare_usb_write(device->chip->usb, data, length);
}
