/* otadata: which app boots next. Nothing is written before it is known what the bootloader would start then.
 */
#include "private.h"

#include "espota/bootsel.h"
#include "espota/bytes.h"
#include "espota/otadata.h"
#include "espota/table.h"

#include <string.h>

#define RECORD ESPOTA_OTADATA_RECORD_SIZE

struct boot {
    struct espota_agent *agent;
    const struct espota_partition *partition; /* of otadata; NULL: none */
    const struct espota_partition *running;   /* NULL: neither factory nor a slot */
    const struct espota_partition *verified;  /* holds a verified image; NULL: none looked at yet */
    struct espota_otadata otadata;            /* as flash has it */
};

static const struct espota_partition *otadata_partition(const struct espota_agent *agent)
{
    struct espota_table_problem problem;
    const struct espota_partition *p = espota_table_otadata(&agent->table);
    bool good = p && espota_agent_inside(p->offset, ESPOTA_OTADATA_SIZE, 0, agent->config->flash_size);
    return good && espota_table_verify_writable(&agent->table, p, &problem) == 0 ? p : NULL;
}

static enum espota_agent_status load(struct espota_agent *agent, struct boot *b)
{
    uint8_t data[RECORD];
    *b = (struct boot){ .agent = agent,
                        .partition = otadata_partition(agent),
                        .running = espota_agent_app_at(agent, agent->config->running_offset) };
    for (uint32_t i = 0; i < 2; i++) {
        memset(data, 0xff, sizeof data);
        if (b->partition && espota_agent_flash_read(agent, b->partition->offset + i * ESPOTA_SECTOR_SIZE,
                                                    data, sizeof data) != 0)
            return ESPOTA_AGENT_FLASH;
        espota_otadata_record_parse(&b->otadata.record[i], data);
    }
    return ESPOTA_AGENT_OK;
}

static unsigned slot_of(const struct espota_partition *p)
{
    return (unsigned)(p->subtype - ESPOTA_APP_OTA_0);
}

/* Does the record in charge name the app that runs? */
static bool names_running(const struct boot *b)
{
    return b->running && espota_partition_is_slot(b->running) &&
           espota_otadata_active_slot(&b->otadata, espota_table_slot_count(&b->agent->table)) ==
               (int)slot_of(b->running);
}

/* ---- what would boot ------------------------------------------------------------------------------------
 */

/* For the bootloader's eyes: whole, and for this chip. */
static bool bootable(void *context, const struct espota_partition *p)
{
    const struct boot *b = context;
    return p == b->running || p == b->verified || espota_agent_is_bootable(b->agent, p);
}

/* PENDING_VERIFY is the word of a bootloader that honours trials, whatever the configuration says. */
static bool honours_trials(const struct boot *b)
{
    return b->agent->config->rollback || b->otadata.record[0].state == ESPOTA_OTA_PENDING_VERIFY ||
           b->otadata.record[1].state == ESPOTA_OTA_PENDING_VERIFY;
}

static bool nothing(void *context, const struct espota_partition *p)
{
    (void)context;
    (void)p;
    return false;
}

/* The next boot, which changes `otadata` as the bootloader does. */
static struct espota_boot_choice ahead(struct boot *b, struct espota_otadata *otadata,
                                       espota_bootable_fn *is_bootable)
{
    return espota_boot_choose(&b->agent->table, otadata, honours_trials(b), is_bootable, b);
}

/* The app that otadata asks for, whatever it holds. */
static const struct espota_partition *wanted(struct boot *b)
{
    struct espota_otadata copy = b->otadata;
    return ahead(b, &copy, nothing).wanted;
}

/* Is `p` the app that runs, or one that is verified? */
static enum espota_agent_status approve(struct boot *b, const struct espota_partition *p)
{
    if (!p)
        return ESPOTA_AGENT_IMAGE;
    if (p == b->running || p == b->verified)
        return ESPOTA_AGENT_OK;
    enum espota_agent_status status = espota_agent_examine(b->agent, p);
    if (status == ESPOTA_AGENT_OK)
        b->verified = p;
    return status;
}

/* May otadata be so, though it may be for a moment only? What boots is approved, or what would boot as it is;
 * also at the boot after, when a trial that nobody confirmed goes back. Most often that is known without a
 * look at any image. */
static enum espota_agent_status judge(struct boot *b, const struct espota_otadata *otadata)
{
    struct espota_otadata would = *otadata, is = b->otadata;
    for (int boot = 0; boot < 2; boot++) {
        struct espota_otadata would_now = would, is_now = is;
        const struct espota_partition *p = ahead(b, &would, nothing).wanted;
        if (p == ahead(b, &is, nothing).wanted || (p && p == b->running))
            continue;
        p = ahead(b, &would_now, bootable).partition;
        enum espota_agent_status status = approve(b, p);
        if (status != ESPOTA_AGENT_OK && (!p || p != ahead(b, &is_now, bootable).partition))
            return status;
    }
    return ESPOTA_AGENT_OK;
}

/* ---- changing it ----------------------------------------------------------------------------------------
 */

static struct espota_otadata without(const struct espota_otadata *otadata, int record)
{
    struct espota_otadata gap = *otadata;
    memset(&gap.record[record], 0xff, sizeof gap.record[record]);
    return gap;
}

/* Each record has a sector of its own; the other one is in charge until this one is whole. */
static enum espota_agent_status erase_record(struct boot *b, int record)
{
    struct espota_otadata gap = without(&b->otadata, record);
    enum espota_agent_status status = judge(b, &gap);
    if (status != ESPOTA_AGENT_OK)
        return status;
    b->otadata = gap;
    return espota_agent_erase(b->agent, b->partition->offset + (uint32_t)record * ESPOTA_SECTOR_SIZE) == 0
               ? ESPOTA_AGENT_OK
               : ESPOTA_AGENT_FLASH;
}

static enum espota_agent_status store(struct boot *b, const struct espota_otadata *to, int record)
{
    uint8_t data[RECORD], back[RECORD];
    uint32_t at = b->partition->offset + (uint32_t)record * ESPOTA_SECTOR_SIZE;
    enum espota_agent_status status = judge(b, to);
    if (status == ESPOTA_AGENT_OK)
        status = erase_record(b, record);
    if (status != ESPOTA_AGENT_OK)
        return status;
    espota_otadata_record_format(&to->record[record], data);
    if (espota_agent_program(b->agent, at, data, sizeof data) != 0 ||
        espota_agent_flash_read(b->agent, at, back, sizeof back) != 0 || memcmp(data, back, sizeof back) != 0)
        return ESPOTA_AGENT_FLASH;
    b->otadata = *to;
    return ESPOTA_AGENT_OK;
}

/* The factory app boots when otadata says nothing. The record in charge goes last. */
static enum espota_agent_status erase_both(struct boot *b)
{
    int last = espota_otadata_active(&b->otadata) == 1 ? 1 : 0;
    enum espota_agent_status status = erase_record(b, 1 - last);
    return status == ESPOTA_AGENT_OK ? erase_record(b, last) : status;
}

/* Have otadata name slot `p` in `state`. Where the record in charge would have to be written again, and what
 * boots without it is not approved, the other record says the same with a higher number. */
static enum espota_agent_status name_slot(struct boot *b, const struct espota_partition *p, uint32_t state)
{
    unsigned slots = espota_table_slot_count(&b->agent->table);
    struct espota_otadata to = b->otadata;
    int record = espota_otadata_select(&to, slot_of(p), slots, state);
    if (record < 0)
        return ESPOTA_AGENT_STATE;
    if (memcmp(&b->otadata, &to, sizeof to) == 0)
        return ESPOTA_AGENT_OK;
    struct espota_otadata gap = without(&b->otadata, record);
    if (judge(b, &gap) != ESPOTA_AGENT_OK) {
        to = b->otadata;
        record = espota_otadata_append(&to, slot_of(p), slots, state);
    }
    return record < 0 ? ESPOTA_AGENT_STATE : store(b, &to, record);
}

static enum espota_agent_status point_to(struct boot *b, const struct espota_partition *p, uint32_t state)
{
    return p->subtype == ESPOTA_APP_FACTORY ? erase_both(b) : name_slot(b, p, state);
}

/* Otadata asks for the app that runs, whatever lies in the other slots. */
static enum espota_agent_status settle(struct boot *b)
{
    if (b->running && wanted(b) == b->running)
        return ESPOTA_AGENT_OK;
    if (!b->partition || !b->running)
        return ESPOTA_AGENT_STATE;
    return point_to(b, b->running, ESPOTA_OTA_UNDEFINED);
}

enum espota_agent_status espota_agent_settle(struct espota_agent *agent)
{
    struct boot b;
    enum espota_agent_status status = load(agent, &b);
    return status == ESPOTA_AGENT_OK ? settle(&b) : status;
}

/* A record says PENDING_VERIFY only where the bootloader goes back unless it is confirmed. */
enum espota_agent_status espota_agent_check_trial(struct espota_agent *agent)
{
    struct boot b;
    enum espota_agent_status status = load(agent, &b);
    if (status != ESPOTA_AGENT_OK)
        return status;
    return names_running(&b) &&
                   b.otadata.record[espota_otadata_active(&b.otadata)].state == ESPOTA_OTA_PENDING_VERIFY
               ? ESPOTA_AGENT_TRIAL
               : ESPOTA_AGENT_OK;
}

/* ---- requests -------------------------------------------------------------------------------------------
 */

static enum espota_agent_status select_app(struct boot *b, const struct espota_partition *p, uint32_t state)
{
    bool known = MORE_SECTORS && b->agent->verified == p->offset;
    enum espota_agent_status status = known ? ESPOTA_AGENT_OK : espota_agent_examine(b->agent, p);
    if (status != ESPOTA_AGENT_OK)
        return status;
    b->verified = p;
    if (state == ESPOTA_OTA_NEW) /* a trial goes back to the app that runs */
        status = settle(b);
    if (status == ESPOTA_AGENT_OK)
        status = point_to(b, p, state);
    return status;
}

enum espota_agent_status espota_agent_select(struct espota_agent *agent,
                                             const struct espota_agent_request_in *request,
                                             struct reply *reply)
{
    struct boot b;
    (void)reply;
    const struct espota_partition *p = espota_agent_app_at(agent, espota_get_le32(request->data));
    uint32_t state = espota_get_le32(request->data + 4);
    if (!p)
        return ESPOTA_AGENT_DENIED;
    if (state != ESPOTA_OTA_UNDEFINED && state != ESPOTA_OTA_NEW)
        return ESPOTA_AGENT_STATE;
    if (state == ESPOTA_OTA_NEW && (!agent->config->rollback || p->subtype == ESPOTA_APP_FACTORY))
        return ESPOTA_AGENT_UNSUPPORTED;
    enum espota_agent_status status = load(agent, &b);
    if (status == ESPOTA_AGENT_OK && !b.partition)
        status = ESPOTA_AGENT_STATE;
    if (status == ESPOTA_AGENT_OK && state == ESPOTA_OTA_NEW && p == b.running)
        status = ESPOTA_AGENT_RUNNING;
    return status == ESPOTA_AGENT_OK ? select_app(&b, p, state) : status;
}

/* What CONFIRM and ROLLBACK begin with: the running app is the one that otadata has in charge. */
static enum espota_agent_status load_in_charge(struct espota_agent *agent, struct boot *b)
{
    enum espota_agent_status status = load(agent, b);
    return status == ESPOTA_AGENT_OK && (!b->partition || !names_running(b)) ? ESPOTA_AGENT_STATE : status;
}

enum espota_agent_status espota_agent_confirm(struct espota_agent *agent,
                                              const struct espota_agent_request_in *request,
                                              struct reply *reply)
{
    struct boot b;
    (void)request;
    (void)reply;
    enum espota_agent_status status = load_in_charge(agent, &b);
    if (status != ESPOTA_AGENT_OK)
        return status;
    uint32_t state = b.otadata.record[espota_otadata_active(&b.otadata)].state;
    bool trial = state == ESPOTA_OTA_NEW || state == ESPOTA_OTA_PENDING_VERIFY;
    return trial ? name_slot(&b, b.running, ESPOTA_OTA_VALID) : ESPOTA_AGENT_OK;
}

enum espota_agent_status espota_agent_rollback(struct espota_agent *agent,
                                               const struct espota_agent_request_in *request,
                                               struct reply *reply)
{
    struct boot b;
    (void)request;
    (void)reply;
    enum espota_agent_status status = load_in_charge(agent, &b);
    if (status != ESPOTA_AGENT_OK)
        return status;
    struct espota_otadata to = b.otadata, copy;
    int record = espota_otadata_active(&to);
    to.record[record].state = ESPOTA_OTA_INVALID;
    copy = to;
    const struct espota_partition *p = ahead(&b, &copy, bootable).partition;
    status = p == b.running ? ESPOTA_AGENT_IMAGE : approve(&b, p);
    return status == ESPOTA_AGENT_OK ? store(&b, &to, record) : status;
}
