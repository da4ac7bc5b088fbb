/* What 'espota ota' needs for many devices at once: simulated boards (fixtures/board_farm.h says what of them
 * is modelled), each at the end of a line of its own, updated by the program itself in a process of its own,
 * whose time, CPU time and memory are what is shown. Beside them is the CPU time of the boards, which a real
 * one would take of its own: where both together come near to the seconds that passed, on each of this
 * machine's cores, it is this machine that is shown and not the program.
 *
 *     bench_fleet [BAUD [IMAGE|- [DEVICES...]]]
 *
 * A count with a +, as 200+20, means that so many of the devices are cut off, stalled or lying. PROGRAM in
 * the environment is another espota than the one that was built. */
#include "espota/clock.h"
#include "espota/error.h"
#include "espota/file.h"

#include "fixtures/board_farm.h"
#include "fixtures/code_like.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIKE_SIZE = 160 << 10, BITS_A_BYTE = 10, USUAL_BAUD = 460800 };

struct bench {
    const char *program;
    char folder[64], image_path[96], key_path[96], list_path[96];
    const char *base; /* what the boards run, and espota is given; NULL: something else */
    struct espota_bytes app, image;
    uint32_t baud;
    double one_s; /* what the first run took, of one device */
};

struct run {
    unsigned count, bad, done, failed, named; /* named: of the bad ones */
    double good_s, all_s;                     /* until the last good one was done; until the end */
    double boards_s;                          /* CPU time of all boards, until then */
    struct rusage used; /* its maximum of memory is that of the process that it was forked from */
    unsigned long peak_kb;
};

static void need(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static struct espota_bytes image(const char *path, uint32_t seed, size_t size)
{
    struct espota_bytes bytes = { 0 };
    struct espota_error error = { 0 };
    if (path && strcmp(path, "-") != 0) {
        need(espota_file_read(path, 3 << 20, &bytes, &error) == 0, error.text);
        return bytes;
    }
    uint8_t *made = malloc(size);
    need(made, "no memory");
    code_like_fill(made, size, seed, false);
    bytes = memory_board_image_of(made, (uint32_t)size, 0);
    free(made);
    return bytes;
}

static void write_file(const char *path, const void *data, size_t size)
{
    struct espota_error error;
    need(espota_file_write(path, data, size, &error) == 0, error.text);
    need(chmod(path, 0600) == 0, path);
}

static void begin_files(struct bench *b)
{
    char key[2 * KEY + 1];
    for (unsigned i = 0; i < KEY; i++)
        snprintf(key + 2 * i, 3, "%02x", DEVICE_KEY[i]);
    strcpy(b->folder, "/tmp/espota-fleet-XXXXXX");
    need(mkdtemp(b->folder), "no folder for files");
    snprintf(b->image_path, sizeof b->image_path, "%s/image", b->folder);
    snprintf(b->key_path, sizeof b->key_path, "%s/key", b->folder);
    snprintf(b->list_path, sizeof b->list_path, "%s/list", b->folder);
    write_file(b->image_path, b->image.data, b->image.size);
    write_file(b->key_path, key, strlen(key));
}

static void end_files(const struct bench *b)
{
    (void)unlink(b->image_path);
    (void)unlink(b->key_path);
    (void)unlink(b->list_path);
    (void)rmdir(b->folder);
}

static pid_t start(const struct bench *b, FILE **lines)
{
    int ends[2];
    need(pipe2(ends, O_CLOEXEC) == 0, "no pipe");
    pid_t id = fork();
    need(id >= 0, "no process");
    if (id == 0) {
        dup2(ends[1], STDOUT_FILENO);
        setenv("ESPOTA_CONFIG", "", 1);
        setenv("ESPOTA_CACHE", "", 1);
        execl(b->program, b->program, "ota", "--devices", b->list_path, "--file", b->image_path, "--json",
              "-q", b->base ? "--base" : NULL, b->base, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    *lines = fdopen(ends[0], "r");
    need(*lines, "no memory");
    return id;
}

/* A line of JSON: whose end is it, and is that as it should be? */
static void take_line(const struct board_farm *farm, struct run *run, const char *line, uint64_t started_ms)
{
    unsigned board = 0;
    const char *name = strstr(line, "\"name\":\"board");
    if (!name || sscanf(name, "\"name\":\"board%u\"", &board) != 1 || board >= run->count)
        return;
    bool done = strstr(line, "\"error\":null") != NULL, good = board_farm_fault(farm, board) == BOARD_GOOD;
    run->done += done;
    run->failed += !done;
    run->named += !done && !good;
    if (done)
        run->good_s = (double)(espota_now_ms() - started_ms) / 1000;
    if (done != good)
        fprintf(stderr, "bench: unexpected: %s", line);
}

static bool holds(const struct bench *b, struct board_farm *farm, unsigned board)
{
    const struct memory_board *m = board_farm_board(farm, board);
    for (uint32_t at = 0x10000; at + b->image.size <= m->flash.size; at += 0x10000)
        if (memcmp(m->flash.data + at, b->image.data, b->image.size) == 0)
            return true;
    return false;
}

/* As it is now: the process is asked with each line that it prints, the last of which is its last deed. */
static unsigned long peak_of(pid_t id)
{
    char path[40], line[128];
    unsigned long kb = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)id);
    FILE *status = fopen(path, "r");
    while (status && kb == 0 && fgets(line, sizeof line, status))
        (void)sscanf(line, "VmHWM: %lu", &kb);
    if (status)
        fclose(status);
    return kb;
}

static double cpu_seconds(const struct rusage *used)
{
    const struct timeval *user = &used->ru_utime, *system = &used->ru_stime;
    return (double)(user->tv_sec + system->tv_sec) + (double)(user->tv_usec + system->tv_usec) / 1e6;
}

/* Of this process, in which the boards are. */
static double own_cpu_seconds(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return cpu_seconds(&used);
}

static struct run update(const struct bench *b, unsigned count, unsigned bad)
{
    struct run run = { .count = count, .bad = bad };
    struct board_farm_options options = { .count = count,
                                          .faults = { 0, (bad + 2) / 3, (bad + 1) / 3, bad / 3 },
                                          .bytes_per_second = b->baud / BITS_A_BYTE,
                                          .large = b->image.size > MiB(1),
                                          .app = &b->app };
    struct board_farm *farm = board_farm(&options);
    FILE *lines = NULL;
    char *line = NULL;
    size_t room = 0;
    int status;
    board_farm_list(farm, b->list_path, b->key_path);
    uint64_t started_ms = espota_now_ms();
    double own_s = own_cpu_seconds();
    pid_t id = start(b, &lines);
    while (getline(&line, &room, lines) > 0) {
        unsigned long kb = peak_of(id);
        run.peak_kb = kb > run.peak_kb ? kb : run.peak_kb;
        take_line(farm, &run, line, started_ms);
    }
    need(wait4(id, &status, 0, &run.used) == id && WIFEXITED(status) && WEXITSTATUS(status) != 127,
         "espota does not run");
    run.all_s = (double)(espota_now_ms() - started_ms) / 1000;
    run.boards_s = own_cpu_seconds() - own_s;
    fclose(lines);
    free(line);
    board_farm_stop(farm);
    for (unsigned i = 0; i < count; i++)
        if (board_farm_fault(farm, i) == BOARD_GOOD)
            need(holds(b, farm, i), "a board does not hold the image");
    board_farm_free(farm);
    return run;
}

static void show(struct bench *b, const struct run *r)
{
    double cpu = cpu_seconds(&r->used);
    if (b->one_s == 0)
        b->one_s = r->good_s;
    printf("%7u %5u %6u %6u/%-3u %9.2f %6.2f %9.2f %8.2f %10.1f %8.2f %8.1f\n", r->count, r->bad, r->done,
           r->named, r->failed, r->good_s, r->good_s / b->one_s, r->all_s, cpu, 1000 * cpu / r->count,
           r->boards_s, (double)r->peak_kb / 1024);
    fflush(stdout);
}

static char *beside(const char *self)
{
    char *path = malloc(strlen(self) + 32);
    need(path, "no memory");
    strcpy(path, self);
    char *slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, "../espota");
    return path;
}

int main(int argc, char **argv)
{
    static const char *const usual[] = { "1", "10", "30+6" };
    struct bench b = { .baud = argc > 1 ? (uint32_t)atoi(argv[1]) : USUAL_BAUD, .base = getenv("BASE") };
    char *program = beside(argv[0]);
    b.program = getenv("PROGRAM") ? getenv("PROGRAM") : program;
    b.image = image(argc > 2 ? argv[2] : NULL, 1, LIKE_SIZE);
    b.app = image(b.base, 2, LIKE_SIZE);
    begin_files(&b);
    printf(
        "an update with %zu bytes (%s) of boards on lines of %u baud; the boards' flash and CPUs take no "
        "time\n"
        "devices   bad   done  reported   seconds  times  with bad    CPU s  ms/device boards s       MB\n",
        b.image.size, argc > 2 ? argv[2] : "like firmware", b.baud);
    const char *const *counts = argc > 3 ? (const char *const *)argv + 3 : usual;
    int left = argc > 3 ? argc - 3 : (int)(sizeof usual / sizeof usual[0]);
    for (; left > 0; left--, counts++) {
        unsigned count = 0, bad = 0;
        need(sscanf(*counts, "%u+%u", &count, &bad) >= 1 && count > bad, "how many devices?");
        struct run r = update(&b, count, bad);
        show(&b, &r);
    }
    end_files(&b);
    espota_bytes_free(&b.image);
    espota_bytes_free(&b.app);
    free(program);
    return 0;
}
