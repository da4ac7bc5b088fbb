/* Shared by the files of the component. */
#ifndef ESPOTA_IDF_PRIVATE_H
#define ESPOTA_IDF_PRIVATE_H

#include "espota/agent.h"
#include "espota_idf.h"

#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "psa/crypto.h"

struct espota_idf;

/* A byte stream to a host. */
struct espota_stream {
    int (*send)(struct espota_stream *stream, const uint8_t *data, size_t length);
    struct espota_idf *owner;
    int handle; /* UART number or socket */
};

struct espota_idf {
    struct espota_idf_config config;
    struct espota_agent_port port;
    struct espota_agent_config agent_config;
    psa_hash_operation_t sha256;
    psa_key_id_t owner_key;
    SemaphoreHandle_t lock;       /* of all below: streams have tasks of their own */
    struct espota_stream *stream; /* that the host talks on, or NULL */
    uint32_t heard_ms;
    uint32_t update_offset, update_length; /* under way */
    struct espota_stream uart, tcp;
    struct espota_agent agent;
};

/* espota_idf.c: bytes arrived on a stream. */
void espota_idf_hear(struct espota_stream *stream, const uint8_t *data, size_t length);
/* Its other end is gone. */
void espota_idf_forget(struct espota_stream *stream);

/* espota_streams.c */
esp_err_t espota_idf_start_uart(struct espota_idf *e);
esp_err_t espota_idf_start_tcp(struct espota_idf *e);

#endif
