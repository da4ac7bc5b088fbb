/* The decoder of coded streams, whose memory is there while an update needs it. */
#include "espota_private.h"

#include "sdkconfig.h"

#include <stdlib.h>

void espota_idf_free_decoder(struct espota_idf *e)
{
    free(e->decoder);
    e->decoder = NULL;
}

#ifdef CONFIG_ESPOTA_DECODER

/* The memory that the agent knows is a pointer to the one that is allocated. */
static int begin(void *memory, size_t size, enum espota_isa isa, unsigned table_log, uint32_t offset,
                 const struct espota_coder_image *image)
{
    void **allocated = memory;
    if (!*allocated)
        *allocated = malloc(size);
    return *allocated ? espota_decoder.begin(*allocated, size, isa, table_log, offset, image) : -1;
}

static int sector(void *memory, const uint8_t *chunk, size_t length, uint8_t out[ESPOTA_CODER_SECTOR])
{
    void *const *allocated = memory;
    return *allocated ? espota_decoder.sector(*allocated, chunk, length, out) : -1;
}

static size_t memory_size(unsigned table_log)
{
    return espota_decoder.memory(table_log);
}

void espota_idf_set_up_decoder(struct espota_idf *e)
{
    static const struct espota_decoder_ops decoder = { .memory = memory_size,
                                                       .begin = begin,
                                                       .sector = sector };
    e->port.decoder = &decoder;
    e->port.decoder_memory = &e->decoder;
    e->port.decoder_memory_size = memory_size(CONFIG_ESPOTA_TABLE_LOG);
}

#else

void espota_idf_set_up_decoder(struct espota_idf *e)
{
    (void)e;
}

#endif
