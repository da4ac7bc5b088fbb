#include "canary.h"

#include "espota/clock.h"
#include "espota/error.h"
#include "espota/ota.h"
#include "espota/slots.h"

#include <stdbool.h>

/* What a canary is found to do after its restart. */
enum canary_state { CANARY_GONE, CANARY_UNDECIDED, CANARY_WELL, CANARY_WENT_BACK };

/* On trial it runs what does not boot next. */
static int look(struct espota_device *device, const struct canary *c, enum canary_state *state,
                struct espota_error *error)
{
    struct espota_slots slots;
    bool runs = false;
    int result = espota_ota_runs(device, c->image->data, c->image->size, c->table_offset, &runs, error);
    *state = runs ? CANARY_WELL : CANARY_UNDECIDED;
    if (result != 0 || runs)
        return result;
    result = espota_slots_load(&slots, device, c->table_offset, error);
    if (result == 0)
        result = espota_slots_look(&slots, device, error);
    if (result == 0 && slots.running && slots.running == slots.boot)
        *state = CANARY_WENT_BACK;
    return result;
}

static int judge(enum canary_state state, int result, const struct canary *c, struct espota_error *error)
{
    if (state == CANARY_WELL)
        return 0;
    if (cli_interrupted(NULL))
        return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped while waiting for the device to come back");
    if (result != 0)
        return espota_fail_while(error, "it did not come back within a minute");
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       state == CANARY_WENT_BACK ? "it came back with its old app: %s did not start%s"
                                                 : "it came back, but does not run %s%s",
                       c->name, c->trial ? ", or nobody confirmed it" : "");
}

/* A canary that was restarted: does it come back, with this image, and confirmed? One that is asked before it
 * has restarted still runs its old app. */
int canary_await(struct cli *cli, const struct canary *c, struct espota_error *error)
{
    enum { PATIENCE_MS = 60000, PAUSE_MS = 500, RESTARTED_MS = 8000 };
    uint64_t began = espota_now_ms(), now = began;
    enum canary_state state = CANARY_GONE;
    int result = 0;
    while (state != CANARY_WELL && now - began < PATIENCE_MS && !cli_interrupted(NULL) &&
           (state != CANARY_WENT_BACK || now - began < RESTARTED_MS)) {
        struct espota_device *device = NULL;
        espota_sleep_ms(PAUSE_MS);
        result = connect_device(cli, c->connect, VIA_AGENT, &device, error);
        if (result == 0)
            result = look(device, c, &state, error);
        if (result != 0)
            state = CANARY_GONE;
        espota_device_close(device);
        now = espota_now_ms();
    }
    return judge(state, result, c, error);
}
