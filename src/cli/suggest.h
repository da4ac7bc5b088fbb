/* What somebody meant who mistyped: the nearest command, option or value; and what other tools' words are
 * called here. */
#ifndef ESPOTA_CLI_SUGGEST_H
#define ESPOTA_CLI_SUGGEST_H

#include "cli.h"

#include "espota/error.h"

enum { SUGGESTION_MAX = 96 };

/* "; did you mean 'flash'?", or nothing. Returns `text`. */
const char *suggest_command(const struct command *const *known, const char *word, char text[SUGGESTION_MAX]);
/* The same of an option, "--port" or "--port=x", of those that `name_of` gives one by one; or how another
 * tool's option is called here. */
const char *suggest_option(const struct command *command, const char *(*name_of)(const struct command *, int),
                           const char *word, char text[SUGGESTION_MAX]);
/* Add to an error that quotes the value of an option what value was meant. */
void suggest_value(int argc, char **argv, struct espota_error *error);

/* The values that an option can have, NULL at the end; NULL: none in particular. */
const char *const *option_values(const char *option);
/* All of them one by one, and the chips; false at the end. */
bool value_at(size_t index, const char **option, const char **value);

/* How what others' words ask for is asked for here. */
enum word_form {
    WORD_SAME,  /* the command's arguments are the same */
    WORD_RANGE, /* ADDRESS SIZE [FILE], which is ADDRESS+SIZE [FILE] here */
    WORD_ALL,   /* the argument "all" */
    WORD_MERGE, /* the option --merge */
    WORD_NONE,  /* nothing does it: `ours` says what comes nearest */
};

struct foreign_word {
    const char *word; /* of esptool 5, espflash or idf.py; esptool 4 has '_' for '-' */
    const char *ours;
    enum word_form form;
};

/* NULL: no tool has that. */
const struct foreign_word *foreign_word(const char *word);

/* argv[0] is the word: the command line in our words, into `out`, which has room for one more. Options that
 * change nothing here, as -z, are left out. @return their number. `word` NULL: it is ours already. */
int word_rewrite(const struct foreign_word *word, int argc, char **argv, char **out);

enum { RANGE_MAX = 80 };

/* The command as the word has it, with other arguments; and its arguments as ours, with the help of `range`.
 */
void word_adapt(struct command *adapted, const struct command *command, const struct foreign_word *word);
int word_take_arguments(struct cli *cli, const struct foreign_word *word, char range[RANGE_MAX],
                        struct espota_error *error);

/* What was wrong. */
struct leading_options {
    const char *problem, *culprit;
};

/* Options that stand before the command, as esptool has them, behind it: into `out`, which has room for twice
 * as many. @return their number, or 0 when they cannot be understood. */
int options_behind_command(int argc, char **argv, char **out, struct leading_options *leading);

/* Arduino's espota.py has the same name and takes options alone. Is it meant? */
bool is_arduino(int argc, char **argv);

#endif
