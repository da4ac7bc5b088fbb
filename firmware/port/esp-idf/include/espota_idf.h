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
    /** What espota_idf_pull or a host had fetched came to its end, as espota_idf_pull_state says. From the
     * task that fetches. */
    void (*pulled)(void *context);
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

/* ---- images that the device fetches by itself: CONFIG_ESPOTA_PULL ---------------------------------------
 */

/** What to fetch, and what to do with it. It goes by the rules of every update: into the slot that does not
 * run, verified before it boots, the first byte held back to the last; a connection that breaks, and a run
 * that a power cut ended, go on where they were. */
struct espota_idf_pull {
    const char *url;         /* http or https, at most 1023 bytes */
    const char *certificate; /* PEM, of the authority or of the server; NULL: ESP-IDF's certificate bundle */
    bool md5;                /* URL.md5 has to be there, and right */
    const uint8_t *sha256;   /* 32 bytes that the image has to have; NULL: any */
    uint32_t size;           /* that it has to have; 0: as the server says */
    bool factory;            /* the factory partition, and no slot */
    bool trial;              /* it boots on trial */
    bool restart;            /* when all is well */
};

/** Begin; all that `pull` points to is copied. A task of its own fetches, writes, verifies and chooses what
 * boots, while hosts may look at the device and watch; the callbacks of the configuration are called from it.
 * A host may have the device do the same: 'espota ota --pull'.
 * @return ESP_OK: it goes on; ESP_ERR_INVALID_ARG; ESP_ERR_INVALID_STATE when the agent was not started,
 * fetches already, or a host's update is under way; ESP_ERR_NO_MEM; ESP_ERR_NOT_SUPPORTED without
 * CONFIG_ESPOTA_PULL. */
esp_err_t espota_idf_pull(const struct espota_idf_pull *pull);

enum espota_idf_pull_phase {
    ESPOTA_IDF_PULL_NONE, /* since the start */
    ESPOTA_IDF_PULL_CONNECTING,
    ESPOTA_IDF_PULL_FETCHING,
    ESPOTA_IDF_PULL_VERIFYING,
    ESPOTA_IDF_PULL_DONE, /* verified, and boots next */
    ESPOTA_IDF_PULL_FAILED,
    ESPOTA_IDF_PULL_CANCELLED,
};

struct espota_idf_pull_state {
    enum espota_idf_pull_phase phase;
    uint8_t reason, status; /* of a failure: enum espota_pull_reason and enum espota_agent_status of espota's
                               PROTOCOL.md */
    uint16_t http;          /* status of the last answer */
    uint32_t done, total;   /* bytes; total 0: not known yet */
};

/** How it goes, or went. */
void espota_idf_pull_state(struct espota_idf_pull_state *state);

/** Stop it. What is in flash stays for the next time. */
void espota_idf_pull_cancel(void);

#ifdef __cplusplus
}
#endif

#endif
