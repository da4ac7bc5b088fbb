#include "posix_port.h"

#include "espota/clock.h"
#include "espota/coder.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/random.h"

#include <stdlib.h>

static uint32_t now_ms(void *context)
{
    (void)context;
    return (uint32_t)espota_now_ms();
}

static int random_bytes(void *context, uint8_t *out, size_t length)
{
    (void)context;
    return espota_random(out, length);
}

int posix_port_begin(struct posix_port *port, struct espota_error *error)
{
    port->sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    if (!port->sha256)
        return espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    port->port.sha256 = *port->sha256;
    port->port.md5 = espota_md5;
    port->port.now_ms = now_ms;
    port->port.random = random_bytes;
    port->port.crypto = espota_crypto_openssl;
    port->port.decoder = &espota_decoder;
    port->port.decoder_memory_size = espota_decoder.memory(ESPOTA_CODER_TABLE_DEFAULT);
    port->decoder_memory = malloc(port->port.decoder_memory_size);
    port->port.decoder_memory = port->decoder_memory;
    if (!port->decoder_memory) {
        posix_port_end(port);
        return espota_fail_memory(error, "setting up an agent");
    }
    return 0;
}

void posix_port_end(struct posix_port *port)
{
    espota_hash_free(port->sha256);
    free(port->decoder_memory);
    port->sha256 = NULL;
    port->decoder_memory = NULL;
}
