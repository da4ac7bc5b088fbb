/* The stub's loop on the emulated board, for which no loader has to load it. */
#include "stub.h"
#include "virt.h"

int main(void);

int main(void)
{
    static struct stub stub;
    static uint8_t ring[STUB_RING];
    static uint32_t decoder_memory[180000 / 4];
    const struct bare_memory memory = { .ring = ring,
                                        .ring_size = sizeof ring,
                                        .decoder = &espota_decoder,
                                        .decoder_memory = decoder_memory,
                                        .decoder_size = sizeof decoder_memory };
    virt_begin();
    stub_begin(&stub, &virt_board, &memory);
    for (;;)
        (void)stub_step(&stub);
}
