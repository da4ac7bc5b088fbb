/* Shared by the files of the component. */
#ifndef ESPOTA_IDF_PRIVATE_H
#define ESPOTA_IDF_PRIVATE_H

#include "espota/agent.h"
#include "espota/crypto.h"
#include "espota/hash.h"
#include "espota_idf.h"
#include "puller.h"

#include "esp_rom_md5.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "psa/crypto.h"

struct espota_idf;
struct espota_idf_connection;
struct esp_transport_item_t;

/* A byte stream to a host. */
struct espota_stream {
    int (*send)(struct espota_stream *stream, const uint8_t *data, size_t length);
    int (*set_rate)(struct espota_stream *stream, uint32_t baud); /* or NULL */
    struct espota_idf *owner;
    int handle;        /* UART number or socket; a socket that is none: -1 */
    uint32_t since_ms; /* when a connection came */
    /* What it holds while the agent is busy: requests, and bytes of them. */
    uint8_t window;
    uint32_t window_bytes;
    struct espota_agent_stream agent;
};

/* One connection may have the session; the others are of hosts that prove themselves, or of strangers. */
enum { ESPOTA_CONNECTIONS = 3 };

/* A session that is silent for so long has ended. */
enum { ESPOTA_SILENCE_MS = 30000 };

#ifdef CONFIG_IDF_TARGET_ARCH_RISCV
#define ESPOTA_IDF_ISA ESPOTA_ISA_RISCV
#else
#define ESPOTA_IDF_ISA ESPOTA_ISA_XTENSA
#endif

struct espota_idf {
    struct espota_idf_config config;
    struct espota_agent_port port;
    struct espota_agent_config agent_config;
    psa_hash_operation_t sha256;
    psa_key_id_t owner_key;
    SemaphoreHandle_t lock;                /* of all below: streams have tasks of their own */
    uint32_t update_offset, update_length; /* under way */
    TickType_t turn;                       /* when other tasks had one */
    struct espota_idf_memory {
        void *memory; /* of the decoder, while an update needs it */
        size_t size;
    } decoder;
    struct espota_stream uart, tcp[ESPOTA_CONNECTIONS];
    struct espota_idf_puller {
        struct espota_puller puller;
        struct espota_puller_port port;
        psa_hash_operation_t sha256;
        md5_context_t md5;
        TaskHandle_t task; /* NULL: nothing is fetched */
        int socket;        /* of the connection that another task may shut; -1: none */
        TickType_t turn;
    } pull;
    struct espota_agent agent;
};

/* espota_idf.c: a stream begins, bytes arrived on it, its other end is gone. */
void espota_idf_begin(struct espota_stream *stream);
void espota_idf_hear(struct espota_stream *stream, const uint8_t *data, size_t length);
void espota_idf_forget(struct espota_stream *stream);
/* Whatever the agent does by itself; called now and then. */
void espota_idf_work(struct espota_idf *e);
/* That which was started, or NULL. */
struct espota_idf *espota_idf_agent(void);
/* Does it have the session, and for how long has that been silent? */
bool espota_idf_serves(struct espota_stream *stream, uint32_t *silence_ms);

/* espota_decoder.c: of coded streams, when CONFIG_ESPOTA_DECODER has it. */
void espota_idf_set_up_decoder(struct espota_idf *e);
void espota_idf_free_decoder(struct espota_idf *e);

/* espota_crypto.c */
extern const struct espota_crypto espota_idf_crypto;
struct espota_hash espota_idf_sha256(psa_hash_operation_t *operation);
int espota_idf_md5(const void *data, size_t length, uint8_t digest[ESPOTA_MD5_LENGTH]);
int espota_idf_random(void *context, uint8_t *out, size_t length);
int espota_idf_check_signature(void *context, const uint8_t digest[ESPOTA_SHA256_LENGTH],
                               const uint8_t r_s[ESPOTA_P256_SIZE]);
esp_err_t espota_idf_import_owner(struct espota_idf *e);

/* espota_announce.c: by mDNS, where the configuration has a name for it. */
void espota_idf_announce(const struct espota_idf *e, uint16_t port);

/* espota_pull.c: images that the device fetches by itself, when CONFIG_ESPOTA_PULL has it. */
void espota_idf_set_up_pull(struct espota_idf *e);

/* espota_connection.c: what images come through. */
struct espota_idf_tls_error {
    esp_err_t result;
    int code, flags; /* of mbedTLS; of its check of certificates */
};
/* For what is wished for, which must outlive it. @return NULL: no memory. */
struct espota_idf_connection *espota_idf_connection_new(struct espota_idf *e,
                                                        const struct espota_puller_wish *wish);
void espota_idf_connection_free(struct espota_idf_connection *connection);
/* For esp_http_client; it stays the connection's. */
struct esp_transport_item_t *espota_idf_connection_transport(struct espota_idf_connection *connection);
/* Why it did not open. */
struct espota_idf_tls_error espota_idf_connection_error(const struct espota_idf_connection *connection);
/* An answer's head is over: what comes now is not bounded here. */
void espota_idf_connection_in_body(struct espota_idf_connection *connection);
/* End the one that there is, if the pull gives up. Called under the lock, now and then. */
void espota_idf_cut_connection(struct espota_idf *e);

/* espota_streams.c */
esp_err_t espota_idf_start_uart(struct espota_idf *e);
esp_err_t espota_idf_start_tcp(struct espota_idf *e);

#endif
