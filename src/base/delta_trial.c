/* Bases that have little in common with an image: does it take fewer bytes with them, or more? */
#include "base/delta.h"
#include "base/encode_parts.h"
#include "espota/buffer.h"
#include "espota/encode.h"
#include "espota/error.h"

#define SECTOR ESPOTA_CODER_SECTOR

enum {
    SURE = 2,            /* of the image one part in so many is in the base: it helps, */
    REPEATS = 4,         /* unless it comes to one part in so many of itself, */
    PROBES = 4,          /* as so many stretches of it say */
    PROBE = 2,           /* of so many sectors */
    ALL = 64,            /* sectors of an image that is tried as a whole; */
    ALL_REPEATED = 1024, /* of one that repeats itself: what it comes to shows late; */
    STRETCHES = 8,       /* else so many stretches of it */
    STRETCH = 8,         /* sectors */
    LEAST_GAIN = 50,     /* of a sample one part in so many, as the rest may be another matter */
};

struct trial {
    enum espota_isa isa;
    const uint8_t *image;
    size_t image_length;
    uint32_t sectors; /* of the image */
    const struct encode_parts *parts;
    const struct espota_observer *observer;
    bool repeats; /* itself, so much that hardly anything is left */
    size_t without, with, map;
};

/* Bytes of that stretch, and those of them that come before its sectors. */
static int measure(const struct trial *t, const struct espota_base *base, uint32_t first, uint32_t sectors,
                   size_t *body, size_t *before, struct espota_error *error)
{
    struct espota_encoder *encoder;
    struct espota_bytes stream = { 0 };
    const struct encode_job job = { .isa = t->isa,
                                    .table_log = ESPOTA_CODER_TABLE_DEFAULT,
                                    .base = base,
                                    .image = t->image,
                                    .image_length = t->image_length,
                                    .offset = first * SECTOR,
                                    .length = sectors * SECTOR,
                                    .parts = t->parts };
    int status = encode_begin(&encoder, &job, &stream, error);
    *before = stream.size;
    if (status == 0) {
        do
            status = espota_observer_cancelled(t->observer)
                         ? -espota_fail(error, ESPOTA_ERR_CANCELLED,
                                        "stopped while it was tried whether a base helps")
                         : espota_encoder_sector(encoder, &stream, error);
        while (status > 0);
        status = -status;
        espota_encoder_end(encoder);
    }
    *body += stream.size - *before;
    espota_bytes_free(&stream);
    return status;
}

static int measure_both(struct trial *t, const struct espota_base *base, uint32_t first, uint32_t sectors,
                        struct espota_error *error)
{
    size_t head = 0;
    int status = measure(t, NULL, first, sectors, &t->without, &head, error);
    if (status == 0)
        status = measure(t, base, first, sectors, &t->with, &t->map, error);
    t->map -= status == 0 ? head : 0;
    return status;
}

/* @return 0: it is as good as none, or worse; 1: it helps; negative: a failure. */
static int helps(struct trial *t, const struct espota_base *base, struct espota_error *error)
{
    bool whole = t->sectors <= (t->repeats ? ALL_REPEATED : ALL);
    uint32_t count = whole ? 1 : STRETCHES, length = whole ? t->sectors : STRETCH;
    int status = 0;
    for (uint32_t i = 0; i < count && status == 0; i++)
        status = measure_both(t, base, t->sectors / count * i, length, error);
    if (status != 0)
        return -status;
    double part = (double)(count * length) / t->sectors, map = (double)t->map * part;
    double gain = (double)t->without - (double)t->with - map;
    return gain > (whole ? 0 : (double)t->without / LEAST_GAIN);
}

/* Most of it is in the base. That helps unless the image repeats itself so much that it is next to nothing
 * without one, too: firmware comes to half of its size. @return 1: it helps; 0: who knows; negative: a
 * failure. */
static int helps_surely(struct trial *t, const struct espota_base *base, struct espota_error *error)
{
    uint32_t count = t->sectors < PROBES * PROBE ? 1 : PROBES, length = count == 1 ? t->sectors : PROBE;
    size_t coded = 0, head;
    int status = 0;
    if (delta_base_covered(base) <= t->image_length / SURE)
        return 0;
    for (uint32_t i = 0; i < count && status == 0; i++)
        status = measure(t, NULL, t->sectors / count * i, length, &coded, &head, error);
    t->repeats = coded <= (size_t)count * length * SECTOR / REPEATS;
    return status != 0 ? -status : !t->repeats;
}

static int try_base(struct espota_base *base, enum espota_isa isa, const uint8_t *image, size_t image_length,
                    const struct espota_observer *observer, struct espota_error *error)
{
    struct trial t = { .isa = isa,
                       .image = image,
                       .image_length = image_length,
                       .parts = delta_base_parts(base),
                       .observer = observer,
                       .sectors = (uint32_t)((image_length + SECTOR - 1) / SECTOR) };
    int good = helps_surely(&t, base, error);
    if (good == 0)
        good = helps(&t, base, error);
    if (good == 0)
        delta_base_give_up(base);
    return good < 0 ? -good : 0;
}

int delta_base_make(struct espota_base **base, enum espota_isa isa, const uint8_t *old, size_t old_length,
                    const uint8_t *image, size_t image_length, const struct espota_observer *observer,
                    struct espota_error *error)
{
    int status = delta_base_new(base, isa, old, old_length, image, image_length, observer, error);
    if (status != 0 || !espota_base_helps(*base))
        return status;
    status = try_base(*base, isa, image, image_length, observer, error);
    if (status != 0) {
        espota_base_free(*base);
        *base = NULL;
    }
    return status;
}

int espota_base_new(struct espota_base **base, enum espota_isa isa, const uint8_t *old, size_t old_length,
                    const uint8_t *image, size_t image_length, struct espota_error *error)
{
    return delta_base_make(base, isa, old, old_length, image, image_length, NULL, error);
}
