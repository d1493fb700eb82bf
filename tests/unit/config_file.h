/* What the tests of the configuration begin and end with: a folder of its own for each, and what a
 * file in it must say. */
#ifndef TESTS_UNIT_CONFIG_FILE_H
#define TESTS_UNIT_CONFIG_FILE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/snapshot.h"

static char folder[] = "/tmp/gateway-config-XXXXXX";

UNUSED static int folder_enter(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

UNUSED static int folder_leave(void **state)
{
    (void)state;
    return chdir("/") == 0 && nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0 ? 0 : -1;
}

static void write_bytes(const char *name, const char *bytes, size_t n)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

UNUSED static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

#define GOOD                                                                                       \
    "[provider \"good\"]\n"                                                                        \
    "base_url = https://good.example/v1\n"                                                         \
    "[model \"good\"]\n"                                                                           \
    "endpoints = chat\n"                                                                           \
    "offer = good/m\n"                                                                             \
    "price = requests 0.01 per request\n"

/* Loads gateway.conf, which must say exactly `expected`; NULL unless it is usable. */
UNUSED static struct snapshot *loads(const char *expected)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    struct snapshot *snapshot = snapshot_load("gateway.conf", &out);
    assert_true(buf_add_char(&out, '\0'));
    assert_string_equal(out.p, expected);
    buf_release(&out);
    return snapshot;
}

/* `text` stands before a good provider and model; `message` is all that may be said. */
struct faulty {
    const char *text;
    const char *message;
};

UNUSED static void refuses(const char *head, const struct faulty *faulty)
{
    char text[2048];
    char expected[2048];
    snprintf(text, sizeof text, "%s%s" GOOD, head, faulty->text);
    snprintf(expected, sizeof expected,
             "gateway.conf:%s\ngateway: configuration test FAILED (1 error)\n", faulty->message);
    write_text("gateway.conf", text);
    assert_null(loads(expected));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_enter, folder_leave)

#endif
