/* What the tests of the quota book share: one book, accounts, records without a store. */
#ifndef TESTS_UNIT_BOOK_FIXTURE_H
#define TESTS_UNIT_BOOK_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "store/book.h"
#include "store/keyring.h"

#define USD INT64_C(1000000000)
#define DAY_MS INT64_C(86400000)
#define NOW INT64_C(1795546800000) /* 2026-11-24T19:00:00Z */

#define USER 7
#define KEY 70
#define GROUP 3

static struct book *book;

UNUSED static int set_up(void **state)
{
    (void)state;
    clock_set(1000000, NOW);
    book = book_new();
    return book == NULL ? -1 : 0;
}

UNUSED static int tear_down(void **state)
{
    (void)state;
    book_free(&book);
    clock_thaw();
    return 0;
}

UNUSED static struct account *open_account(enum account_kind kind, int64_t owner,
                                           const char *period, int64_t credited, int64_t spent)
{
    book_lock(book);
    struct account *account = book_account(book, kind, owner, period, credited, spent);
    book_unlock(book);
    assert_non_null(account);
    return account;
}

UNUSED static void close_account(struct account *account)
{
    book_lock(book);
    book_account_drop(book, account);
    book_unlock(book);
}

/* A record of USER with this credit and no limits. */
UNUSED static struct key_record plain_key(int64_t credited)
{
    return (struct key_record){
        .id = KEY,
        .user_id = USER,
        .group_id = GROUP,
        .key_limit = {-1, PERIOD_EVER},
        .group_quota = {-1, PERIOD_EVER},
        .group_user_quota = {-1, PERIOD_EVER},
        .user_account = open_account(ACCOUNT_USER, USER, "", credited, 0),
    };
}

UNUSED static void close_key(struct key_record *key)
{
    close_account(key->user_account);
    close_account(key->key_account);
    close_account(key->group_account);
    close_account(key->group_user_account);
}

UNUSED static enum fault admit(struct key_record *key, int64_t nusd, struct hold *hold)
{
    struct admission admission;
    *hold = (struct hold){0};
    return book_admit(book, key, &(struct demand){.nusd = nusd}, hold, &admission);
}

UNUSED static void finish(struct hold *hold, int64_t charge)
{
    book_settle(book, hold, charge, 0);
    book_unpin(book, hold);
}

struct words {
    bool here;
    int64_t held, spent;
};

UNUSED static struct words peek(enum account_kind kind, int64_t owner, const char *period)
{
    struct words words = {0};
    book_lock(book);
    words.here = book_peek(book, kind, owner, period, &words.held, &words.spent);
    book_unlock(book);
    return words;
}

UNUSED static void assert_words(enum account_kind kind, int64_t owner, int64_t held, int64_t spent)
{
    struct words words = peek(kind, owner, "");
    assert_true(words.here);
    assert_int_equal(words.held, held);
    assert_int_equal(words.spent, spent);
}

UNUSED static struct key_record limited_key(int64_t credited, int64_t key, int64_t group,
                                            int64_t each)
{
    struct key_record record = plain_key(credited);
    record.key_limit.nusd = key;
    record.group_quota.nusd = group;
    record.group_user_quota.nusd = each;
    record.key_account = open_account(ACCOUNT_KEY, KEY, "", 0, 0);
    record.group_account = open_account(ACCOUNT_GROUP, GROUP, "", 0, 0);
    record.group_user_account = open_account(ACCOUNT_GROUP_USER, USER, "", 0, 0);
    return record;
}

#define BOOK_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
