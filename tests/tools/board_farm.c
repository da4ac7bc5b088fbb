/* board_farm COUNT CUT STALLED LYING RATE APP KEY LIST: so many boards that run APP, some of which fail in
 * the middle of an update (fixtures/board_farm.h). Their key goes to the file KEY, a list of them to LIST
 * when all can be reached. They serve until nobody holds this program's standard input any more. */
#include "espota/error.h"
#include "espota/file.h"

#include "fixtures/board_farm.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void write_key(const char *path)
{
    umask(077);
    FILE *file = fopen(path, "w");
    memory_board_check(file != NULL, "a key");
    for (unsigned i = 0; i < KEY; i++)
        fprintf(file, "%02x", DEVICE_KEY[i]);
    memory_board_check(fclose(file) == 0, "a key");
}

int main(int argc, char **argv)
{
    struct espota_bytes app = { 0 };
    struct espota_error error;
    if (argc != 9)
        return 2;
    if (espota_file_read(argv[6], 4u << 20, &app, &error) != 0) {
        fprintf(stderr, "board_farm: %s\n", error.text);
        return 1;
    }
    const struct board_farm_options options = {
        .count = (unsigned)atoi(argv[1]),
        .faults = { [BOARD_CUT] = (unsigned)atoi(argv[2]),
                    [BOARD_STALLED] = (unsigned)atoi(argv[3]),
                    [BOARD_LYING] = (unsigned)atoi(argv[4]) },
        .bytes_per_second = (uint32_t)atoi(argv[5]),
        .rollback = true,
        .app = &app,
    };
    struct board_farm *farm = board_farm(&options);
    char new_list[4096];
    snprintf(new_list, sizeof new_list, "%s.new", argv[8]);
    write_key(argv[7]);
    board_farm_list(farm, new_list, argv[7]);
    memory_board_check(rename(new_list, argv[8]) == 0, "a list");
    while (getchar() != EOF)
        continue;
    board_farm_free(farm);
    espota_bytes_free(&app);
    return 0;
}
