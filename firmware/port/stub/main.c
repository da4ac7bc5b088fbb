/* The stub on a chip: STUB_CHIP is its name. */
#include "chip.h"
#include "stub.h"

#include "espota/version.h"

#include <string.h>

#define CONCATENATED(a, b) a##b
#define DESCRIPTION(name)  CONCATENATED(bare_, name)

enum { RING = STUB_RING };

extern uint8_t stub_memory[], stub_memory_end[]; /* what the linker leaves */

int main(void);

int main(void)
{
    static struct bare_device device;
    static struct stub stub;
    static uint8_t ring[RING];
    static struct bare_board board = {
        BARE_DEVICE_BOARD,
        .name = "espota stub " ESPOTA_VERSION,
        .context = &device,
        .stream = { BARE_UART_STREAM },
    };
    static const struct bare_stream usb = BARE_USB_STREAM;
    const struct bare_memory memory = { .ring = ring,
                                        .ring_size = sizeof ring,
                                        .decoder = &espota_decoder,
                                        .decoder_memory = stub_memory,
                                        .decoder_size = (size_t)(stub_memory_end - stub_memory) };
    bare_device_begin(&device, &DESCRIPTION(STUB_CHIP));
    board.chip_id = device.chip->id;
    board.isa = device.chip->isa;
    if (device.chip->usb)
        board.stream[1] = usb;
    stub_begin(&stub, &board, &memory);
    for (;;)
        (void)stub_step(&stub);
}
