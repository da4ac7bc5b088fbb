/** Partition tables as files: CSV or binary in and out, and a sentence about what is wrong with one. */
#ifndef ESPOTA_TABLE_FILE_H
#define ESPOTA_TABLE_FILE_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/table.h"

#include <stdbool.h>
#include <stdint.h>

/** One sentence about a problem of a table. @return `text`. */
#define ESPOTA_PROBLEM_TEXT 256
const char *espota_table_problem_text(const struct espota_table_problem *problem,
                                      char text[ESPOTA_PROBLEM_TEXT]);

/** Read a table from CSV or binary bytes, whichever they are, and verify it. `name` is for messages.
 * `was_binary` may be NULL. UTF-16 and UTF-32 CSV with a byte-order mark is accepted. Environment variables
 * are expanded. No partition at all is a table too, as for the generator.
 * @return 0; ESPOTA_ERR_VERIFY when the table breaks a rule; ESPOTA_ERR_FAILED when the bytes are no table.
 */
int espota_table_read(struct espota_table *table, const struct espota_bytes *bytes, const char *name,
                      const struct espota_table_csv_options *options, bool *was_binary,
                      struct espota_error *error);

/** Binary form of a table that was verified before. */
int espota_table_to_binary(const struct espota_table *table, uint8_t out[ESPOTA_TABLE_BINARY_SIZE],
                           struct espota_error *error);

/** CSV form; `csv` comes zero-initialised, and is for espota_bytes_free. @return 0, or ESPOTA_ERR_NOMEM. */
int espota_table_to_csv(const struct espota_table *table, struct espota_bytes *csv,
                        struct espota_error *error);

/** That the table of `device` has no partition of this name, with the one that was meant. @return
 * ESPOTA_ERR_FAILED. */
int espota_table_fail_absent(const struct espota_table *table, const char *label, const char *device,
                             struct espota_error *error);

#pragma GCC visibility pop

#endif
