#include "nvs_encoding.h"

#include "espota/bytes.h"
#include "espota/nvs.h"
#include "espota/size.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- integers -------------------------------------------------------------------------------------------
 */

uint8_t nvs_integer_type(const char *encoding)
{
    static const uint8_t types[] = { ESPOTA_NVS_U8,  ESPOTA_NVS_I8,  ESPOTA_NVS_U16, ESPOTA_NVS_I16,
                                     ESPOTA_NVS_U32, ESPOTA_NVS_I32, ESPOTA_NVS_U64, ESPOTA_NVS_I64 };
    for (size_t i = 0; i < sizeof types; i++)
        if (strcasecmp(encoding, espota_nvs_type_name(types[i])) == 0)
            return types[i];
    return 0;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Digits, single underscores between them. @return false for anything else, and for more than 64 bits. */
static bool parse_digits(const char *text, size_t length, uint64_t *number)
{
    bool digit_before = false;
    *number = 0;
    for (size_t i = 0; i < length; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (!digit && !(text[i] == '_' && digit_before))
            return false;
        digit_before = digit;
        if (!digit)
            continue;
        uint64_t value = (uint64_t)(text[i] - '0');
        if (*number > (UINT64_MAX - value) / 10)
            return false;
        *number = *number * 10 + value;
    }
    return digit_before;
}

int nvs_parse_integer(const char *text, uint8_t type, uint64_t *number, struct espota_error *error)
{
    unsigned width = 0;
    bool is_signed = false, negative = false;
    const char *at = text;
    size_t length = strlen(text);
    espota_nvs_is_integer(type, &width, &is_signed);
    while (length > 0 && is_space(*at))
        at++, length--;
    while (length > 0 && is_space(at[length - 1]))
        length--;
    if (length > 0 && (*at == '-' || *at == '+')) {
        negative = *at == '-';
        at++, length--;
    }
    uint64_t most = UINT64_MAX >> (64 - 8 * width);
    if (is_signed)
        most = (most >> 1) + negative;
    else if (negative)
        most = 0;
    if (!parse_digits(at, length, number) || *number > most)
        return espota_fail(error, ESPOTA_ERR_USAGE, "'%s' is no decimal number that %s has room for", text,
                           espota_nvs_type_name(type));
    if (negative)
        *number = 0 - *number;
    return 0;
}

/* ---- bytes ----------------------------------------------------------------------------------------------
 */

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static int decode_hex(struct espota_bytes *out, const uint8_t *value, size_t length,
                      struct espota_error *error)
{
    while (length > 0 && is_space((char)*value))
        value++, length--;
    while (length > 0 && is_space((char)value[length - 1]))
        length--;
    if (length % 2)
        return espota_fail(error, ESPOTA_ERR_USAGE, "hex digits come in pairs, and there are %zu", length);
    for (size_t i = 0; i < length; i += 2) {
        int high = hex_digit(value[i]), low = hex_digit(value[i + 1]);
        if (high < 0 || low < 0)
            return espota_fail(error, ESPOTA_ERR_USAGE, "'%c%c' at %zu is no pair of hex digits", value[i],
                               value[i + 1], i);
        uint8_t byte = (uint8_t)(high << 4 | low);
        if (espota_bytes_append(out, &byte, 1, error) != 0)
            return ESPOTA_ERR_NOMEM;
    }
    return 0;
}

static int base64_digit(uint8_t c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* What is no digit is left out, as by Python's a2b_base64; '=' ends it where it completes a group. */
static int decode_base64(struct espota_bytes *out, const uint8_t *value, size_t length,
                         struct espota_error *error)
{
    unsigned group = 0, in_group = 0, padding = 0;
    for (size_t i = 0; i < length; i++) {
        int digit = base64_digit(value[i]);
        if (value[i] == '=' && in_group >= 2 && in_group + ++padding >= 4)
            return 0;
        if (digit < 0)
            continue;
        padding = 0;
        group = (group << 6 | (unsigned)digit) & 0xffffff;
        in_group = (in_group + 1) % 4;
        uint8_t byte = (uint8_t)(group >> (in_group == 2 ? 4 : in_group == 3 ? 2 : 0));
        if (in_group != 1 && espota_bytes_append(out, &byte, 1, error) != 0)
            return ESPOTA_ERR_NOMEM;
    }
    if (in_group != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "it ends in the middle of a group of base64");
    return 0;
}

bool nvs_is_fill(const char *encoding)
{
    return strncmp(encoding, "blob_fill", 9) == 0 || strncmp(encoding, "blob_sz_fill", 12) == 0;
}

/* "(LENGTH;0xNN)", and whatever else. */
static bool parse_fill(const char *text, uint32_t *length, uint8_t *filler)
{
    char *end = NULL;
    if (text[0] != '(' || text[1] < '0' || text[1] > '9')
        return false;
    unsigned long long number = strtoull(text + 1, &end, 10);
    if (number > (64u << 20) || strncmp(end, ";0x", 3) != 0)
        return false;
    int high = hex_digit((uint8_t)end[3]), low = high < 0 ? -1 : hex_digit((uint8_t)end[4]);
    if (low < 0 || end[5] != ')')
        return false;
    *length = (uint32_t)number;
    *filler = (uint8_t)(high << 4 | low);
    return true;
}

static int decode_fill(struct espota_bytes *out, const char *encoding, const void *value, size_t length,
                       struct espota_error *error)
{
    bool sized = strncmp(encoding, "blob_sz_fill", 12) == 0;
    uint32_t room = 0;
    uint8_t filler = 0, size[4];
    if (!parse_fill(encoding + (sized ? 12 : 9), &room, &filler))
        return espota_fail(error, ESPOTA_ERR_USAGE, "'%s' is no encoding such as blob_fill(64;0xff)",
                           encoding);
    if (length > room)
        return espota_fail(error, ESPOTA_ERR_USAGE, "the value has %zu byte%s, and %s is shorter", length,
                           ESPOTA_PLURAL(length), encoding);
    espota_put_le32(size, (uint32_t)length);
    int result = sized ? espota_bytes_append(out, size, sizeof size, error) : 0;
    if (result == 0)
        result = espota_bytes_append(out, value, length, error);
    for (; result == 0 && length < room; length++)
        result = espota_bytes_append(out, &filler, 1, error);
    return result;
}

int nvs_decode(struct espota_bytes *out, const char *encoding, const void *value, size_t length,
               struct espota_error *error)
{
    if (nvs_is_fill(encoding))
        return decode_fill(out, encoding, value, length, error);
    if (strcmp(encoding, "hex2bin") == 0)
        return decode_hex(out, value, length, error);
    if (strcmp(encoding, "base64") == 0)
        return decode_base64(out, value, length, error);
    bool is_string = strcmp(encoding, "string") == 0;
    if (!is_string && strcmp(encoding, "binary") != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "there is no encoding '%s': use u8, i8, u16, i16, u32, i32, u64, i64, string, "
                           "binary, hex2bin, base64, blob_fill(N;0xNN) or blob_sz_fill(N;0xNN)",
                           encoding);
    int result = espota_bytes_append(out, value, length, error);
    return result == 0 && is_string ? espota_bytes_append(out, "", 1, error) : result;
}
