#include "espota/pull.h"

#include "espota/bytes.h"

#include <string.h>

enum { VERSION = 1, MD5_AT = 16, SHA256_AT = 32 };

enum { FACTORY = 1, TRIAL = 2, RESTART = 4, SIDECAR = 8, HAS_MD5 = 16, HAS_SHA256 = 32, ALL_FLAGS = 63 };

static bool begins_with(const char *url, size_t length, const char *scheme)
{
    size_t i = 0;
    for (; scheme[i]; i++) {
        char c = i < length ? url[i] : '\0';
        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != scheme[i])
            return false;
    }
    return i < length && url[i] != '/' && url[i] != '?' && url[i] != '#';
}

bool espota_pull_is_https(const char *url, size_t length)
{
    return begins_with(url, length, "https://");
}

bool espota_pull_is_url(const char *url, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (url[i] <= ' ' || url[i] > '~')
            return false;
    return length <= ESPOTA_PULL_URL &&
           (begins_with(url, length, "http://") || begins_with(url, length, "https://"));
}

bool espota_pull_order_parse(struct espota_pull_order *order, const uint8_t *data, size_t length)
{
    if (length < ESPOTA_PULL_HEAD || data[0] != VERSION || data[1] > ALL_FLAGS ||
        espota_get_le16(data + 6) != 0)
        return false;
    *order = (struct espota_pull_order){
        .url = (const char *)data + ESPOTA_PULL_HEAD,
        .url_length = espota_get_le16(data + 2),
        .certificate_length = espota_get_le16(data + 4),
        .factory = data[1] & FACTORY,
        .trial = data[1] & TRIAL,
        .restart = data[1] & RESTART,
        .sidecar = data[1] & SIDECAR,
        .has_md5 = data[1] & HAS_MD5,
        .has_sha256 = data[1] & HAS_SHA256,
        .size = espota_get_le32(data + 8),
    };
    if (order->certificate_length > ESPOTA_PULL_CERTIFICATE ||
        length != ESPOTA_PULL_HEAD + order->url_length + order->certificate_length ||
        !espota_pull_is_url(order->url, order->url_length))
        return false;
    if (order->certificate_length > 0)
        order->certificate = data + ESPOTA_PULL_HEAD + order->url_length;
    memcpy(order->md5, data + MD5_AT, sizeof order->md5);
    memcpy(order->sha256, data + SHA256_AT, sizeof order->sha256);
    return true;
}

size_t espota_pull_order_format(const struct espota_pull_order *order, uint8_t *data)
{
    size_t url = order->url_length, certificate = order->certificate ? order->certificate_length : 0;
    if (!espota_pull_is_url(order->url, url) || certificate > ESPOTA_PULL_CERTIFICATE)
        return 0;
    if (data) {
        memset(data, 0, ESPOTA_PULL_HEAD);
        data[0] = VERSION;
        data[1] = (uint8_t)((order->factory ? FACTORY : 0) | (order->trial ? TRIAL : 0) |
                            (order->restart ? RESTART : 0) | (order->sidecar ? SIDECAR : 0) |
                            (order->has_md5 ? HAS_MD5 : 0) | (order->has_sha256 ? HAS_SHA256 : 0));
        espota_put_le16(data + 2, (uint16_t)url);
        espota_put_le16(data + 4, (uint16_t)certificate);
        espota_put_le32(data + 8, order->size);
        if (order->has_md5)
            memcpy(data + MD5_AT, order->md5, sizeof order->md5);
        if (order->has_sha256)
            memcpy(data + SHA256_AT, order->sha256, sizeof order->sha256);
        memcpy(data + ESPOTA_PULL_HEAD, order->url, url);
        if (certificate > 0)
            memcpy(data + ESPOTA_PULL_HEAD + url, order->certificate, certificate);
    }
    return ESPOTA_PULL_HEAD + url + certificate;
}

/* ---- states ---------------------------------------------------------------------------------------------
 */

bool espota_pull_is_active(const struct espota_pull_state *state)
{
    return state->phase >= ESPOTA_PULL_CONNECTING && state->phase <= ESPOTA_PULL_VERIFYING;
}

void espota_pull_state_format(const struct espota_pull_state *state, uint8_t data[ESPOTA_PULL_STATE])
{
    data[0] = (uint8_t)state->phase;
    data[1] = (uint8_t)state->reason;
    data[2] = state->status;
    data[3] = (uint8_t)((state->trial ? TRIAL : 0) | (state->restart ? RESTART : 0));
    espota_put_le16(data + 4, state->http);
    espota_put_le16(data + 6, state->attempts);
    espota_put_le32(data + 8, state->number);
    espota_put_le32(data + 12, state->offset);
    espota_put_le32(data + 16, state->done);
    espota_put_le32(data + 20, state->total);
    espota_put_le32(data + 24, state->kept);
    memcpy(data + 28, state->sha256, sizeof state->sha256);
}

bool espota_pull_state_parse(struct espota_pull_state *state, const uint8_t data[ESPOTA_PULL_STATE])
{
    if (data[0] > ESPOTA_PULL_CANCELLED || data[1] >= ESPOTA_PULL_REASONS)
        return false;
    *state = (struct espota_pull_state){
        .phase = (enum espota_pull_phase)data[0],
        .reason = (enum espota_pull_reason)data[1],
        .status = data[2],
        .trial = data[3] & TRIAL,
        .restart = data[3] & RESTART,
        .http = espota_get_le16(data + 4),
        .attempts = espota_get_le16(data + 6),
        .number = espota_get_le32(data + 8),
        .offset = espota_get_le32(data + 12),
        .done = espota_get_le32(data + 16),
        .total = espota_get_le32(data + 20),
        .kept = espota_get_le32(data + 24),
    };
    memcpy(state->sha256, data + 28, sizeof state->sha256);
    return true;
}
