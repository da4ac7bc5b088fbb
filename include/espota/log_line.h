/** Lines of ESP-IDF's log, "W (1234) wifi: text": level and tag of a line, and which lines a reader wants to
 * see.
 *
 * Source: ESP-IDF, components/log; the syntax of a filter is that of idf.py's monitor,
 * docs/en/api-guides/tools/ idf-monitor.rst, "Output Filtering".
 *
 * Pure code: no allocation, no I/O, no globals. */
#ifndef ESPOTA_LOG_LINE_H
#define ESPOTA_LOG_LINE_H

#pragma GCC visibility push(default)

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** From what is always seen to what seldom is. */
enum espota_log_level {
    ESPOTA_LOG_NONE,
    ESPOTA_LOG_ERROR,
    ESPOTA_LOG_WARNING,
    ESPOTA_LOG_INFO,
    ESPOTA_LOG_DEBUG,
    ESPOTA_LOG_VERBOSE,
};

struct espota_log_line {
    enum espota_log_level level;
    const char *tag; /* in the line's text, without a 0 at its end */
    size_t tag_length;
};

/** Take a line apart; `text` has no line break and no escape sequences. @return false when it is no line of
 * the log. */
bool espota_log_line_parse(const char *text, size_t length, struct espota_log_line *line);

enum { ESPOTA_LOG_FILTER_MAX = 64 };

struct espota_log_rule {
    const char *tag; /* in the filter's text */
    size_t tag_length;
    enum espota_log_level level; /* what is shown of it, and what is more important */
};

struct espota_log_filter {
    struct espota_log_rule rule[ESPOTA_LOG_FILTER_MAX];
    size_t count;
    enum espota_log_level
        others; /* of tags without a rule; lines that are none of the log need more than NONE */
};

/** What may be wrong with a filter. */
enum espota_log_filter_problem {
    ESPOTA_LOG_FILTER_GOOD,
    ESPOTA_LOG_FILTER_NO_TAG,
    ESPOTA_LOG_FILTER_NO_LEVEL, /* none of N E W I D V */
    ESPOTA_LOG_FILTER_COLONS,   /* more than one in a rule */
    ESPOTA_LOG_FILTER_LONG,     /* more than ESPOTA_LOG_FILTER_MAX rules */
};

/** Read a filter: rules TAG:LEVEL with white space between, where * means all other tags and a rule without a
 * level means everything of that tag. No rule at all lets everything through; where there are rules and none
 * for *, nothing else is shown. `text` has to outlive the filter. @return what is wrong; `*culprit` is then
 * where. */
enum espota_log_filter_problem espota_log_filter_parse(struct espota_log_filter *filter, const char *text,
                                                       const char **culprit);

/** Does this line want to be seen? */
bool espota_log_filter_passes(const struct espota_log_filter *filter, const char *text, size_t length);

/** Does any line at all not? */
bool espota_log_filter_is_open(const struct espota_log_filter *filter);

#pragma GCC visibility pop

#endif
