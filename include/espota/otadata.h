/** otadata: which app slot boots next.
 *
 * Two 32-byte records, each at the start of its own 4 KiB sector; the valid one with the highest sequence
 * number wins, so a write that power interrupts leaves the other in charge. All fields little-endian.
 * Slot = (sequence - 1) mod number of slots. The CRC covers only the sequence number.
 * Source: ESP-IDF, bootloader_support/include/esp_flash_partitions.h (esp_ota_select_entry_t),
 * bootloader_support/src/bootloader_common_loader.c, app_update/esp_ota_ops.c.
 *
 * Pure code: no allocation, no I/O, no globals. */
#ifndef ESPOTA_OTADATA_H
#define ESPOTA_OTADATA_H

#pragma GCC visibility push(default)

#include <stdbool.h>
#include <stdint.h>

#define ESPOTA_OTADATA_RECORD_SIZE 32u
#define ESPOTA_SLOT_FACTORY        (-1)

enum espota_otadata_state {
    ESPOTA_OTA_NEW = 0,            /* written; the next boot is its trial */
    ESPOTA_OTA_PENDING_VERIFY = 1, /* trial under way; unless confirmed, the next boot goes back */
    ESPOTA_OTA_VALID = 2,          /* confirmed */
    ESPOTA_OTA_INVALID = 3,        /* declared bad by the app or the user */
    ESPOTA_OTA_ABORTED = 4,        /* trial ended without confirmation */
};
#define ESPOTA_OTA_UNDEFINED UINT32_MAX /* rollback not in use: boots without limits */

struct espota_otadata_record {
    uint32_t sequence;
    uint8_t label[20];
    uint32_t state; /* enum espota_otadata_state or ESPOTA_OTA_UNDEFINED */
    uint32_t crc;
};

struct espota_otadata {
    struct espota_otadata_record record[2];
};

void espota_otadata_record_parse(struct espota_otadata_record *record,
                                 const uint8_t data[ESPOTA_OTADATA_RECORD_SIZE]);
void espota_otadata_record_format(const struct espota_otadata_record *record,
                                  uint8_t data[ESPOTA_OTADATA_RECORD_SIZE]);

/** CRC that a record with this sequence number must carry. */
uint32_t espota_otadata_crc(uint32_t sequence);

/** May the bootloader choose this record: CRC right, sequence set, state neither INVALID nor ABORTED? */
bool espota_otadata_record_valid(const struct espota_otadata_record *record);

/** Has the record ever been written, and intact (CRC right), whatever its state? */
bool espota_otadata_record_intact(const struct espota_otadata_record *record);

/** The record in charge. @return 0 or 1, or -1 when neither is valid. */
int espota_otadata_active(const struct espota_otadata *otadata);

/** Slot that the bootloader would start, of `slot_count` OTA slots.
 * @return index 0..slot_count-1, or ESPOTA_SLOT_FACTORY when no record is valid. */
int espota_otadata_active_slot(const struct espota_otadata *otadata, unsigned slot_count);

/** Make `slot` (< slot_count) boot next, in `state`, as esp_ota_set_boot_partition does: the record in charge
 * keeps its place when it already points there, otherwise the other record gets the next fitting sequence
 * number. Changes `otadata`.
 * @return index of the record that changed and has to be written, or -1 when slot_count is 0, the slot out of
 * range, or the sequence numbers are exhausted. */
int espota_otadata_select(struct espota_otadata *otadata, unsigned slot, unsigned slot_count, uint32_t state);

/** The same through the record that is not in charge, whatever the other one says: one that is in charge
 * stays so until this one is whole. @return as espota_otadata_select. */
int espota_otadata_append(struct espota_otadata *otadata, unsigned slot, unsigned slot_count, uint32_t state);

/** Mark the record in charge, which must select `slot`, as `state` (VALID to confirm, INVALID to reject).
 * @return index of the record that changed and has to be written; -1 when no record is valid or the one in
 * charge selects another slot; -2 when it is in that state already. */
int espota_otadata_mark(struct espota_otadata *otadata, unsigned slot, unsigned slot_count, uint32_t state);

/** Short name of a state for people and JSON: "new", "pending-verify", "valid", "invalid", "aborted",
 * "undefined", or "unknown". Static storage. */
const char *espota_otadata_state_name(uint32_t state);

#pragma GCC visibility pop

#endif
