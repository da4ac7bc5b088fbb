#include "espota/nvs_csv.h"

#include "csv.h"
#include "nvs_encoding.h"

#include "espota/file.h"
#include "espota/hex.h"
#include "espota/random.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY, TYPE, ENCODING, VALUE, COLUMNS };
enum { LARGEST_FILE = 64 << 20, PMK = 32 };

/* A row of the file: columns that it does not have are NULL. */
struct line {
    const char *column[COLUMNS];
};

struct reading {
    struct espota_nvs_builder *builder;
    unsigned place[COLUMNS]; /* of each column */
    char *ap[3];             /* what the access point is: ssid, passwd, authmode; NULL: not said yet */
    bool station;            /* what goes with a station's settings is there */
};

/* ---- values ---------------------------------------------------------------------------------------------
 */

static int build_failed(const struct reading *r, enum espota_nvs_build_status status, const char *key,
                        uint8_t type, struct espota_error *error)
{
    switch (status) {
    case ESPOTA_NVS_BUILT:
        return 0;
    case ESPOTA_NVS_NO_ROOM:
        return espota_fail(error, ESPOTA_ERR_TOO_BIG,
                           "the values need more than a partition of %uK: '%s' does not fit any more",
                           (unsigned)(r->builder->size / 1024), key);
    case ESPOTA_NVS_KEY_LENGTH:
        return espota_fail(error, ESPOTA_ERR_USAGE, "'%s' has %zu bytes: a key or namespace has 1 to %u", key,
                           strlen(key), ESPOTA_NVS_KEY);
    case ESPOTA_NVS_TOO_LONG:
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "'%s' is too long: %u bytes at most", key,
                           (unsigned)espota_nvs_longest(r->builder, type));
    case ESPOTA_NVS_NO_NAMESPACE:
        return espota_fail(error, ESPOTA_ERR_USAGE, "'%s' stands before the first namespace", key);
    case ESPOTA_NVS_MANY_NAMESPACES:
        return espota_fail(error, ESPOTA_ERR_TOO_BIG,
                           "'%s' is one namespace more than the %u that there may be", key,
                           ESPOTA_NVS_NAMESPACES);
    case ESPOTA_NVS_BAD_TYPE:
        break;
    }
    return espota_fail(error, ESPOTA_ERR_USAGE, "'%s' is of no type that NVS has", key);
}

static int put_bytes(struct reading *r, const char *key, const char *encoding, const void *value,
                     size_t length, struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    uint8_t type = strcmp(encoding, "string") == 0 ? ESPOTA_NVS_STRING : ESPOTA_NVS_BLOB;
    int result = nvs_decode(&bytes, encoding, value, length, error);
    if (result == 0)
        result = build_failed(r, espota_nvs_build_bytes(r->builder, key, type, bytes.data, bytes.size), key,
                              type, error);
    else if (result == ESPOTA_ERR_USAGE)
        result = espota_fail_while(error, "'%s'", key);
    espota_bytes_free(&bytes);
    return result;
}

static int put_integer(struct reading *r, const char *key, uint8_t type, const char *value,
                       struct espota_error *error)
{
    uint64_t number = 0;
    if (nvs_parse_integer(value, type, &number, error) != 0)
        return espota_fail_while(error, "'%s'", key);
    return build_failed(r, espota_nvs_build_integer(r->builder, key, type, number), key, type, error);
}

static int put_value(struct reading *r, const char *key, const char *encoding, const void *value,
                     size_t length, struct espota_error *error)
{
    uint8_t type = nvs_integer_type(encoding);
    return type ? put_integer(r, key, type, value, error) : put_bytes(r, key, encoding, value, length, error);
}

static int put_file(struct reading *r, const struct line *line, struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    int result = espota_file_read(line->column[VALUE], LARGEST_FILE, &bytes, error);
    if (result == 0)
        result = espota_bytes_append(&bytes, "", 1, error); /* for integers: the text ends */
    if (result == 0)
        result = put_value(r, line->column[KEY], line->column[ENCODING], bytes.data, bytes.size - 1, error);
    espota_bytes_free(&bytes);
    return result;
}

/* ---- WiFi settings --------------------------------------------------------------------------------------
 *
 * With them the driver keeps what it makes of them; where that is missing it takes no notice of the rest. */

static int put_zeros(struct reading *r, const char *key, unsigned count, uint8_t value,
                     struct espota_error *error)
{
    uint8_t bytes[140];
    memset(bytes, value, sizeof bytes);
    return build_failed(r, espota_nvs_build_bytes(r->builder, key, ESPOTA_NVS_BLOB, bytes, count), key,
                        ESPOTA_NVS_BLOB, error);
}

static int put_station(struct reading *r, struct espota_error *error)
{
    if (r->station)
        return 0;
    r->station = true;
    int result = put_zeros(r, "sta.apinfo", 140, 0xff, error);
    if (result == 0)
        result = put_zeros(r, "sta.pmk", PMK, 0, error);
    return result ? result : put_zeros(r, "sta.apsw", 2, 0, error);
}

/* The pairwise master key of IEEE 802.11: PBKDF2 of password and SSID, behind 100 bytes 0. */
static int put_ap_key(struct reading *r, struct espota_error *error)
{
    uint8_t info[100 + PMK] = { 0 };
    if (PKCS5_PBKDF2_HMAC_SHA1(r->ap[1], (int)strlen(r->ap[1]), (const unsigned char *)r->ap[0],
                               (int)strlen(r->ap[0]), 4096, PMK, info + 100) != 1)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "the crypto library cannot make the key of 'ap.pmk_info'");
    int result =
        build_failed(r, espota_nvs_build_bytes(r->builder, "ap.pmk_info", ESPOTA_NVS_BLOB, info, sizeof info),
                     "ap.pmk_info", ESPOTA_NVS_BLOB, error);
    espota_wipe(info, sizeof info);
    return result;
}

static void forget(char **text)
{
    if (*text)
        espota_wipe(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

static int note_ap(struct reading *r, const char *key, const char *value, struct espota_error *error)
{
    static const char *const keys[] = { "ap.ssid", "ap.passwd", "ap.authmode" };
    bool noted = false;
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(key, keys[i]) != 0)
            continue;
        noted = true;
        if (i == 2 && strcmp(value, "0") == 0) /* an open one */
            continue;
        forget(&r->ap[i]);
        r->ap[i] = strdup(value);
        if (!r->ap[i])
            return espota_fail_memory(error, "reading WiFi settings");
    }
    bool complete = true;
    for (unsigned i = 0; i < 3; i++)
        complete = complete && r->ap[i] && r->ap[i][0];
    return noted && complete ? put_ap_key(r, error) : 0;
}

static bool is_station(const char *key)
{
    return strcmp(key, "sta.ssid") == 0 || strcmp(key, "sta.pswd") == 0;
}

/* ---- rows -----------------------------------------------------------------------------------------------
 */

static int put_row(struct reading *r, const struct line *line, struct espota_error *error)
{
    const char *key = line->column[KEY], *type = line->column[TYPE], *value = line->column[VALUE];
    bool is_file = type && strcmp(type, "file") == 0;
    if (type && strcmp(type, "namespace") == 0)
        return build_failed(r, espota_nvs_build_namespace(r->builder, key), key, 0, error);
    if (!type || (!is_file && strcmp(type, "data") != 0))
        return espota_fail(error, ESPOTA_ERR_USAGE, "'%s' has the type '%s': use namespace, data or file",
                           key, type ? type : "");
    if (!line->column[ENCODING] || !value)
        return espota_fail(error, ESPOTA_ERR_USAGE, "'%s' has no %s", key, value ? "encoding" : "value");
    int result = note_ap(r, key, value, error);
    if (result == 0 && is_file && !is_station(key))
        return put_file(r, line, error);
    if (result == 0)
        result = put_value(r, key, line->column[ENCODING], value, strlen(value), error);
    return result == 0 && is_station(key) ? put_station(r, error) : result;
}

static int read_header(struct reading *r, const struct csv_row *row, struct espota_error *error)
{
    static const char *const names[COLUMNS] = { "key", "type", "encoding", "value" };
    for (unsigned c = 0; c < COLUMNS; c++) {
        r->place[c] = CSV_COLUMNS;
        for (unsigned i = 0; i < row->count; i++)
            if (strcmp(csv_field(row, i), names[c]) == 0)
                r->place[c] = i;
        if (r->place[c] == CSV_COLUMNS)
            return espota_fail(error, ESPOTA_ERR_USAGE,
                               "its first line names no column '%s': it is 'key,type,encoding,value'",
                               names[c]);
    }
    return 0;
}

static int read_row(struct reading *r, const struct csv_row *row, struct espota_error *error)
{
    struct line line;
    for (unsigned c = 0; c < COLUMNS; c++)
        line.column[c] = csv_field(row, r->place[c]);
    if (!line.column[KEY])
        return espota_fail(error, ESPOTA_ERR_USAGE, "it has no key");
    for (unsigned i = 0; i < row->count; i++)
        if (strlen(csv_field(row, i)) != row->length[i])
            return espota_fail(error, ESPOTA_ERR_USAGE, "it has a NUL in it");
    return put_row(r, &line, error);
}

int espota_nvs_csv_read(struct espota_nvs_builder *builder, const char *name, const void *text, size_t length,
                        struct espota_error *error)
{
    struct reading r = { .builder = builder };
    struct csv_row row = { 0 };
    const char *at = text;
    bool mark = length >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0;
    struct csv_reader reader = { at + (mark ? 3 : 0), at + length, 0 };
    int more = length > 0 ? csv_next(&reader, &row, error) : 0;
    int result = more > 0 ? read_header(&r, &row, error) : 0;
    while (result == 0 && more > 0) {
        more = csv_next(&reader, &row, error);
        if (more > 0)
            result = read_row(&r, &row, error);
    }
    if (result != 0)
        result = espota_fail_while(error, "%s, line %u", name, row.line);
    for (unsigned i = 0; i < 3; i++)
        forget(&r.ap[i]);
    espota_bytes_free(&row.text);
    return more < 0 ? ESPOTA_ERR_NOMEM : result;
}
