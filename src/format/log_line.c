#include "espota/log_line.h"

#include <string.h>

static bool level_of(char letter, enum espota_log_level *level)
{
    static const char letters[] = "NEWIDV";
    const char *at = letter ? strchr(letters, letter) : NULL;
    if (at)
        *level = (enum espota_log_level)(at - letters);
    return at != NULL;
}

/* "tag: " at the start of `text`. */
static bool take_tag(const char *text, size_t length, struct espota_log_line *line)
{
    const char *colon = memchr(text, ':', length);
    if (!colon || colon == text || colon + 1 == text + length || colon[1] != ' ')
        return false;
    line->tag = text;
    line->tag_length = (size_t)(colon - text);
    return true;
}

/* How long "(1234) " or "(12:34:56.789) " at the start of `text` is; 0: there is none. */
static size_t time_length(const char *text, size_t length)
{
    const char *end = length > 0 && text[0] == '(' ? memchr(text, ')', length) : NULL;
    size_t size = end ? (size_t)(end - text) + 2 : 0;
    return size > 3 && size <= length && end[1] == ' ' ? size : 0;
}

bool espota_log_line_parse(const char *text, size_t length, struct espota_log_line *line)
{
    if (length < 2 || text[1] != ' ' || !level_of(text[0], &line->level) || line->level == ESPOTA_LOG_NONE)
        return false;
    size_t time = time_length(text + 2, length - 2);
    return take_tag(text + 2 + time, length - 2 - time, line) || take_tag(text + 2, length - 2, line);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t word_length(const char *text)
{
    size_t length = 0;
    while (text[length] && !is_space(text[length]))
        length++;
    return length;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static enum espota_log_filter_problem take_rule(struct espota_log_filter *filter, const char *text,
                                                size_t length)
{
    const char *colon = memchr(text, ':', length);
    size_t tag = colon ? (size_t)(colon - text) : length;
    size_t letters = colon ? length - tag - 1 : 0;
    enum espota_log_level level = ESPOTA_LOG_VERBOSE;
    if (tag == 0)
        return ESPOTA_LOG_FILTER_NO_TAG;
    if (letters > 0 && memchr(colon + 1, ':', letters))
        return ESPOTA_LOG_FILTER_COLONS;
    if (letters > 1 || (letters == 1 && colon[1] != '*' && !level_of(upper(colon[1]), &level)))
        return ESPOTA_LOG_FILTER_NO_LEVEL;
    if (tag == 1 && text[0] == '*') {
        filter->others = level;
        return ESPOTA_LOG_FILTER_GOOD;
    }
    if (filter->count == ESPOTA_LOG_FILTER_MAX)
        return ESPOTA_LOG_FILTER_LONG;
    filter->rule[filter->count++] = (struct espota_log_rule){ text, tag, level };
    return ESPOTA_LOG_FILTER_GOOD;
}

enum espota_log_filter_problem espota_log_filter_parse(struct espota_log_filter *filter, const char *text,
                                                       const char **culprit)
{
    enum espota_log_filter_problem problem = ESPOTA_LOG_FILTER_GOOD;
    bool any = false;
    filter->count = 0;
    filter->others = ESPOTA_LOG_NONE;
    for (;;) {
        while (is_space(*text))
            text++;
        size_t length = word_length(text);
        if (length == 0)
            break;
        any = true;
        problem = take_rule(filter, text, length);
        if (problem != ESPOTA_LOG_FILTER_GOOD) {
            *culprit = text;
            return problem;
        }
        text += length;
    }
    if (!any)
        filter->others = ESPOTA_LOG_VERBOSE;
    return ESPOTA_LOG_FILTER_GOOD;
}

/* The last rule for a tag counts. */
static enum espota_log_level shown_of(const struct espota_log_filter *filter,
                                      const struct espota_log_line *line)
{
    for (size_t i = filter->count; i-- > 0;)
        if (filter->rule[i].tag_length == line->tag_length &&
            memcmp(filter->rule[i].tag, line->tag, line->tag_length) == 0)
            return filter->rule[i].level;
    return filter->others;
}

bool espota_log_filter_passes(const struct espota_log_filter *filter, const char *text, size_t length)
{
    struct espota_log_line line;
    if (espota_log_line_parse(text, length, &line))
        return shown_of(filter, &line) >= line.level;
    return filter->others > ESPOTA_LOG_NONE;
}

bool espota_log_filter_is_open(const struct espota_log_filter *filter)
{
    return filter->count == 0 && filter->others == ESPOTA_LOG_VERBOSE;
}
