/* Assertions, function attributes and checked size arithmetic. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NO_RETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that embeds `member` at `pointer`. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* CHECK stays in release builds: programmer errors only, never input.  DCHECK is for the costly
 * ones and exists in debug and sanitizer builds (-DGATEWAY_DEBUG). */
#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, __func__, #condition))
#ifdef GATEWAY_DEBUG
#define DCHECK(condition) CHECK(condition)
#else
#define DCHECK(condition) ((void)sizeof((condition) ? 1 : 0))
#endif

/* Writes where and what to stderr without allocating, then aborts. */
NO_RETURN void check_failed(const char *file, int line, const char *function,
                            const char *condition);

/* *sum = a + b and *product = a * b; false, result untouched, when it does not fit a size_t. */
MUST_USE bool size_add(size_t a, size_t b, size_t *sum);
MUST_USE bool size_mul(size_t a, size_t b, size_t *product);

#endif
