/** What an NVS partition says: its pages, and its values with the names of their namespaces, blobs put
 * together from their chunks.
 *
 * Nothing in it is believed: what does not hold what its CRC says is told as damaged. Of several values of
 * one name the last one written counts, by the sequence of the pages; the others are what an interrupted
 * write left behind. */
#ifndef ESPOTA_NVS_VALUES_H
#define ESPOTA_NVS_VALUES_H

#pragma GCC visibility push(default)

#include "espota/error.h"
#include "espota/nvs.h"

/** Why a value is not what an app would read. */
enum espota_nvs_standing {
    ESPOTA_NVS_CURRENT = 0,
    ESPOTA_NVS_SUPERSEDED, /* a newer one of that name is there */
    ESPOTA_NVS_ERASED,     /* it is gone; its bytes are still there */
    ESPOTA_NVS_DAMAGED,    /* the CRC of its entry or of its bytes is wrong */
    ESPOTA_NVS_INCOMPLETE, /* a chunk of the blob is missing or damaged, or they add up to another size */
    ESPOTA_NVS_ORPHAN,     /* a chunk that no blob has */
};

struct espota_nvs_value {
    enum espota_nvs_standing standing;
    uint8_t name_space;                       /* its number */
    char name_space_name[ESPOTA_NVS_KEY + 1]; /* empty: nothing gives it a name */
    char key[ESPOTA_NVS_KEY + 1];
    uint8_t type;     /* enum espota_nvs_type; a blob of either format is ESPOTA_NVS_BLOB */
    unsigned version; /* of a blob: 1 or 2 */
    uint64_t number;  /* of an integer, sign-extended */
    uint8_t *data;    /* of a string, blob or chunk; NULL: none, or not to be had */
    size_t size;
    unsigned page, entry; /* where it lies: the page by its place */
};

struct espota_nvs_values {
    struct espota_nvs_page *page;
    unsigned page_count;
    struct espota_nvs_value *value; /* by namespace, then as they were written */
    size_t count;
    bool encrypted;   /* pages are there, but no entry is what its CRC says: values are encrypted */
    unsigned damaged; /* values that are damaged or incomplete, and pages whose header is */
};

/** Read `size` bytes, whole pages. Namespaces themselves are no values. Freed with espota_nvs_values_free,
 * also after an error. @return ESPOTA_ERR_VERIFY when no page of it is one of NVS; what is blank has no
 * values. */
int espota_nvs_values_read(struct espota_nvs_values *values, const uint8_t *image, size_t size,
                           struct espota_error *error);
void espota_nvs_values_free(struct espota_nvs_values *values);

/** Is what goes by these names likely a secret: a password, a key, a token? Known are those of ESP-IDF's
 * WiFi driver; of others the name tells. */
bool espota_nvs_is_secret(const char *name_space, const char *key);

/** Encrypt or decrypt the entries in place, as ESP-IDF's nvs_flash does it (XTS-AES-256 of each entry, the
 * tweak its address): those that are in use or were.
 * @return ESPOTA_ERR_FAILED when the crypto library refuses: both halves of the key are the same, too. */
#define ESPOTA_NVS_KEYS 64
int espota_nvs_encrypt(uint8_t *image, size_t size, const uint8_t key[ESPOTA_NVS_KEYS],
                       struct espota_error *error);
int espota_nvs_decrypt(uint8_t *image, size_t size, const uint8_t key[ESPOTA_NVS_KEYS],
                       struct espota_error *error);

/** The keys in an nvs_keys partition of at least 68 bytes: 64, and their CRC.
 * @return ESPOTA_ERR_VERIFY when they are no keys. */
int espota_nvs_keys_read(uint8_t key[ESPOTA_NVS_KEYS], const uint8_t *data, size_t size,
                         struct espota_error *error);

#pragma GCC visibility pop

#endif
