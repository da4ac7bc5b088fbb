/* littlefs 2.0, made at one go: each directory's pairs in a row, all directories on one thread of tails, each
 * file in blocks of its own behind them. */
#include "fs_image.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 4096,
    INLINE_MOST = 64,
    NAME_MOST = 255,
    /* littlefs divides a pair that is more than half full, or has as many ids, when it compacts it */
    PAIR_ROOM = BLOCK / 2,
    PAIR_IDS = 254,
    PAIR_END = 4 + 12 + 8, /* revision, tail, and what ends the commit */
    ALIGNMENT = 256,       /* of what follows the commit: the largest program size in use */
};
enum {
    TAG_REGULAR = 0x001,
    TAG_DIRECTORY = 0x002,
    TAG_SUPERBLOCK = 0x0ff,
    TAG_PAIR = 0x200,
    TAG_INLINE = 0x201,
    TAG_LIST = 0x202,
    TAG_COMMIT = 0x500,
    TAG_SOFT_TAIL = 0x600,
    TAG_HARD_TAIL = 0x601,
    NO_ID = 0x3ff,
};
#define VERSION 0x00020000u

/* A metadata pair: which children of a directory it has. */
struct pair {
    size_t directory, first, count; /* nodes */
    uint32_t block;                 /* the first of its two */
};

struct making {
    uint8_t *image;
    const struct fs_folder *folder;
    uint32_t block_count, next_block;
    struct pair *pair;
    size_t pair_count;
    size_t *first_pair; /* of each directory, by node */
    uint32_t *head;     /* the last block of each file, by node */
    struct espota_error *error;
};

/* ---- a commit -------------------------------------------------------------------------------------------
 */

struct commit {
    uint8_t *block;
    uint32_t at, before;
};

static void put(struct commit *c, unsigned type, unsigned id, const void *data, size_t size)
{
    uint32_t tag = (uint32_t)type << 20 | (uint32_t)id << 10 | (uint32_t)size, stored = tag ^ c->before;
    uint8_t *to = c->block + c->at;
    to[0] = (uint8_t)(stored >> 24);
    to[1] = (uint8_t)(stored >> 16);
    to[2] = (uint8_t)(stored >> 8);
    to[3] = (uint8_t)stored;
    if (data)
        memcpy(to + 4, data, size);
    c->at += 4 + (uint32_t)size;
    c->before = tag;
}

static struct commit begin(uint8_t *block, uint32_t revision)
{
    espota_put_le32(block, revision);
    return (struct commit){ block, 4, 0xffffffff };
}

/* The CRC, and room up to where the next commit may begin. */
static void end(struct commit *c)
{
    uint32_t after = (c->at + 8 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, start = c->at;
    put(c, TAG_COMMIT, NO_ID, NULL, after - start - 4);
    espota_put_le32(c->block + start + 4, ~espota_crc32(0, c->block, start + 4));
}

static void put_pair(struct commit *c, unsigned type, unsigned id, uint32_t block)
{
    uint8_t raw[8];
    espota_put_le32(raw, block);
    espota_put_le32(raw + 4, block + 1);
    put(c, type, id, raw, sizeof raw);
}

static void put_superblock(struct commit *c, uint32_t block_count)
{
    uint8_t raw[24];
    espota_put_le32(raw, VERSION);
    espota_put_le32(raw + 4, BLOCK);
    espota_put_le32(raw + 8, block_count);
    espota_put_le32(raw + 12, NAME_MOST);
    espota_put_le32(raw + 16, 0x7fffffff); /* largest file */
    espota_put_le32(raw + 20, 1022);       /* largest attribute */
    put(c, TAG_SUPERBLOCK, 0, "littlefs", 8);
    put(c, TAG_INLINE, 0, raw, sizeof raw);
}

/* ---- files ----------------------------------------------------------------------------------------------
 */

static int take_block(struct making *m, uint32_t *block)
{
    if (m->next_block == m->block_count)
        return espota_fail(m->error, ESPOTA_ERR_TOO_BIG,
                           "the folder does not fit into littlefs of %" PRIu32 "K",
                           m->block_count * (BLOCK / 1024));
    *block = m->next_block++;
    return 0;
}

/* Pointers of block `n` of a file: one for each power of two that divides n. Blocks follow each other. */
static uint32_t put_pointers(uint8_t *block, uint32_t place, uint32_t n)
{
    uint32_t count = 0;
    for (; n > 0 && n % (1u << count) == 0; count++)
        espota_put_le32(block + 4 * count, place - (1u << count));
    return 4 * count;
}

static int put_file(struct making *m, size_t node)
{
    const struct espota_bytes *data = &m->folder->node[node].data;
    if (data->size <= INLINE_MOST)
        return 0;
    uint32_t n = 0, at = 0;
    for (; at < data->size; n++) {
        uint32_t place = 0;
        int result = take_block(m, &place);
        if (result != 0)
            return result;
        uint8_t *block = m->image + (size_t)place * BLOCK;
        uint32_t begin_at = put_pointers(block, place, n);
        uint32_t room = BLOCK - begin_at, left = (uint32_t)data->size - at;
        memcpy(block + begin_at, data->data + at, left < room ? left : room);
        at += left < room ? left : room;
        m->head[node] = place;
    }
    return 0;
}

/* ---- directories ----------------------------------------------------------------------------------------
 */

static size_t entry_size(const struct fs_node *node)
{
    size_t data = node->directory || node->data.size > INLINE_MOST ? 8 : node->data.size;
    return 4 + strlen(node->name) + 4 + data;
}

/* Into as many pairs as its children need. The root's first one has the superblock. */
static int divide(struct making *m, size_t directory)
{
    const struct fs_node *d = &m->folder->node[directory];
    size_t next = d->first_child, last = d->first_child + d->count;
    m->first_pair[directory] = m->pair_count;
    do {
        size_t room = PAIR_ROOM - PAIR_END - (next == d->first_child && directory == 0 ? 4 + 8 + 4 + 24 : 0);
        struct pair *pair = &m->pair[m->pair_count++];
        *pair = (struct pair){ .directory = directory, .first = next };
        for (; next < last && pair->count < PAIR_IDS && entry_size(&m->folder->node[next]) <= room; next++) {
            room -= entry_size(&m->folder->node[next]);
            pair->count++;
        }
        int result = take_block(m, &pair->block);
        uint32_t other = 0;
        if (result == 0)
            result = take_block(m, &other);
        if (result != 0)
            return result;
    } while (next < last);
    return 0;
}

static void put_entry(const struct making *m, struct commit *c, unsigned id, size_t number)
{
    const struct fs_node *node = &m->folder->node[number];
    put(c, node->directory ? TAG_DIRECTORY : TAG_REGULAR, id, node->name, strlen(node->name));
    if (node->directory) {
        put_pair(c, TAG_PAIR, id, m->pair[m->first_pair[number]].block);
    } else if (node->data.size <= INLINE_MOST) {
        put(c, TAG_INLINE, id, node->data.data, node->data.size);
    } else {
        uint8_t raw[8];
        espota_put_le32(raw, m->head[number]);
        espota_put_le32(raw + 4, (uint32_t)node->data.size);
        put(c, TAG_LIST, id, raw, sizeof raw);
    }
}

/* Both blocks of the root say the same, so that one of them may fail; of others the second one is blank. */
static void put_pair_blocks(const struct making *m, size_t number)
{
    const struct pair *pair = &m->pair[number];
    for (uint32_t copy = 0; copy < (number == 0 ? 2 : 1); copy++) {
        struct commit c = begin(m->image + (size_t)(pair->block + copy) * BLOCK, copy + 1);
        unsigned id = 0;
        if (number == 0) {
            put_superblock(&c, m->block_count);
            id = 1;
        }
        for (size_t i = 0; i < pair->count; i++)
            put_entry(m, &c, id++, pair->first + i);
        if (number + 1 < m->pair_count)
            put_pair(&c, pair[1].directory == pair->directory ? TAG_HARD_TAIL : TAG_SOFT_TAIL, NO_ID,
                     pair[1].block);
        end(&c);
    }
}

static int check_names(const struct making *m)
{
    for (size_t i = 1; i < m->folder->count; i++)
        if (strlen(m->folder->node[i].name) > NAME_MOST)
            return espota_fail(m->error, ESPOTA_ERR_FAILED, "the name '%s' is longer than 255 bytes",
                               m->folder->node[i].name);
    return 0;
}

static int fill(struct making *m)
{
    int result = check_names(m);
    for (size_t i = 0; result == 0 && i < m->folder->count; i++)
        if (m->folder->node[i].directory)
            result = divide(m, i);
    for (size_t i = 0; result == 0 && i < m->folder->count; i++)
        result = put_file(m, i);
    for (size_t i = 0; result == 0 && i < m->pair_count; i++)
        put_pair_blocks(m, i);
    return result;
}

int littlefs_make(uint8_t *image, const struct fs_folder *folder, const struct espota_fs_request *request,
                  struct espota_fs_made *made, struct espota_error *error)
{
    struct making m = {
        .image = image, .folder = folder, .block_count = request->size / BLOCK, .error = error
    };
    m.pair =
        calloc(2 * folder->count, sizeof *m.pair); /* one for each directory, and for each entry at most */
    m.first_pair = calloc(folder->count, sizeof *m.first_pair);
    m.head = calloc(folder->count, sizeof *m.head);
    int result = m.pair && m.first_pair && m.head ? fill(&m) : espota_fail_memory(error, "making littlefs");
    made->used = m.next_block * BLOCK;
    free(m.pair);
    free(m.first_pair);
    free(m.head);
    return result;
}
