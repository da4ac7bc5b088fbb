/* The decoder of coded streams, whose memory is there while an update needs it. */
#include "espota_private.h"

#include "sdkconfig.h"

#include <stdlib.h>

void espota_idf_free_decoder(struct espota_idf *e)
{
    free(e->decoder.memory);
    e->decoder = (struct espota_idf_memory){ NULL, 0 };
}

#ifdef CONFIG_ESPOTA_DECODER

/* What the agent knows as the decoder's memory says where that is, and there is no more of it than a stream
 * needs: one with a base needs more, and when that is not there the host sends another one. */
static int begin(void *context, size_t most, enum espota_isa isa, unsigned table_log, uint32_t offset,
                 const struct espota_coder_image *image)
{
    struct espota_idf_memory *m = context;
    bool based = image && image->base_length > 0;
    size_t size = based ? espota_decoder.memory_with_base(table_log) : espota_decoder.memory(table_log);
    if (size == 0 || size > most)
        return -1;
    if (m->size < size) {
        free(m->memory);
        m->memory = malloc(size);
        m->size = m->memory ? size : 0;
    }
    return m->memory ? espota_decoder.begin(m->memory, m->size, isa, table_log, offset, image) : -1;
}

static int map(void *context, const uint8_t *chunk, size_t length)
{
    const struct espota_idf_memory *m = context;
    return m->memory ? espota_decoder.map(m->memory, chunk, length) : -1;
}

static int sector(void *context, const uint8_t *chunk, size_t length, uint8_t out[ESPOTA_CODER_SECTOR])
{
    const struct espota_idf_memory *m = context;
    return m->memory ? espota_decoder.sector(m->memory, chunk, length, out) : -1;
}

static size_t memory_size(unsigned table_log)
{
    return espota_decoder.memory(table_log);
}

static size_t memory_with_base(unsigned table_log)
{
    return espota_decoder.memory_with_base(table_log);
}

void espota_idf_set_up_decoder(struct espota_idf *e)
{
    static const struct espota_decoder_ops decoder = { .memory = memory_size,
                                                       .memory_with_base = memory_with_base,
                                                       .begin = begin,
                                                       .map = map,
                                                       .sector = sector };
    e->port.decoder = &decoder;
    e->port.decoder_memory = &e->decoder;
    e->port.decoder_memory_size = memory_with_base(CONFIG_ESPOTA_TABLE_LOG);
    if (e->port.decoder_memory_size == 0) /* it takes none */
        e->port.decoder_memory_size = memory_size(CONFIG_ESPOTA_TABLE_LOG);
}

#else

void espota_idf_set_up_decoder(struct espota_idf *e)
{
    (void)e;
}

#endif
