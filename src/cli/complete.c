#include "complete.h"

#include "cached.h"
#include "settings.h"
#include "suggest.h"

#include "espota/address.h"
#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/file_device.h"
#include "espota/hex.h"
#include "espota/image_cache.h"
#include "espota/ports.h"
#include "espota/size.h"
#include "espota/slots.h"
#include "espota/table_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct completion {
    const struct command *const *known;
    char **words; /* before the current one */
    int count;
    const char *current; /* the beginning of what is looked for */
    const char *prefix;  /* stands before each candidate: "--chip=" of "--chip=es" */
    int prefix_length;
};

static void offer(const struct completion *c, const char *candidate, const char *what)
{
    if (strncmp(candidate, c->current, strlen(c->current)) != 0)
        return;
    print("%.*s%s\n", c->prefix_length, c->prefix, candidate);
    print("%s\n", *what ? what : "-");
}

static void offer_files(const char *endings)
{
    print(":files\n");
    print("%s\n", *endings ? endings : "*");
}

/* ---- partitions of the table at hand --------------------------------------------------------------------
 */

/* The last value of an option before the current word; NULL: none. */
static const char *value_before(const struct completion *c, const char *name, const char *letter)
{
    size_t length = strlen(name);
    for (int i = c->count - 1; i >= 0; i--) {
        if (strncmp(c->words[i], name, length) == 0 && c->words[i][length] == '=')
            return c->words[i] + length + 1;
        if (i + 1 < c->count &&
            (strcmp(c->words[i], name) == 0 || (letter && strcmp(c->words[i], letter) == 0)))
            return c->words[i + 1];
    }
    return NULL;
}

static uint32_t table_offset(const struct completion *c)
{
    const char *text = value_before(c, "--table-offset", NULL);
    uint32_t offset = 0;
    if (!text)
        text = setting_value("table-offset");
    return text && espota_size_parse(text, &offset) ? offset : 0;
}

/* What is no file might never be read to its end. */
static bool is_file(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

static bool table_of_flash(const struct completion *c, const char *path, struct espota_table *table)
{
    struct espota_error ignored;
    struct espota_device *device = NULL;
    struct espota_slots slots;
    bool found = is_file(path) && espota_file_device_open(&device, path, NULL, &ignored) == 0 &&
                 espota_slots_load(&slots, device, table_offset(c), &ignored) == 0;
    if (found)
        *table = slots.table;
    espota_device_close(device);
    return found;
}

static bool table_of_file(const char *path, struct espota_table *table)
{
    struct espota_error ignored;
    struct espota_bytes bytes = { 0 };
    const struct espota_table_csv_options options = { 0 };
    bool found = is_file(path) && espota_file_read(path, 1u << 20, &bytes, &ignored) == 0 &&
                 espota_table_read(table, &bytes, path, &options, NULL, &ignored) == 0;
    espota_bytes_free(&bytes);
    return found;
}

/* That of a flash file which is the port, or what lies in a project. */
static bool find_table(const struct completion *c, struct espota_table *table)
{
    static const char *const usual[] = { "partitions.csv", "build/partition_table/partition-table.bin",
                                         "partition-table.bin", "partitions.bin" };
    const char *port = value_before(c, "--port", "-p"), *named = value_before(c, "--table", NULL);
    if (!port)
        port = setting_value("port");
    if (port && espota_address_after(port, "file:"))
        return table_of_flash(c, espota_address_after(port, "file:"), table);
    if (named)
        return table_of_file(named, table);
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (table_of_file(usual[i], table))
            return true;
    return false;
}

/* bash puts what it is offered onto the command line as it is: a label from a file or a device that a shell
 * would take for more than a word is left out. */
static bool is_plain_word(const char *label)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+@%,/-";
    if (*label == '\0' || *label == '-')
        return false;
    while (*label && (strchr(good, *label) || (unsigned char)*label >= 0x80))
        label++;
    return *label == '\0';
}

static void offer_partitions(const struct completion *c, bool apps_alone)
{
    struct espota_table table;
    if (!find_table(c, &table))
        return;
    for (unsigned i = 0; i < table.count; i++) {
        const struct espota_partition *p = &table.entry[i];
        char what[80], size[ESPOTA_SIZE_TEXT];
        const char *subtype = espota_subtype_name(p->type, p->subtype);
        snprintf(what, sizeof what, "%s, %s at 0x%x", subtype ? subtype : "data",
                 espota_size_text(p->size, size), (unsigned)p->offset);
        if ((!apps_alone || p->type == ESPOTA_TYPE_APP) && is_plain_word(p->label))
            offer(c, p->label, what);
    }
}

/* ---- values of options ----------------------------------------------------------------------------------
 */

static void offer_ports(const struct completion *c)
{
    struct espota_port *ports = NULL;
    struct espota_error ignored;
    size_t count = 0;
    if (espota_ports_list(&ports, &count, &ignored) == 0)
        for (size_t i = 0; i < count; i++)
            offer(c, ports[i].path, ports[i].adapter ? ports[i].adapter : ports[i].product);
    free(ports);
    if (espota_address_after(c->current, "file:") || *c->current == '/' || *c->current == '.')
        offer_files("");
    offer(c, "file:", "a flash file");
    offer(c, "tcp://", "a UART behind TCP");
    offer(c, "rfc2217://", "a serial port behind RFC 2217");
}

static bool is_file_argument(const char *argument)
{
    static const char *const files[] = { "FILE", "PEM", "DIR", "PATH", "ELF" };
    for (size_t i = 0; argument && i < sizeof files / sizeof files[0]; i++)
        if (strcmp(argument, files[i]) == 0)
            return true;
    return false;
}

static void offer_file_of(const struct option_spec *spec)
{
    static const struct {
        const char *option, *endings;
    } kinds[] = {
        { "app", "bin elf hex uf2" },
        { "file", "bin elf hex uf2" },
        { "bootloader", "bin elf" },
        { "table", "csv bin" },
        { "elf", "elf" },
        { "pubkey", "pem pub" },
        { "svg", "svg" },
        { "flash-file", "bin img" },
    };
    const char *endings = strcmp(spec->argument, "PEM") == 0 ? "pem pub crt key" : "";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].option, spec->name) == 0)
            endings = kinds[i].endings;
    offer_files(endings);
}

static void offer_values(const struct completion *c, const struct option_spec *spec)
{
    const char *option, *value;
    for (size_t i = 0; value_at(i, &option, &value); i++)
        if (strcmp(option, spec->name) == 0)
            offer(c, value, "");
    if (strcmp(spec->name, "port") == 0)
        offer_ports(c);
    else if (strcmp(spec->name, "slot") == 0 || strcmp(spec->name, "partition") == 0)
        offer_partitions(c, strcmp(spec->name, "slot") == 0);
    else if (strcmp(spec->name, "port-filter") == 0) {
        offer(c, "vid=", "USB vendor");
        offer(c, "pid=", "USB product");
        offer(c, "serial=", "serial number");
        offer(c, "name=", "part of path or product");
    } else if (is_file_argument(spec->argument))
        offer_file_of(spec);
}

/* ---- where the cursor stands ----------------------------------------------------------------------------
 */

/* The option that this word is; NULL: none of the command's. */
static const struct option_spec *option_of(const struct command *command, const char *word)
{
    const struct option_spec *spec;
    char letter;
    size_t length = strcspn(word, "=");
    for (int i = 0; option_spec_at(command, i, &spec, &letter); i++)
        if (word[0] == '-' && word[1] == '-'
                ? strlen(spec->name) == length - 2 && strncmp(spec->name, word + 2, length - 2) == 0
                : word[0] == '-' && letter && word[1] == letter && !word[2])
            return spec;
    return NULL;
}

/* The word behind it is its value. */
static bool takes_next(const struct command *command, const char *word)
{
    const struct option_spec *spec = option_of(command, word);
    return spec && spec->argument && !strchr(word, '=');
}

static void offer_options(const struct completion *c, const struct command *command)
{
    const struct option_spec *spec;
    char letter, text[80];
    for (int i = 0; option_spec_at(command, i, &spec, &letter); i++) {
        snprintf(text, sizeof text, "--%s", spec->name);
        offer(c, text, spec->help);
    }
}

/* "show [FILE] | make CSV...": the words with which a command's usage begins. */
static void offer_verbs(const struct completion *c, const char *usage)
{
    char verb[32], rest[80];
    for (const char *at = usage, *end; at; at = end ? end + 3 : NULL) {
        end = strstr(at, " | ");
        snprintf(verb, sizeof verb, "%.*s", (int)strcspn(at, " "), at);
        snprintf(rest, sizeof rest, "%.*s", end ? (int)(end - at) : (int)sizeof rest - 1, at);
        if (*verb >= 'a' && *verb <= 'z')
            offer(c, verb, rest);
    }
}

/* By their digits, with what they are. */
static void offer_cached(const struct completion *c)
{
    struct espota_cached_image *images = NULL;
    struct espota_image_cache *cache = NULL;
    struct espota_error ignored;
    char digits[2 * ESPOTA_SHA256_LENGTH + 1], *folder = cache_folder();
    size_t count = 0;
    if (folder && espota_image_cache_new(&cache, folder, 0, &ignored) == 0)
        (void)espota_image_cache_list(cache, &images, &count, &ignored);
    for (size_t i = 0; i < count; i++) {
        char what[80];
        espota_hex(images[i].sha256, sizeof images[i].sha256, digits);
        snprintf(what, sizeof what, "%s %s", images[i].project, images[i].version);
        offer(c, digits, what);
    }
    free(images);
    espota_image_cache_free(cache);
    free(folder);
}

/* Behind a word of `cache`; false: it stands elsewhere. */
static bool offer_for_cache(const struct completion *c, const struct command *command, int index)
{
    const char *verb = "";
    if (strcmp(command->name, "cache") != 0)
        return false;
    for (int i = 1; i < c->count; i++) {
        if (strcmp(c->words[i], "add") == 0 || strcmp(c->words[i], "remove") == 0)
            verb = c->words[i];
    }
    if (index == 0)
        offer_verbs(c, command->usage);
    else if (strcmp(verb, "remove") == 0)
        offer_cached(c);
    else if (strcmp(verb, "add") == 0)
        offer_files("bin elf");
    return true;
}

static void offer_argument(const struct completion *c, const struct command *command, int index)
{
    static const struct {
        const char *command, *endings;
    } kinds[] = { { "flash", "" },     { "write", "bin elf hex uf2" }, { "table", "csv bin" },
                  { "sign", "bin" },   { "provision", "bin" },         { "image", "bin elf hex uf2" },
                  { "monitor", "elf" } };
    const char *endings = "", *name = command->name;
    bool pairs = strcmp(command->usage, "TARGET FILE...") == 0; /* a target, a file, a target ... */
    if (offer_for_cache(c, command, index))
        return;
    bool target = strncmp(command->usage, "TARGET", 6) == 0 && (pairs ? index % 2 == 0 : index == 0);
    if (target || strcmp(command->usage, "TARGET...") == 0 || strcmp(command->usage, "PARTITION") == 0) {
        offer_partitions(c, strcmp(name, "boot") == 0);
        if (strcmp(name, "read") == 0 || strcmp(name, "erase") == 0)
            offer(c, "all", "all of the flash");
        return;
    }
    if (index == 0)
        offer_verbs(c, command->usage);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].command, name) == 0)
            endings = kinds[i].endings;
    if (command->max_arguments > 0)
        offer_files(endings);
}

static void offer_commands(const struct completion *c, bool help)
{
    for (size_t i = 0; c->known[i]; i++)
        offer(c, c->known[i]->name, c->known[i]->summary);
    if (help)
        return;
    offer(c, "help", "show what a command does");
    offer(c, "version", "show the version");
}

static const struct command *command_in(const struct completion *c, int *at)
{
    const struct foreign_word *word;
    for (*at = 0; *at < c->count; (*at)++) {
        const char *name = c->words[*at];
        if (*name == '-')
            continue;
        word = foreign_word(name);
        if (word && word->form != WORD_NONE)
            name = word->ours;
        for (size_t i = 0; c->known[i]; i++)
            if (strcmp(c->known[i]->name, name) == 0)
                return c->known[i];
    }
    return NULL;
}

/* Behind a command: a value, an option, or an argument. */
static void complete_command(struct completion *c, const struct command *command, int at)
{
    const char *equals = strncmp(c->current, "--", 2) == 0 ? strchr(c->current, '=') : NULL;
    const struct option_spec *spec = option_of(command, c->current);
    int arguments = 0;
    for (int i = at + 1; i < c->count; i++)
        if (takes_next(command, c->words[i]))
            i++;
        else
            arguments += c->words[i][0] != '-';
    if (c->count > at + 1 && takes_next(command, c->words[c->count - 1])) {
        offer_values(c, option_of(command, c->words[c->count - 1]));
    } else if (equals && spec) {
        c->prefix = c->current;
        c->prefix_length = (int)(equals + 1 - c->current);
        c->current = equals + 1;
        offer_values(c, spec);
    } else if (*c->current == '-') {
        offer_options(c, command);
    } else {
        offer_argument(c, command, arguments);
    }
}

void complete(const struct command *const *known, int count, char **words)
{
    struct completion c = { .known = known, .words = words, .count = count - 1, .prefix = "" };
    struct settings settings;
    struct espota_error ignored;
    int at = 0;
    if (count < 1)
        return;
    c.current = words[count - 1];
    const struct command *command = command_in(&c, &at);
    (void)settings_load(&settings, known, command ? command->name : NULL, &ignored);
    if (command && at > 0 && strcmp(words[at - 1], "help") == 0)
        return;
    if (command) {
        complete_command(&c, command, at);
    } else if (c.count > 0 && words[0][0] != '-' && strcmp(words[0], "help") != 0) {
        return; /* there is no such command */
    } else if (*c.current == '-' || (c.count > 0 && words[c.count - 1][0] == '-')) {
        const struct command device = { .name = "", .groups = { { NULL, 0 } } };
        for (size_t i = 0; known[i]; i++) /* those of any command that speaks to a chip */
            if (strcmp(known[i]->name, "info") == 0)
                command = known[i];
        complete_command(&c, command ? command : &device, -1);
        if (c.count == 0)
            offer(&c, "--version", "show the version");
    } else {
        offer_commands(&c, c.count > 0 && strcmp(words[0], "help") == 0);
    }
}
