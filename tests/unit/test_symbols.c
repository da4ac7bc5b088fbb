/* ELF files, and what is told of a console by them. The files come from two toolchains, whose addr2line is
 * the judge: tests/data/elf. */
#include "espota/error.h"
#include "espota/file.h"
#include "espota/log_decoder.h"
#include "espota/panic.h"
#include "espota/symbols.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define RISCV        "tests/data/elf/tiny_riscv.elf"
#define XTENSA       "tests/data/elf/tiny_xtensa.elf"
#define PANIC_SHA256 "5c6eb0a52"
#include "fixtures/panic_text.h"

static struct espota_symbols *open_or_fail(const char *path)
{
    struct espota_symbols *symbols = NULL;
    struct espota_error error = { 0 };
    if (espota_symbols_open(&symbols, path, &error) != 0)
        fail_msg("%s", error.text);
    return symbols;
}

static void places_are_what_addr2line_says(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        uint32_t address;
        struct {
            const char *function;
            unsigned line;
        } place[2];
        size_t count;
    } cases[] = {
        { RISCV, 0x42000000, { { "report", 28 } }, 1 },
        { RISCV, 0x42000008, { { "take", 7 }, { "read_sensor", 12 } }, 2 },
        { RISCV, 0x4200004f, { { "poll_sensors", 21 } }, 1 },
        { RISCV, 0x42000073, { { "app_main", 39 } }, 1 },
        { RISCV, 0x41ffffff, { { NULL, 0 } }, 0 },
        { RISCV, 0x42000078, { { NULL, 0 } }, 0 },
        { XTENSA, 0x400d0000, { { NULL, 0 } }, 0 }, /* constants */
        { XTENSA, 0x400d0004, { { "report", 28 } }, 1 },
        { XTENSA, 0x400d0006, { { "report", 28 } }, 1 },
        { XTENSA, 0x400d0014, { { "take", 7 }, { "read_sensor", 12 } }, 2 },
        { XTENSA, 0x400d0020, { { "read_sensor", 15 } }, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_symbols *symbols = open_or_fail(cases[i].path);
        struct espota_symbols_place places[4];
        size_t count = espota_symbols_find(symbols, cases[i].address, places, 4);
        assert_int_equal(count, cases[i].count);
        for (size_t k = 0; k < count; k++) {
            assert_string_equal(places[k].function, cases[i].place[k].function);
            assert_int_equal(places[k].line, cases[i].place[k].line);
            assert_string_equal(places[k].file, "/src/tiny.c");
            assert_int_equal(places[k].inlined, k + 1 < count);
        }
        espota_symbols_close(symbols);
    }
}

static void no_more_places_than_there_is_room_for(void **state)
{
    (void)state;
    struct espota_symbols *symbols = open_or_fail(RISCV);
    struct espota_symbols_place places[2];
    memset(&places[1], 'x', sizeof places[1]);
    assert_int_equal(espota_symbols_find(symbols, 0x42000008, places, 0), 0);
    assert_int_equal(espota_symbols_find(symbols, 0x42000008, places, 1), 1);
    assert_string_equal(places[0].function, "take");
    assert_false(places[0].inlined);
    assert_int_equal(places[1].function[0], 'x');
    espota_symbols_close(symbols);
}

static void a_build_is_known_by_its_digest(void **state)
{
    (void)state;
    struct espota_symbols *symbols = open_or_fail(RISCV);
    assert_true(espota_symbols_is_build(symbols, "5c6eb0a52", 9));
    assert_true(espota_symbols_is_build(symbols, "5C6EB0A52", 9));
    assert_true(espota_symbols_is_build(
        symbols, "5c6eb0a5277a4493d9b1ad2cad0ad33889df2c5540b721943427538194b84430", 64));
    assert_false(espota_symbols_is_build(
        symbols, "5c6eb0a5277a4493d9b1ad2cad0ad33889df2c5540b721943427538194b844300", 65));
    assert_false(espota_symbols_is_build(symbols, "5c6eb0a53", 9));
    assert_false(espota_symbols_is_build(symbols, "", 0));
    espota_symbols_close(symbols);
}

static void read_panic(struct espota_panic *panic)
{
    espota_panic_begin(panic);
    for (const char *text = PANIC_TEXT; *text; text += strcspn(text, "\n") + 1)
        (void)espota_panic_line(panic, text, strcspn(text, "\n"));
}

static void a_stack_is_unwound(void **state)
{
    (void)state;
    static struct espota_panic panic;
    struct espota_symbols *symbols = open_or_fail(RISCV);
    struct espota_symbols_frame frames[8];
    read_panic(&panic);
    assert_int_equal(espota_symbols_unwind(symbols, &panic, frames, 8), 3);
    assert_int_equal(frames[0].pc, 0x42000008);
    assert_int_equal(frames[0].source, 0x42000008);
    assert_int_equal(frames[1].pc, 0x42000050);
    assert_int_equal(frames[1].source, 0x4200004f);
    assert_int_equal(frames[2].pc, 0x42000074);
    assert_int_equal(espota_symbols_unwind(symbols, &panic, frames, 2), 2);
    espota_symbols_close(symbols);
}

static void a_jump_to_nowhere_has_a_caller(void **state)
{
    (void)state;
    static struct espota_panic panic;
    struct espota_symbols *symbols = open_or_fail(RISCV);
    struct espota_symbols_frame frames[8];
    read_panic(&panic);
    panic.pc = 0;
    panic.x[1] = 0x42000014; /* as if read_sensor had called it: its frame is whole */
    memcpy(panic.stack + 12, "\x50\x00\x00\x42", 4);
    assert_int_equal(espota_symbols_unwind(symbols, &panic, frames, 8), 4);
    assert_int_equal(frames[1].pc, 0x42000014);
    assert_int_equal(frames[2].pc, 0x42000050);
    assert_int_equal(frames[3].pc, 0x42000074);
    espota_symbols_close(symbols);
}

static void unwinding_ends_where_the_dump_does(void **state)
{
    (void)state;
    static struct espota_panic panic;
    struct espota_symbols *symbols = open_or_fail(RISCV), *other = open_or_fail(XTENSA);
    struct espota_symbols_frame frames[8];
    read_panic(&panic);
    panic.stack_length = 44; /* what poll_sensors returns to is not there */
    assert_int_equal(espota_symbols_unwind(symbols, &panic, frames, 8), 2);
    panic.stack_length = 0;
    assert_int_equal(espota_symbols_unwind(symbols, &panic, frames, 8), 0);
    read_panic(&panic);
    panic.stack_base = 0xfffffff0; /* wraps around */
    panic.x[2] = 0xfffffff0;
    assert_in_range(espota_symbols_unwind(symbols, &panic, frames, 8), 1, 8);
    read_panic(&panic);
    assert_int_equal(espota_symbols_unwind(other, &panic, frames, 8), 0);
    espota_symbols_close(symbols);
    espota_symbols_close(other);
}

static void what_is_no_elf_file_of_an_app_is_named(void **state)
{
    (void)state;
    struct espota_symbols *symbols = NULL;
    struct espota_error error = { 0 };
    assert_int_equal(espota_symbols_open(&symbols, "tests/data/elf/tiny.c", &error), ESPOTA_ERR_VERIFY);
    assert_non_null(strstr(error.text, "tiny.c"));
    assert_int_equal(espota_symbols_open(&symbols, "/proc/self/exe", &error), ESPOTA_ERR_VERIFY);
    assert_non_null(strstr(error.text, "32-bit"));
    assert_int_equal(espota_symbols_open(&symbols, "no such file", &error), ESPOTA_ERR_IO);
}

/* ---- what is told of a console --------------------------------------------------------------------------
 */

static char told[4096];
static unsigned notes_of[4];

static void tell(void *context, enum espota_log_note note, const char *text)
{
    (void)context;
    notes_of[note]++;
    strncat(told, text, sizeof told - strlen(told) - 2);
    strcat(told, "\n");
}

static void feed(struct espota_log_decoder *decoder, const char *text, bool shown)
{
    told[0] = '\0';
    memset(notes_of, 0, sizeof notes_of);
    for (; *text; text += strcspn(text, "\n") + (text[strcspn(text, "\n")] == '\n'))
        espota_log_decoder_line(decoder, text, strcspn(text, "\n"), shown);
}

static struct espota_log_decoder *decoder_or_fail(const char *path)
{
    struct espota_log_decoder *decoder = NULL;
    struct espota_error error = { 0 };
    if (espota_log_decoder_open(&decoder, &path, 1, tell, NULL, &error) != 0)
        fail_msg("%s", error.text);
    return decoder;
}

static void a_panic_is_explained(void **state)
{
    (void)state;
    struct espota_log_decoder *decoder = decoder_or_fail(RISCV);
    feed(decoder, PANIC_TEXT, true);
    assert_string_equal(told, "0x42000008: take at /src/tiny.c:7\n"
                              " (inlined by) read_sensor at /src/tiny.c:12\n"
                              "0x42000050: poll_sensors at /src/tiny.c:21\n"
                              "Backtrace:\n"
                              "#0  0x42000008 in take at /src/tiny.c:7\n"
                              "    (inlined by) read_sensor at /src/tiny.c:12\n"
                              "#1  0x42000050 in poll_sensors at /src/tiny.c:21\n"
                              "#2  0x42000074 in app_main at /src/tiny.c:39\n");
    feed(decoder, PANIC_TEXT, false); /* filtered out: the backtrace is of interest nevertheless */
    assert_true(strncmp(told, "Backtrace:", 10) == 0);
    espota_log_decoder_close(decoder);
}

static void a_backtrace_of_xtensa_is_explained(void **state)
{
    (void)state;
    struct espota_log_decoder *decoder = decoder_or_fail(XTENSA);
    feed(decoder,
         "Backtrace: 0x400d0020:0x3ffb1234 0x40008544:0x3ffb1250 0x400d0004:0x3ffb1270  |<-CORRUPTED", true);
    assert_string_equal(told, "0x400d0020: read_sensor at /src/tiny.c:15\n"
                              "0x40008544: in ROM\n"
                              "0x400d0004: report at /src/tiny.c:28\n");
    feed(decoder, "I (1) app: magic 0x40008544", true);
    assert_string_equal(told, "");
    espota_log_decoder_close(decoder);
}

static void copy(const char *from, const char *to)
{
    struct espota_bytes bytes = { 0 };
    struct espota_error error = { 0 };
    assert_int_equal(espota_file_read(from, 1 << 20, &bytes, &error), 0);
    assert_int_equal(espota_file_write(to, bytes.data, bytes.size, &error), 0);
    espota_bytes_free(&bytes);
}

static void another_build_is_told_of_once(void **state)
{
    (void)state;
    char folder[] = "/tmp/espota-symbols-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/app.elf", folder);
    copy(RISCV, path);
    struct espota_log_decoder *decoder = decoder_or_fail(path);
    feed(decoder, "I (93) app_init: ELF file SHA256:  5c6eb0a52...\nELF file SHA256: 5c6eb0a52", true);
    assert_string_equal(told, "");
    feed(decoder, "ELF file SHA256: 12bab9605\nELF file SHA256: 12bab9605\n", true);
    assert_int_equal(notes_of[ESPOTA_LOG_NOTE_OTHER_BUILD], 1);
    assert_non_null(strstr(told, "12bab9605"));
    assert_non_null(strstr(told, path));
    feed(decoder, "ELF file SHA256: 5c6eb0a52\n", true);
    assert_int_equal(notes_of[ESPOTA_LOG_NOTE_SAME_BUILD], 1);
    copy(XTENSA, path); /* built anew, and flashed from another terminal */
    feed(decoder, "ELF file SHA256: 12bab9605\nat 0x400d0004", true);
    assert_string_equal(told, "0x400d0004: report at /src/tiny.c:28\n");
    espota_log_decoder_close(decoder);
    unlink(path);
    rmdir(folder);
}

/* ---- where builds leave it ------------------------------------------------------------------------------
 */

static void make(const char *folder, const char *name, const char *from)
{
    char path[256], *slash;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (slash = strchr(path + strlen(folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    if (strchr(from, '{')) {
        struct espota_error error;
        assert_int_equal(espota_file_write(path, from, strlen(from), &error), 0);
    } else {
        copy(from, path);
    }
}

static void the_elf_file_of_a_build_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *files[4]; /* name, what it is copied from ... */
        const char *asked, *found;
    } cases[] = {
        { { "app.elf", RISCV }, "app.elf", "app.elf" },
        { { "x.ino.elf", RISCV, "x.ino.bin", "{}" }, "x.ino.bin", "x.ino.elf" },
        { { "x.ino.elf", RISCV }, ".", "./x.ino.elf" },
        { { "build/a.elf", RISCV, "build/bootloader/bootloader.elf", RISCV }, ".", "./build/a.elf" },
        { { ".pio/build/esp32dev/firmware.elf", XTENSA }, ".", "./.pio/build/esp32dev/firmware.elf" },
        { { "a.elf", RISCV, "b.elf", RISCV }, ".", NULL },
        { { "a.elf", "{no elf}" }, ".", NULL },
        { { "bootloader.elf", RISCV }, ".", NULL },
        { { "a.bin", "{}" }, "a.bin", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[] = "/tmp/espota-symbols-XXXXXX", asked[128], found[128], *elf = NULL, command[64];
        struct espota_error error = { 0 };
        assert_non_null(mkdtemp(folder));
        for (size_t k = 0; k < 4 && cases[i].files[k]; k += 2)
            make(folder, cases[i].files[k], cases[i].files[k + 1]);
        snprintf(asked, sizeof asked, "%s/%s", folder, cases[i].asked);
        snprintf(found, sizeof found, "%s/%s", folder, cases[i].found ? cases[i].found : "");
        int result = espota_symbols_locate(asked, &elf, &error);
        assert_int_equal(result, cases[i].found ? 0 : ESPOTA_ERR_IO);
        if (cases[i].found)
            assert_string_equal(elf, found);
        free(elf);
        snprintf(command, sizeof command, "rm -r %s", folder);
        assert_int_equal(system(command), 0);
    }
}

static void esp_idf_says_which_it_is(void **state)
{
    (void)state;
    char folder[] = "/tmp/espota-symbols-XXXXXX", *elf = NULL, command[64];
    struct espota_error error = { 0 };
    assert_non_null(mkdtemp(folder));
    make(folder, "build/one.elf", RISCV);
    make(folder, "build/two.elf", RISCV);
    make(folder, "build/project_description.json", "{ \"app_elf\": \"two.elf\" }");
    assert_int_equal(espota_symbols_locate(folder, &elf, &error), 0);
    assert_non_null(strstr(elf, "/build/two.elf"));
    free(elf);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_what_addr2line_says),
        cmocka_unit_test(no_more_places_than_there_is_room_for),
        cmocka_unit_test(a_build_is_known_by_its_digest),
        cmocka_unit_test(a_stack_is_unwound),
        cmocka_unit_test(a_jump_to_nowhere_has_a_caller),
        cmocka_unit_test(unwinding_ends_where_the_dump_does),
        cmocka_unit_test(what_is_no_elf_file_of_an_app_is_named),
        cmocka_unit_test(a_panic_is_explained),
        cmocka_unit_test(a_backtrace_of_xtensa_is_explained),
        cmocka_unit_test(another_build_is_told_of_once),
        cmocka_unit_test(the_elf_file_of_a_build_is_found),
        cmocka_unit_test(esp_idf_says_which_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
