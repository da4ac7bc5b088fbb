/* The recovery agent on an ESP32-C3, at UART0 and USB-Serial/JTAG. Sources: ESP32-C3 Technical Reference
 * Manual; ESP-IDF, components/soc/esp32c3/register. */
#include "bare.h"
#include "chip.h"
#include "registers.h"

#include "espota/version.h"

#define SENSOR_CONTROL 0x6000811cu
#define SYSTEM         0x600c0000u
#define ADC            0x60040000u
#define ADC_BIT        (1u << 28)

int main(void);

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

int main(void)
{
    static struct bare_device device;
    static const struct bare_board board = {
        BARE_DEVICE_BOARD,
        .noise = bare_device_noise,
        .entropy = entropy,
        .cycles = bare_device_cycles,
        .chip_id = 5,
        .isa = ESPOTA_ISA_RISCV,
        .sha = &bare_esp32c3.sha,
        .context = &device,
        .name = "espota recovery " ESPOTA_VERSION,
        .stream = { BARE_UART_STREAM, BARE_USB_STREAM },
    };
    bare_device_begin(&device, &bare_esp32c3);
    bare_serve(&board);
    return 0;
}
