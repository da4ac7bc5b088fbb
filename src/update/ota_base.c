#include "ota_base.h"

#include "espota/bytes.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/image.h"
#include "espota/signature.h"
#include "espota/table.h"

#include <string.h>

/* A patch that is not what it has to be is told of; that there is none is not. */
static bool look_for_patch(struct ota_base *b, const struct espota_device *device,
                           const struct espota_payload_base *held)
{
    struct espota_error why;
    int result = b->source->patch(b->source->context, device, held->sha256, held->length, &b->prepared,
                                  &b->table_log, &why);
    if (result == ESPOTA_ERR_VERIFY)
        espota_device_note(device, "A patch is not used: %s", why.text);
    else if (result != 0)
        espota_device_detail(device, "%s", why.text);
    return result == 0 && b->prepared;
}

/* Ask the source. That it fails is no reason to fail an update. */
static bool look_up(struct ota_base *b, const struct espota_device *device,
                    const struct espota_payload_base *held)
{
    struct espota_error ignored;
    const uint8_t *image = NULL;
    if (b->patches)
        return look_for_patch(b, device, held);
    if (b->source->find(b->source->context, held->sha256, held->length, &image, &ignored) != 0)
        return false;
    b->image = image;
    return image;
}

/* A signed image was installed with its signature: where one follows, that is the file that may be known. */
static int with_signature(struct espota_device *device, const struct espota_partition *p,
                          struct espota_payload_base *held, bool *signature, struct espota_error *error)
{
    enum { MAGIC = 0xe7, RSA = 2, ECDSA = 3 };
    uint8_t start[4];
    uint32_t at = espota_signature_offset(held->length);
    *signature = false;
    if (at < held->length || at > p->size || p->size - at < ESPOTA_SECTOR_SIZE)
        return 0;
    int result = espota_device_read(device, p->offset + at, start, sizeof start, error);
    if (result != 0 || start[0] != MAGIC || (start[1] != RSA && start[1] != ECDSA))
        return result;
    held->length = at + ESPOTA_SECTOR_SIZE;
    result = espota_device_digest(device, p->offset, held->length, held->sha256, error);
    *signature = result == 0;
    return result;
}

/* Does anybody know the image in `p`? What the device does not let be read is none. */
static int try_partition(struct ota_base *b, struct espota_device *device, const struct espota_partition *p,
                         struct espota_payload_base *held, bool *known, struct espota_error *error)
{
    bool signature = false;
    *known = false;
    int result = espota_device_identify(device, p->offset, held, error);
    if (result != 0 || held->length == 0 || held->length > p->size)
        held->length = 0;
    if (held->length > 0 && !(*known = look_up(b, device, held)))
        result = with_signature(device, p, held, &signature, error);
    if (result == 0 && signature)
        *known = look_up(b, device, held);
    return result == ESPOTA_ERR_UNSUPPORTED ? 0 : result;
}

static bool may_be_base(const struct ota_base *b, const struct espota_partition *p)
{
    const struct espota_partition *t = b->target;
    bool apart = p->offset >= t->offset + (uint64_t)t->size || t->offset >= p->offset + (uint64_t)p->size;
    return p->type == ESPOTA_TYPE_APP && apart;
}

static void describe(struct ota_base *b, uint32_t length)
{
    struct espota_image image = { 0 };
    struct espota_image_memory memory = { b->image, length };
    if (!b->image)
        return;
    const struct espota_image_source source = { &memory, espota_image_memory_read, length };
    if (espota_image_parse_headers(&image, &source) == ESPOTA_IMAGE_OK)
        memcpy(b->version, image.description.version, sizeof b->version);
}

/* The app that runs first: what replaces it is most often its successor. */
static int try_all(struct ota_base *b, struct espota_device *device, struct espota_payload_base *base,
                   enum espota_no_base *reason, struct espota_error *error)
{
    const struct espota_table *table = &b->slots->table;
    const struct espota_partition *running = b->slots->running;
    bool known = false;
    int result = 0;
    for (unsigned i = 0; result == 0 && !known && i <= table->count; i++) {
        const struct espota_partition *p = i == 0 ? running : &table->entry[i - 1];
        if (!p || (i > 0 && p == running) || !may_be_base(b, p))
            continue;
        result = try_partition(b, device, p, base, &known, error);
        b->held = known ? p : NULL;
        if (base->length > 0)
            *reason = ESPOTA_BASE_UNKNOWN;
        if (result == 0 && base->length > 0 && !known && !b->unknown) {
            b->unknown = p;
            b->unknown_base = *base;
        }
    }
    return result;
}

/* From the device itself. */
static int read_back(struct ota_base *b, struct espota_device *device, const struct espota_base_costs *costs,
                     struct espota_payload_base *base, struct espota_error *error)
{
    const struct espota_base_wanted wanted = { .label = b->unknown->label,
                                               .held = &b->unknown_base,
                                               .image = b->payload->data,
                                               .image_length = b->payload->size,
                                               .costs = *costs };
    uint32_t read = 0;
    int result = b->source->read_back(b->source->context, device, &wanted, &read, error);
    b->read_back += read;
    b->patches = false;
    *base = b->unknown_base;
    if (result == 0 && look_up(b, device, base))
        b->held = b->unknown;
    return result;
}

/* One whose bytes are known; then one that there is a patch against; then one that is read back. */
static int find(void *context, struct espota_device *device, const struct espota_base_costs *costs,
                struct espota_payload_base *base, enum espota_no_base *reason, struct espota_error *error)
{
    struct ota_base *b = context;
    *reason = ESPOTA_BASE_NO_IMAGE;
    int result = try_all(b, device, base, reason, error);
    if (result == 0 && !b->held && *reason == ESPOTA_BASE_UNKNOWN && b->source->patch) {
        b->patches = true;
        result = try_all(b, device, base, reason, error);
    }
    if (result == 0 && !b->held && b->unknown && b->source->read_back)
        result = read_back(b, device, costs, base, error);
    if (!b->held)
        base->length = 0;
    base->data = b->held ? b->image : NULL;
    base->prepared = b->held ? b->prepared : NULL;
    base->table_log = b->table_log;
    if (b->held) {
        b->chosen = *base;
        b->chosen.data = NULL;
        b->chosen.prepared = NULL;
        describe(b, base->length);
        *reason = ESPOTA_BASE_USED;
    }
    return result;
}

void ota_base_begin(struct ota_base *base, const struct espota_base_source *source,
                    const struct espota_slots *slots, const struct espota_partition *target,
                    const struct espota_payload *payload)
{
    *base = (struct ota_base){
        .finder = { base, find }, .source = source, .slots = slots, .target = target, .payload = payload
    };
}

void ota_base_end(struct ota_base *base)
{
    if (base->image)
        base->source->release(base->source->context, base->image);
    base->image = NULL;
}
