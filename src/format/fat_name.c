#include "fat.h"

enum { REPLACEMENT = 0xfffd };

static char *put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    if (c >= 0x10000) {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3f));
    } else if (c >= 0x800) {
        *to++ = (char)(0xe0 | c >> 12);
    }
    if (c >= 0x800)
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
    else
        *to++ = (char)(0xc0 | c >> 6);
    *to++ = (char)(0x80 | (c & 0x3f));
    return to;
}

void fat_utf8(const uint16_t *units, unsigned count, char to[ESPOTA_FS_NAME])
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t c = units[i];
        bool high = c >= 0xd800 && c < 0xdc00, low = c >= 0xdc00 && c < 0xe000;
        if (high && i + 1 < count && units[i + 1] >= 0xdc00 && units[i + 1] < 0xe000)
            c = 0x10000 + ((c & 0x3ff) << 10) + (units[++i] & 0x3ffu);
        else if (high || low)
            c = REPLACEMENT;
        to = put_utf8(to, c);
    }
    *to = '\0';
}

/* Letters beyond ASCII are those of code page 437, FatFs's usual one. */
static uint16_t letter(uint8_t byte)
{
    static const uint16_t cp437[128] = {
        0xc7,   0xfc,   0xe9,   0xe2,   0xe4,   0xe0,   0xe5,   0xe7,   0xea,   0xeb,   0xe8,   0xef,
        0xee,   0xec,   0xc4,   0xc5,   0xc9,   0xe6,   0xc6,   0xf4,   0xf6,   0xf2,   0xfb,   0xf9,
        0xff,   0xd6,   0xdc,   0xa2,   0xa3,   0xa5,   0x20a7, 0x192,  0xe1,   0xed,   0xf3,   0xfa,
        0xf1,   0xd1,   0xaa,   0xba,   0xbf,   0x2310, 0xac,   0xbd,   0xbc,   0xa1,   0xab,   0xbb,
        0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
        0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
        0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
        0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
        0x3b1,  0xdf,   0x393,  0x3c0,  0x3a3,  0x3c3,  0xb5,   0x3c4,  0x3a6,  0x398,  0x3a9,  0x3b4,
        0x221e, 0x3c6,  0x3b5,  0x2229, 0x2261, 0xb1,   0x2265, 0x2264, 0x2320, 0x2321, 0xf7,   0x2248,
        0xb0,   0x2219, 0xb7,   0x221a, 0x207f, 0xb2,   0x25a0, 0xa0,
    };
    return byte < 0x80 ? byte : cp437[byte - 0x80];
}

static char *put_part(char *to, const uint8_t *raw, unsigned length, bool lower)
{
    while (length > 0 && raw[length - 1] == ' ')
        length--;
    for (unsigned i = 0; i < length; i++) {
        uint8_t c = raw[i];
        to = put_utf8(to, lower && c >= 'A' && c <= 'Z' ? c + 0x20u : letter(c));
    }
    return to;
}

void fat_short_name(const uint8_t raw[11], uint8_t flags, char *to)
{
    uint8_t name[8];
    for (unsigned i = 0; i < 8; i++)
        name[i] = raw[i];
    if (name[0] == 0x05) /* 0xe5, which would mean deleted */
        name[0] = 0xe5;
    to = put_part(to, name, 8, flags & 0x08);
    char *dot = to;
    *to++ = '.';
    char *end = put_part(to, raw + 8, 3, flags & 0x10);
    *(end == to ? dot : end) = '\0';
}

uint8_t fat_name_sum(const uint8_t raw[11])
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < 11; i++)
        sum = (uint8_t)((sum >> 1 | sum << 7) + raw[i]);
    return sum;
}
