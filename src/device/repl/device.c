/* A board with MicroPython: what is to be done with its flash, in Python. */
#include "espota/repl_device.h"

#include "repl.h"

#include "espota/chip.h"
#include "espota/hex.h"
#include "espota/table.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    BLOCK = 4096,
    BLOCK_TEXT = (BLOCK + 2) / 3 * 4,
    SHORT_MS = 10000,
    WRITE_MS = 20000,
    HASHED_PER_MS = 20, /* bytes, at the least */
    WINDOW_BITS = 12,   /* of what is packed: the board needs so much memory for it */
    DIGESTS = 32,       /* at a time */
    IMAGE_HEADER = 24,
    LARGEST_FLASH = 256 << 20,
};

struct repl_device {
    struct espota_device device;
    struct repl repl;
    bool unpacks;
};

static struct repl_device *of(struct espota_device *device)
{
    return (struct repl_device *)device;
}

/* Bytes go as base64, which any board has. B is a sector of flash; R reads, D hashes, E erases, W writes a
 * sector, or the beginning of one. */
static const char definitions[] = "import esp,esp32,hashlib,binascii,machine,sys\n"
                                  "try:\n"
                                  " import deflate,io\n"
                                  " Z=lambda s:deflate.DeflateIO(io.BytesIO(s),deflate.ZLIB).read()\n"
                                  "except ImportError:\n"
                                  " try:\n"
                                  "  import zlib\n"
                                  "  Z=zlib.decompress\n"
                                  " except (ImportError,AttributeError):\n"
                                  "  Z=None\n"
                                  "B=bytearray(4096)\n"
                                  "M=memoryview(B)\n"
                                  "def P(b):\n"
                                  " print(binascii.b2a_base64(b).decode(),end='')\n"
                                  "def R(o,n):\n"
                                  " esp.flash_read(o,M[:n])\n"
                                  " P(M[:n])\n"
                                  "def D(o,n,k):\n"
                                  " while n>0:\n"
                                  "  h=hashlib.sha256()\n"
                                  "  c=min(n,k)\n"
                                  "  n-=c\n"
                                  "  while c>0:\n"
                                  "   s=min(c,4096)\n"
                                  "   esp.flash_read(o,M[:s])\n"
                                  "   h.update(M[:s])\n"
                                  "   o+=s\n"
                                  "   c-=s\n"
                                  "  P(h.digest())\n"
                                  "def E(o,n):\n"
                                  " for i in range(o//4096,(o+n)//4096):\n"
                                  "  esp.flash_erase(i)\n"
                                  "def W(o,z,s):\n"
                                  " s=binascii.a2b_base64(s)\n"
                                  " if z:\n"
                                  "  s=Z(s)\n"
                                  " esp.flash_erase(o//4096)\n"
                                  " esp.flash_write(o,s)\n";

/* ---- base64 ---------------------------------------------------------------------------------------------
 */

/* A line of exactly `length` bytes at `*text`, which moves behind it. */
static bool take_bytes(const char **text, uint8_t *bytes, size_t length)
{
    uint8_t decoded[BLOCK_TEXT];
    size_t digits = (length + 2) / 3 * 4;
    if (length == 0 || strlen(*text) < digits || digits > BLOCK_TEXT ||
        EVP_DecodeBlock(decoded, (const uint8_t *)*text, (int)digits) < (int)length)
        return false;
    memcpy(bytes, decoded, length);
    *text += digits;
    *text += strspn(*text, "\r\n");
    return true;
}

static int not_understood(struct repl_device *r, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_DEVICE,
                       "%s prints something else than it was asked for: does its program "
                       "print meanwhile?",
                       r->device.name);
}

static const char *printed(const struct repl_device *r)
{
    return r->repl.printed.size > 0 ? (const char *)r->repl.printed.data : "";
}

/* ---- operations -----------------------------------------------------------------------------------------
 */

static int read_block(struct repl_device *r, uint32_t offset, uint8_t *buffer, size_t length,
                      struct espota_error *error)
{
    char code[64];
    snprintf(code, sizeof code, "R(%" PRIu32 ",%zu)", offset, length);
    int result = repl_run(&r->repl, code, SHORT_MS, error);
    const char *text = printed(r);
    return result == 0 && !take_bytes(&text, buffer, length) ? not_understood(r, error) : result;
}

static int repl_read(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                     struct espota_error *error)
{
    int result = 0;
    for (size_t done = 0; result == 0 && done < length;) {
        size_t part = length - done < BLOCK ? length - done : BLOCK;
        result = read_block(of(device), offset + (uint32_t)done, (uint8_t *)buffer + done, part, error);
        done += part;
        if (result == 0)
            espota_device_moved(device, (uint32_t)part);
    }
    return result;
}

static int take_digests(struct repl_device *r, uint8_t *digests, size_t count, struct espota_error *error)
{
    const char *text = printed(r);
    for (size_t i = 0; i < count; i++)
        if (!take_bytes(&text, digests + i * ESPOTA_SHA256_LENGTH, ESPOTA_SHA256_LENGTH))
            return not_understood(r, error);
    return 0;
}

/* Of `count` blocks, the last one of what is left. */
static int ask_digests(struct repl_device *r, uint32_t offset, uint32_t length, uint32_t block,
                       uint8_t *digests, struct espota_error *error)
{
    char code[64];
    snprintf(code, sizeof code, "D(%" PRIu32 ",%" PRIu32 ",%" PRIu32 ")", offset, length, block);
    int result = repl_run(&r->repl, code, SHORT_MS + length / HASHED_PER_MS, error);
    return result ? result : take_digests(r, digests, (length + block - 1) / block, error);
}

static int repl_digest(struct espota_device *device, uint32_t offset, uint32_t length, uint8_t *digest,
                       struct espota_error *error)
{
    return length == 0 ? espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "nothing is to be hashed")
                       : ask_digests(of(device), offset, length, length, digest, error);
}

static int repl_digests(struct espota_device *device, const struct espota_extent *extent, size_t count,
                        uint32_t block, uint8_t *digests, struct espota_error *error)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++)
        for (uint32_t done = 0; result == 0 && done < extent[i].length;) {
            uint64_t most = (uint64_t)DIGESTS * block;
            uint32_t left = extent[i].length - done, part = left < most ? left : (uint32_t)most;
            result = ask_digests(of(device), extent[i].offset + done, part, block, digests, error);
            digests += (size_t)((part + block - 1) / block) * ESPOTA_SHA256_LENGTH;
            done += part;
        }
    return result;
}

static int repl_erase(struct espota_device *device, uint32_t offset, uint32_t length,
                      struct espota_error *error)
{
    int result = 0;
    char code[64];
    for (uint32_t done = 0; result == 0 && done < length; done += 16 * BLOCK) {
        uint32_t part = length - done < 16 * BLOCK ? length - done : 16 * BLOCK;
        snprintf(code, sizeof code, "E(%" PRIu32 ",%" PRIu32 ")", offset + done, part);
        result = repl_run(&of(device)->repl, code, WRITE_MS, error);
    }
    return result;
}

/* @return its size; 0: it is no smaller. */
static size_t pack(const uint8_t *data, uint8_t *packed, size_t room)
{
    z_stream z = {
        .next_in = (Bytef *)(uintptr_t)data, .avail_in = BLOCK, .next_out = packed, .avail_out = (uInt)room
    };
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    int result = deflate(&z, Z_FINISH);
    size_t size = z.total_out;
    deflateEnd(&z);
    return result == Z_STREAM_END ? size : 0;
}

static int write_block(struct repl_device *r, uint32_t offset, const uint8_t *data,
                       struct espota_error *error)
{
    uint8_t packed[BLOCK - BLOCK / 16];
    char code[BLOCK_TEXT + 64];
    size_t size = r->unpacks ? pack(data, packed, sizeof packed) : 0;
    int used = snprintf(code, sizeof code, "W(%" PRIu32 ",%d,'", offset, size > 0);
    used += EVP_EncodeBlock((uint8_t *)code + used, size > 0 ? packed : data, size > 0 ? (int)size : BLOCK);
    memcpy(code + used, "')", sizeof "')");
    return repl_run(&r->repl, code, WRITE_MS, error);
}

static int repl_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                      struct espota_error *error)
{
    int result = 0;
    for (size_t done = 0; result == 0 && done < length; done += BLOCK) {
        result = espota_device_check_cancelled(device, error);
        if (result == 0)
            result = write_block(of(device), offset + (uint32_t)done, (const uint8_t *)data + done, error);
        if (result == 0)
            espota_device_moved(device, BLOCK);
    }
    return result;
}

static int repl_restart(struct espota_device *device, struct espota_error *error)
{
    return repl_start(&of(device)->repl, "machine.reset()", error);
}

static int repl_recover(struct espota_device *device, struct espota_error *error)
{
    struct repl_device *r = of(device);
    int result = repl_enter(&r->repl, error);
    return result ? result : repl_run(&r->repl, definitions, SHORT_MS, error);
}

static void repl_close(struct espota_device *device)
{
    struct repl_device *r = of(device);
    struct espota_error ignored;
    (void)repl_leave(&r->repl, device->app_stopped, &ignored);
    espota_link_close(r->repl.link);
    espota_bytes_free(&r->repl.printed);
    free(r);
}

static const struct espota_device_ops ops = {
    .digest = repl_digest,
    .digests = repl_digests,
    .read = repl_read,
    .erase = repl_erase,
    .write = repl_write,
    .restart = repl_restart,
    .recover = repl_recover,
    .close = repl_close,
};

/* ---- opening --------------------------------------------------------------------------------------------
 */

static int parse_info(struct repl_device *r, struct espota_error *error)
{
    struct espota_device_info *info = &r->device.info;
    char mac[13] = "", encrypted[6] = "", unpacks[6] = "", version[24] = "";
    if (sscanf(printed(r), "%" SCNu32 " %" SCNu32 " %5s %5s %12s %23s", &info->flash_size,
               &info->running_offset, encrypted, unpacks, mac, version) != 6)
        return not_understood(r, error);
    if (strcmp(encrypted, "False") != 0)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                           "the flash of %s is encrypted: MicroPython would write it as it is",
                           r->device.name);
    r->unpacks = strcmp(unpacks, "True") == 0;
    if (info->flash_size == 0 || info->flash_size > LARGEST_FLASH || info->flash_size % BLOCK != 0 ||
        info->running_offset % BLOCK != 0 || info->running_offset > info->flash_size - BLOCK)
        return not_understood(r, error);
    info->has_running = true;
    info->has_mac = espota_unhex(mac, info->mac, sizeof info->mac);
    snprintf(info->firmware, sizeof info->firmware, "MicroPython %.20s", version);
    return 0;
}

/* The image that runs says which chip it runs on. */
static int find_chip(struct repl_device *r, struct espota_error *error)
{
    uint8_t header[IMAGE_HEADER];
    int result = read_block(r, r->device.info.running_offset, header, sizeof header, error);
    if (result == 0 && header[0] == 0xE9)
        r->device.info.chip = espota_chip_by_image_id((uint16_t)(header[12] | header[13] << 8));
    return result;
}

static int learn(struct repl_device *r, struct espota_error *error)
{
    int result = repl_run(&r->repl, definitions, SHORT_MS, error);
    if (result == 0)
        result = repl_run(&r->repl,
                          "I=esp32.Partition(esp32.Partition.RUNNING).info()\n"
                          "print(esp.flash_size(),I[2],bool(I[5]),Z is not None,"
                          "binascii.hexlify(machine.unique_id()).decode(),"
                          "'.'.join(str(n) for n in sys.implementation.version[:3]))",
                          SHORT_MS, error);
    if (result == ESPOTA_ERR_DEVICE) {
        espota_fail_while(error, "this MicroPython has not what an update needs");
        error->status = ESPOTA_ERR_UNSUPPORTED;
        return ESPOTA_ERR_UNSUPPORTED;
    }
    if (result == 0)
        result = parse_info(r, error);
    return result ? result : find_chip(r, error);
}

static int begin(struct repl_device *r, const char *password, bool asks, struct espota_error *error)
{
    int result = asks ? repl_log_in(&r->repl, password, error) : 0;
    if (result == 0)
        result = repl_enter(&r->repl, error);
    r->device.app_stopped = result == 0;
    return result ? result : learn(r, error);
}

static int open_device(struct espota_device **device, struct espota_link *link, const char *password,
                       bool asks, const struct espota_observer *observer, struct espota_error *error)
{
    struct repl_device *r = calloc(1, sizeof *r);
    *device = NULL;
    if (!r) {
        espota_link_close(link);
        return espota_fail_memory(error, "opening a device");
    }
    espota_device_init(&r->device, &ops, "repl", ESPOTA_HASH_SHA256, link->name);
    r->device.observer = observer;
    r->device.lacks = ESPOTA_LACKS_ENCRYPTION;
    r->repl.device = &r->device;
    r->repl.link = link;
    int result = begin(r, password, asks, error);
    if (result != 0) {
        espota_device_close(&r->device);
        return result;
    }
    *device = &r->device;
    return 0;
}

int espota_repl_open(struct espota_device **device, struct espota_link *link,
                     const struct espota_observer *observer, struct espota_error *error)
{
    return open_device(device, link, NULL, false, observer, error);
}

int espota_webrepl_open(struct espota_device **device, struct espota_link *link, const char *password,
                        const struct espota_observer *observer, struct espota_error *error)
{
    return open_device(device, link, password, true, observer, error);
}
