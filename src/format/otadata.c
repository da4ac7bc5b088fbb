#include "espota/otadata.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

#include <stddef.h>

#define SEQUENCE_ERASED UINT32_MAX

void espota_otadata_record_parse(struct espota_otadata_record *record,
                                 const uint8_t data[ESPOTA_OTADATA_RECORD_SIZE])
{
    record->sequence = espota_get_le32(data);
    for (size_t i = 0; i < sizeof record->label; i++)
        record->label[i] = data[4 + i];
    record->state = espota_get_le32(data + 24);
    record->crc = espota_get_le32(data + 28);
}

void espota_otadata_record_format(const struct espota_otadata_record *record,
                                  uint8_t data[ESPOTA_OTADATA_RECORD_SIZE])
{
    espota_put_le32(data, record->sequence);
    for (size_t i = 0; i < sizeof record->label; i++)
        data[4 + i] = record->label[i];
    espota_put_le32(data + 24, record->state);
    espota_put_le32(data + 28, record->crc);
}

uint32_t espota_otadata_crc(uint32_t sequence)
{
    uint8_t bytes[4];
    espota_put_le32(bytes, sequence);
    return espota_crc32(UINT32_MAX, bytes, sizeof bytes);
}

bool espota_otadata_record_intact(const struct espota_otadata_record *record)
{
    return record->sequence != SEQUENCE_ERASED && record->crc == espota_otadata_crc(record->sequence);
}

bool espota_otadata_record_valid(const struct espota_otadata_record *record)
{
    return espota_otadata_record_intact(record) && record->state != ESPOTA_OTA_INVALID &&
           record->state != ESPOTA_OTA_ABORTED;
}

int espota_otadata_active(const struct espota_otadata *otadata)
{
    bool valid0 = espota_otadata_record_valid(&otadata->record[0]);
    bool valid1 = espota_otadata_record_valid(&otadata->record[1]);
    if (valid0 && valid1)
        return otadata->record[0].sequence >= otadata->record[1].sequence ? 0 : 1;
    return valid0 ? 0 : valid1 ? 1 : -1;
}

/* Sequence 0 wraps to UINT32_MAX here, as it does in the bootloader's arithmetic. */
static unsigned slot_of(uint32_t sequence, unsigned slot_count)
{
    return (unsigned)((sequence - 1u) % slot_count);
}

int espota_otadata_active_slot(const struct espota_otadata *otadata, unsigned slot_count)
{
    int active = espota_otadata_active(otadata);
    if (active < 0 || slot_count == 0)
        return ESPOTA_SLOT_FACTORY;
    return (int)slot_of(otadata->record[active].sequence, slot_count);
}

/* Smallest sequence number above `current` that selects `slot`; UINT32_MAX when there is none. Counted up
 * from the next one rather than from the current slot: that of sequence 0 is no multiple of anything. */
static uint32_t next_sequence(uint32_t current, unsigned slot, unsigned slot_count)
{
    unsigned step = (slot + slot_count - current % slot_count) % slot_count;
    uint64_t next = (uint64_t)current + 1 + step;
    return next < SEQUENCE_ERASED ? (uint32_t)next : SEQUENCE_ERASED;
}

static int put(struct espota_otadata *otadata, int target, uint32_t sequence, uint32_t state)
{
    struct espota_otadata_record *record = &otadata->record[target];
    if (sequence == SEQUENCE_ERASED)
        return -1;
    record->sequence = sequence;
    for (size_t i = 0; i < sizeof record->label; i++)
        record->label[i] = 0xff;
    record->state = state;
    record->crc = espota_otadata_crc(sequence);
    return target;
}

int espota_otadata_append(struct espota_otadata *otadata, unsigned slot, unsigned slot_count, uint32_t state)
{
    int active = espota_otadata_active(otadata);
    if (slot >= slot_count)
        return -1;
    return active < 0 ? put(otadata, 0, slot + 1u, state)
                      : put(otadata, 1 - active,
                            next_sequence(otadata->record[active].sequence, slot, slot_count), state);
}

int espota_otadata_select(struct espota_otadata *otadata, unsigned slot, unsigned slot_count, uint32_t state)
{
    int active = espota_otadata_active(otadata);
    if (slot < slot_count && active >= 0 && slot_of(otadata->record[active].sequence, slot_count) == slot)
        return put(otadata, active, otadata->record[active].sequence, state);
    return espota_otadata_append(otadata, slot, slot_count, state);
}

int espota_otadata_mark(struct espota_otadata *otadata, unsigned slot, unsigned slot_count, uint32_t state)
{
    int active = espota_otadata_active(otadata);
    if (active < 0 || espota_otadata_active_slot(otadata, slot_count) != (int)slot)
        return -1;
    if (otadata->record[active].state == state)
        return -2;
    otadata->record[active].state = state;
    return active;
}

const char *espota_otadata_state_name(uint32_t state)
{
    static const char *const names[] = { "new", "pending-verify", "valid", "invalid", "aborted" };
    if (state == ESPOTA_OTA_UNDEFINED)
        return "undefined";
    return state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}
