/* JSON results: an object of fields, or a list of items, while it is filled in.
 *
 * Memory that runs out is remembered, also by what the object or list becomes a part of, and told at the end:
 * no half document is ever printed. Every document begins with the field `schema`. Which fields there are, in
 * which units and when they are null, is in espota-json(7); tests/cli/json.sh compares it with what is
 * printed. */
#ifndef ESPOTA_CLI_JSON_H
#define ESPOTA_CLI_JSON_H

#include "espota/chip.h"
#include "espota/table.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_SCHEMA = 1 };

struct fields {
    json_t *object;
    bool failed;
};

struct items {
    json_t *list;
    bool failed;
};

struct fields fields_begin(void);
/* A whole document. */
struct fields document_begin(void);
/* One about a device: `name` is the port, host or file by which it was reached. */
struct fields device_document_begin(const char *name);
void fields_free(struct fields *fields);

/* NULL is null. Text may be any bytes: what is no UTF-8 becomes '?'. */
void field_text(struct fields *to, const char *key, const char *text);
/* Where no text is as good as none known: empty text is null too. */
void field_text_if_any(struct fields *to, const char *key, const char *text);
void field_number(struct fields *to, const char *key, int64_t number);
void field_number_if(struct fields *to, const char *key, bool known, int64_t number);
void field_flag(struct fields *to, const char *key, bool flag);
void field_flag_if(struct fields *to, const char *key, bool known, bool flag);
/* To three decimals; `number` is not negative. */
void field_real(struct fields *to, const char *key, double number);
/* As hex digits; NULL is null. */
void field_bytes(struct fields *to, const char *key, const uint8_t *bytes, size_t length);
void field_null(struct fields *to, const char *key);
/* The label of a partition, the name of a chip for --chip; NULL is null. */
void field_label(struct fields *to, const char *key, const struct espota_partition *partition);
void field_chip(struct fields *to, const char *key, const struct espota_chip *chip);
/* These two take what is put in. */
void field_object(struct fields *to, const char *key, struct fields value);
void field_list(struct fields *to, const char *key, struct items value);
/* All fields of `from`, which stays. */
void fields_add(struct fields *to, const struct fields *from);

struct items items_begin(void);
void items_free(struct items *items);
void item_text(struct items *to, const char *text);
void item_number(struct items *to, int64_t number);
/* Takes `value`. */
void item_object(struct items *to, struct fields value);
/* Is this text among the items? */
bool items_have_text(const struct items *items, const char *text);

/* The document as text, indented, in ASCII alone and without a newline at its end: free() it. NULL: out of
 * memory, now or before. */
char *document_text(const struct fields *document);
/* The same as one line. */
char *document_line(const struct fields *document);
/* A text or number in a document, or of the object that it holds; NULL and 0: there is none. */
const char *field_text_of(const struct fields *from, const char *key);
int64_t field_number_of(const struct fields *from, const char *key);
bool field_flag_of(const struct fields *from, const char *key);
/* The texts of a list, with commas between them. @return false when there are none. */
bool field_list_of(const struct fields *from, const char *key, char *text, size_t size);
/* `key` of the first object in a list whose field `flag` is true; NULL: there is none. */
const char *field_text_where(const struct fields *from, const char *list, const char *flag, const char *key);

#endif
