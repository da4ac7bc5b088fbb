#include "espota/nearest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static int plain(char c)
{
    return c == '_' ? '-' : tolower((unsigned char)c);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Row by row of the table of distances between beginnings of the two; an exchange looks two rows back. */
size_t espota_word_distance(const char *a, const char *b)
{
    size_t rows[3][ESPOTA_NEAREST_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    size_t m = strlen(a), n = strlen(b);
    if (m > ESPOTA_NEAREST_MAX || n > ESPOTA_NEAREST_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t changed = above[j - 1] + (plain(a[i - 1]) != plain(b[j - 1]));
            row[j] = least(changed, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && plain(a[i - 1]) == plain(b[j - 2]) && plain(a[i - 2]) == plain(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return row[n];
}

void espota_nearest_consider(struct espota_nearest *nearest, const char *candidate)
{
    size_t length = strlen(nearest->word), other = strlen(candidate);
    size_t distance = espota_word_distance(nearest->word, candidate);
    if (length > 1 && strncasecmp(nearest->word, candidate, length) == 0)
        distance = least(distance, 1);
    if (other > 2 && strncasecmp(nearest->word, candidate, other) == 0)
        distance = least(distance, 1);
    if (length == 0 || distance > (length < 3 ? 1 : (length + 1) / 3))
        return;
    if (!nearest->best || distance < nearest->distance) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}
