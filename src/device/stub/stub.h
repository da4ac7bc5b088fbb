/* The stub at the other end of a link; shared by the files of this folder. */
#ifndef ESPOTA_DEVICE_STUB_STUB_H
#define ESPOTA_DEVICE_STUB_STUB_H

#include "device/agent_client/client.h"
#include "device/rom/rom.h"
#include "espota/stub_device.h"
#include "espota/stub_image.h"

struct stub {
    struct agent_client client;     /* first: its device is the stub's */
    struct espota_device_ops ops;   /* the client's, but for what the ROM has a part in */
    struct rom *rom;                /* owned; has the link */
    unsigned recoveries;            /* since the rate was last changed */
    unsigned reloads;               /* since it was opened */
    bool rate_fails;                /* the one that was asked for */
    struct espota_device_info info; /* by the ROM's word; no chip: the ROM was not asked */
};

/* A stub over the ROM's link, not started yet; `*stub` is owned by the caller and stub_free. The ROM stays
 * the caller's as long as stub_free is what ends it. */
int stub_new(struct stub **stub, struct rom *rom, struct espota_error *error);
void stub_free(struct stub *stub);

/* start.c: load it and have it answer, at the rate that the ROM's options ask for. */
int stub_start(struct stub *stub, struct espota_error *error);

/* upload.c: by way of its first stage, up to the stub's start, at a rate; 0: it stays as it is. One that does
 * not work is no error, and noted in the stub. */
int stub_upload(struct stub *stub, const struct espota_stub_image *image, uint32_t rate,
                struct espota_error *error);

/* A first stage that an earlier run left, at the link's rate: up to the stub's start.
 * @return ESPOTA_ERR_TIMEOUT when there is none. */
int stub_resume(struct stub *stub, struct espota_error *error);

/* Where the link has no rate of its own, as the ROM's options ask. A rate that does not work is no error. */
int stub_raise_rate(struct stub *stub, struct espota_error *error);

/* Greet one that runs already, or has half been loaded. @return ESPOTA_ERR_NO_DEVICE when none answers. */
int stub_find(struct stub *stub, struct espota_error *error);

/* It answers again, maybe in another state: what is known of it goes by the ROM's word. */
void stub_adopt(struct stub *stub);

#endif
