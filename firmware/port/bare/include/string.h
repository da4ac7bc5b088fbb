/* What the portable code needs of a C library that cross compilers without one do not bring. */
#ifndef ESPOTA_BARE_STRING_H
#define ESPOTA_BARE_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *a, const void *b, size_t length);
void *memchr(const void *data, int byte, size_t length);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t length);
char *strncpy(char *restrict to, const char *restrict from, size_t length);

#endif
