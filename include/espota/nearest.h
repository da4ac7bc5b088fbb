/** The word that somebody meant who wrote another one: the nearest of those that would do. */
#ifndef ESPOTA_NEAREST_H
#define ESPOTA_NEAREST_H

#pragma GCC visibility push(default)

#include <stddef.h>

/** Longest word that is compared; beyond that nothing is near. */
#define ESPOTA_NEAREST_MAX 48

/** Edits that make one word of the other: a letter more, less, changed, or two neighbours exchanged (Damerau
 * and Levenshtein, as optimal string alignment). Case does not count, and '_' is '-'.
 * @return SIZE_MAX where a word is longer than ESPOTA_NEAREST_MAX. */
size_t espota_word_distance(const char *a, const char *b);

/** Begins with the word alone: { .word = "falsh" }. */
struct espota_nearest {
    const char *word;
    const char *best; /* NULL: none of them is near */
    size_t distance;  /* of the best */
};

/** Is this one nearer than those before? Near is what differs in a third of its letters at most, and what
 * begins with the whole word, or the word with it. `candidate` must outlive `nearest`. */
void espota_nearest_consider(struct espota_nearest *nearest, const char *candidate);

#pragma GCC visibility pop

#endif
