/** The espota agent in an ESP-IDF app: OTA updates by 'espota ota', over a UART, over TCP, or both.
 *
 * The agent has its own tasks. It writes nothing but the idle OTA slot (or factory) and otadata, through
 * esp_partition, so that flash encryption is kept; it has nothing boot that it has not verified from flash.
 * Sizes of stacks and buffers are bounded by Kconfig. Its crypto is PSA's, from its tasks: an app that uses
 * PSA in a task of its own, TLS included, needs CONFIG_MBEDTLS_THREADING_C. Protocol: firmware/PROTOCOL.md.
 */
#ifndef ESPOTA_IDF_H
#define ESPOTA_IDF_H

#include "esp_err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the app wants to know or decide. Called from the agent's tasks, on their stacks
 * (CONFIG_ESPOTA_TASK_STACK), while no other stream is served; any may be NULL. */
struct espota_idf_callbacks {
    void *context;
    /** May an update of `length` bytes begin now? */
    bool (*allow_update)(void *context, uint32_t length);
    /** So many bytes of the image are in flash. */
    void (*progress)(void *context, uint32_t done, uint32_t length);
    /** The new image is verified, and boots at the next restart. */
    void (*updated)(void *context);
    /** The host confirmed the app that runs, which was on trial. */
    void (*confirmed)(void *context);
    /** The host wants a restart, which follows when this returns. */
    void (*about_to_restart)(void *context);
};

struct espota_idf_config {
    /** Shown to hosts; NULL: "espota agent". Outlives the agent. */
    const char *name;
    /** The device's key, 32 to 64 bytes; outlives the agent. NULL: none, which is possible on a UART alone.
     */
    const uint8_t *key;
    size_t key_length;
    /** The owner's public key, x and y, big-endian, 64 bytes: nothing boots that is not signed with it
     * ('espota sign'). NULL: images need no signature. Outlives the agent. */
    const uint8_t *owner;
    /** With flash encryption: let hosts that know the key read apps in clear. Otherwise they get no more than
     * what an app says of itself, and digests. */
    bool read_encrypted;
    /** Apps whose description has a lower secure version are refused. */
    uint32_t min_secure_version;
    /** Apps whose description names another project are refused. NULL: any, or with
     * CONFIG_ESPOTA_SAME_PROJECT those of the app that runs alone. Outlives the agent. */
    const char *project;
    struct {
        bool used;
        int port; /* UART_NUM_0 ... ; 0 shares the console: log output between frames does no harm */
        int baud; /* 0: 115200 */
    } uart;
    struct {
        bool used;
        uint16_t port;         /* 0: 3232 */
        const char *mdns_name; /* NAME of NAME.local; NULL: not announced. Outlives the agent */
    } tcp;                     /* needs `key`, and a network that is up */
    struct espota_idf_callbacks callbacks;
};

/** Start the agent; its memory is allocated once, here.
 * @return ESP_OK; ESP_ERR_INVALID_ARG (no stream, TCP without a key, a key too short or too long),
 * ESP_ERR_NO_MEM, ESP_ERR_INVALID_STATE when it runs already or the partition table cannot be read; or what
 * the UART driver returned. */
esp_err_t espota_idf_start(const struct espota_idf_config *config);

#ifdef __cplusplus
}
#endif

#endif
