/** CSV files for NVS, as ESP-IDF's nvs_partition_gen reads them: the columns key, type, encoding and value in
 * any order, quoted as Python's csv reads it, lines that begin with '#' left out.
 *
 * type: namespace, data, or file (whose content is the value; a path that is not absolute is that from the
 * working directory). encoding: u8, i8, u16, i16, u32, i32, u64, i64, string, binary, hex2bin, base64,
 * blob_fill(LENGTH;0xNN) and blob_sz_fill(LENGTH;0xNN). WiFi settings (sta.ssid, ap.ssid ...) bring what the
 * driver keeps beside them, as in the generator.
 *
 * Where the generator writes what no app could read (a value in no namespace, or in another one than the
 * file says when it returns to an earlier namespace; keys of too many bytes; STRING without its NUL), this
 * refuses, or does what the file says.
 * Source: esp-idf-nvs-partition-gen 0.3.0; api-reference/storage/nvs_partition_gen.rst. */
#ifndef ESPOTA_NVS_CSV_H
#define ESPOTA_NVS_CSV_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/nvs_build.h"

/** Put the values of `text` into `builder`. `name` is that of the file, for messages.
 * @return ESPOTA_ERR_USAGE for what the file says wrongly, ESPOTA_ERR_TOO_BIG, or what reading a file
 * returned; the message has the line. */
int espota_nvs_csv_read(struct espota_nvs_builder *builder, const char *name, const void *text, size_t length,
                        struct espota_error *error);

#pragma GCC visibility pop

#endif
