#include "espota/payload.h"

#include "espota/digest.h"
#include "espota/error.h"

static const char *const names[] = { [ESPOTA_PAYLOAD_RAW] = "raw" };

struct espota_payload espota_payload_raw(const void *image, size_t length)
{
    return (struct espota_payload){
        .kind = ESPOTA_PAYLOAD_RAW,
        .data = image,
        .size = length,
        .length = (uint32_t)length,
    };
}

int espota_payload_identify(struct espota_payload *payload, struct espota_error *error)
{
    if (payload->identified)
        return 0;
    if (payload->size > UINT32_MAX)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "an image of %zu bytes is more than any flash holds",
                           payload->size);
    if (espota_sha256(payload->data, payload->size, payload->sha256) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    payload->identified = true;
    return 0;
}

const char *espota_no_base_words(enum espota_no_base reason)
{
    static const char *const words[] = {
        [ESPOTA_BASE_USED] = "it was not",
        [ESPOTA_BASE_NOT_ASKED] = "none was looked for",
        [ESPOTA_BASE_UNSUPPORTED] = "the device takes none",
        [ESPOTA_BASE_NO_MEMORY] = "the device has too little memory for one",
        [ESPOTA_BASE_NO_IMAGE] = "the device holds no other image",
        [ESPOTA_BASE_UNKNOWN] = "the images on the device are not known here",
        [ESPOTA_BASE_NO_HELP] = "the image has nothing in common with those on the device",
        [ESPOTA_BASE_REFUSED] = "the device does not build on it",
        [ESPOTA_BASE_FAILED] = "what the device made of it was wrong",
        [ESPOTA_BASE_NOT_NAMED] = "the device does not say which images it holds",
    };
    return (size_t)reason < sizeof words / sizeof words[0] ? words[reason] : "for an unknown reason";
}

const char *espota_no_base_name(enum espota_no_base reason)
{
    static const char *const no_base_names[] = {
        [ESPOTA_BASE_USED] = NULL,
        [ESPOTA_BASE_NOT_ASKED] = "not-asked",
        [ESPOTA_BASE_UNSUPPORTED] = "unsupported",
        [ESPOTA_BASE_NO_MEMORY] = "no-memory",
        [ESPOTA_BASE_NO_IMAGE] = "no-image",
        [ESPOTA_BASE_UNKNOWN] = "unknown",
        [ESPOTA_BASE_NO_HELP] = "no-help",
        [ESPOTA_BASE_REFUSED] = "refused",
        [ESPOTA_BASE_FAILED] = "failed",
        [ESPOTA_BASE_NOT_NAMED] = "not-named",
    };
    return (size_t)reason < sizeof no_base_names / sizeof no_base_names[0] ? no_base_names[reason] : NULL;
}

const char *espota_payload_name(enum espota_payload_kind kind)
{
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}
