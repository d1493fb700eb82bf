#include "store/books_check.h"

#include <inttypes.h>
#include <string.h>

#include "store/ident.h"
#include "store/migrate.h"
#include "store/sums.h"

#define FINDINGS_MAX 100
#define WHY_MAX 1024
#define DAY_MS INT64_C(86400000)

struct books {
    struct db *db;
    int64_t started_id;
    json_t *errors;
    bool is_wrong;
    int64_t accounts, ledger_rows;
};

/* `text` is taken; NULL when it cannot be put into words, as of a damaged name. */
static void add_finding(struct books *books, json_t *text)
{
    books->is_wrong = true;
    if (json_array_size(books->errors) < FINDINGS_MAX)
        (void)json_array_append_new(books->errors, text);
    else
        json_decref(text);
}

/* After a pass over `what`.  False: it could not be read to its end, which is told; nothing may be
 * concluded from what is missing in it. */
static bool is_whole(struct books *books, const char *what)
{
    if (db_trouble(books->db) == DB_FINE)
        return true;
    books->is_wrong = true;
    (void)json_array_append_new(books->errors,
                                json_sprintf("%s cannot be read: %s", what, db_error(books->db)));
    db_forgive(books->db);
    return false;
}

/* --- accounts: spent and credited are what the ledger's rows come to -------------------------- */

enum { SPENT, CREDITED, IS_THERE };

static void add_ledger(struct books *books, struct sums *sums)
{
    struct query *query =
        db_query(books->db, "SELECT amount, kind = 'credit', user_account, key_account, "
                            "group_account, group_user_account FROM ledger");
    while (query_row(query)) {
        int64_t amount = query_get_i64(query, 0);
        bool is_credit = query_get_i64(query, 1) != 0;
        const int64_t spent[SUMS_OF_EACH] = {[SPENT] = amount};
        const int64_t credited[SUMS_OF_EACH] = {[CREDITED] = amount};
        books->ledger_rows++;
        for (int i = 2; i < 6; i++) {
            if (!query_get_null(query, i))
                sums_add(sums, query_get_i64(query, i), is_credit ? credited : spent);
        }
    }
}

static void compare_accounts(struct books *books, struct sums *sums)
{
    struct query *query = db_query(books->db, "SELECT id, spent, credited FROM accounts");
    while (query_row(query)) {
        int64_t id = query_get_i64(query, 0);
        int64_t spent = query_get_i64(query, 1), credited = query_get_i64(query, 2);
        int64_t *ledger = sums_of(sums, id);
        ledger[IS_THERE] = 1;
        books->accounts++;
        if (spent != ledger[SPENT])
            add_finding(books, json_sprintf("account %" PRId64 " has spent %" PRId64
                                            " nUSD, the ledger says %" PRId64,
                                            id, spent, ledger[SPENT]));
        if (credited != ledger[CREDITED])
            add_finding(books, json_sprintf("account %" PRId64 " was credited %" PRId64
                                            " nUSD, the ledger says %" PRId64,
                                            id, credited, ledger[CREDITED]));
    }
}

static void check_accounts(struct books *books)
{
    struct sums sums = {0};
    const struct sum *sum = NULL;
    add_ledger(books, &sums);
    bool is_known = is_whole(books, "the ledger") && !sums.failed;
    if (is_known) {
        compare_accounts(books, &sums);
        is_known = is_whole(books, "the table of accounts") && !sums.failed;
    }
    while (is_known && sums_next(&sums, &sum)) {
        if (sum_values(sum)[IS_THERE] == 0)
            add_finding(books,
                        json_sprintf("the ledger names account %" PRId64 ", which is missing",
                                     sum_id(sum)));
    }
    if (sums.failed)
        add_finding(books, json_string("memory is out: the accounts were not looked at"));
    sums_release(&sums);
}

/* --- requests: their charges stand in the ledger, and in the sums by day -----------------------
 */

enum { REQUESTS, CHARGED, GIVEN_BACK };

static int64_t meta_of(struct books *books, const char *key)
{
    struct query *query = db_query(books->db, "SELECT value FROM meta WHERE key = ?1");
    query_text(query, 1, key);
    int64_t value = query_row(query) ? query_get_i64(query, 0) : 0;
    query_end(query);
    return value;
}

/* `log_from` begins a day: older rows may be gone, their sums are not. */
static void add_requests(struct books *books, struct sums *sums, int64_t log_from)
{
    char id[IDENT_TEXT_SIZE];
    /* Rows of the log go by age, those of the ledger never: so this one way round. */
    struct query *query =
        db_query(books->db,
                 "SELECT r.id, r.user_id, r.charge, COALESCE(c.amount, 0), COALESCE(-b.amount, 0), "
                 "r.id BETWEEN ?1 AND ?2 FROM requests r LEFT JOIN ledger c ON c.id = r.id LEFT "
                 "JOIN ledger b ON b.id = r.id + 1 "
                 "WHERE r.\"end\" <> 'open'");
    query_i64(query, 1, log_from);
    query_i64(query, 2, meta_of(books, "rolled_up"));
    while (query_row(query)) {
        int64_t charge = query_get_i64(query, 2), ledger = query_get_i64(query, 3);
        if (charge != ledger) {
            ident_format(query_get_i64(query, 0), id);
            add_finding(books,
                        json_sprintf("%s was charged %" PRId64 " nUSD, the ledger says %" PRId64,
                                     id, charge, ledger));
        }
        if (query_get_i64(query, 5) != 0)
            sums_add(
                sums, query_get_i64(query, 1),
                (const int64_t[SUMS_OF_EACH]){
                    [REQUESTS] = -1, [CHARGED] = -ledger, [GIVEN_BACK] = -query_get_i64(query, 4)});
    }
}

static void add_rollup(struct books *books, struct sums *sums, int64_t log_from)
{
    struct query *query = db_query(books->db, "SELECT user_id, requests, charged, given_back "
                                              "FROM rollup_day WHERE day >= ?1");
    query_i64(query, 1, ident_wall_ms(log_from) / DAY_MS);
    while (query_row(query))
        sums_add(sums, query_get_i64(query, 0),
                 (const int64_t[SUMS_OF_EACH]){[REQUESTS] = query_get_i64(query, 1),
                                               [CHARGED] = query_get_i64(query, 2),
                                               [GIVEN_BACK] = query_get_i64(query, 3)});
}

static void check_requests(struct books *books)
{
    static const int64_t none[SUMS_OF_EACH];
    struct sums sums = {0};
    const struct sum *sum = NULL;
    int64_t log_from = meta_of(books, "log_from");
    add_rollup(books, &sums, log_from);
    bool is_known = is_whole(books, "the sums by day");
    add_requests(books, &sums, log_from);
    is_known = is_whole(books, "the log of requests") && is_known && !sums.failed;
    while (is_known && sums_next(&sums, &sum)) {
        const int64_t *off = sum_values(sum);
        if (memcmp(off, none, sizeof none) != 0)
            add_finding(books,
                        json_sprintf("the sums by day of user %" PRId64 " are off by %" PRId64
                                     " requests, %" PRId64 " nUSD charged, %" PRId64 " given back",
                                     sum_id(sum), off[REQUESTS], off[CHARGED], off[GIVEN_BACK]));
    }
    if (sums.failed)
        add_finding(books, json_string("memory is out: the sums by day were not looked at"));
    sums_release(&sums);
}

static void check_open(struct books *books)
{
    char id[IDENT_TEXT_SIZE];
    struct query *query = db_query(books->db, "SELECT id FROM requests INDEXED BY requests_open "
                                              "WHERE \"end\" = 'open' AND id <= ?1");
    query_i64(query, 1, books->started_id);
    while (query_row(query)) {
        ident_format(query_get_i64(query, 0), id);
        add_finding(books, json_sprintf("%s is open, but was begun before this process", id));
    }
    (void)is_whole(books, "the list of open requests");
}

/* --- slots ------------------------------------------------------------------------------------ */

/* A charge stands in slot 0 of its request and names its user; an even id is slot 0. */
static void check_charges(struct books *books)
{
    char id[IDENT_TEXT_SIZE];
    struct query *query = db_query(
        books->db, "SELECT id, amount FROM ledger WHERE kind NOT IN ('give_back', 'credit') AND "
                   "(kind <> 'charge' OR id % 2 <> 0 OR COALESCE(request_id, 0) <> id OR "
                   "user_account IS NULL OR amount <= 0)");
    while (query_row(query)) {
        ident_format(query_get_i64(query, 0), id);
        add_finding(books, json_sprintf("the ledger's %s of %" PRId64
                                        " nUSD is not in the slot of a charge",
                                        id, query_get_i64(query, 1)));
    }
    (void)is_whole(books, "the ledger's charges");
}

/* As long as the log goes back, a charge has a request, and is of the same user. */
static void check_charged(struct books *books)
{
    char id[IDENT_TEXT_SIZE];
    struct query *query = db_query(
        books->db,
        "SELECT l.id, l.amount, r.id IS NULL FROM ledger l "
        "LEFT JOIN requests r ON r.id = l.id LEFT JOIN accounts a ON a.id = l.user_account "
        "WHERE l.kind = 'charge' AND l.id >= ?1 AND "
        "(r.id IS NULL OR (a.id IS NOT NULL AND a.owner_id <> r.user_id))");
    query_i64(query, 1, meta_of(books, "log_from"));
    while (query_row(query)) {
        ident_format(query_get_i64(query, 0), id);
        add_finding(books, json_sprintf("the ledger's %s of %" PRId64 " nUSD %s", id,
                                        query_get_i64(query, 1),
                                        query_get_i64(query, 2) != 0
                                            ? "has no row in the log of requests"
                                            : "is of another user than its request"));
    }
    (void)is_whole(books, "what was charged");
}

/* Once at most, by its id; of a charge, to the accounts of the charge, and no more than it. */
static void check_give_backs(struct books *books)
{
    char id[IDENT_TEXT_SIZE];
    struct query *query = db_query(
        books->db,
        "SELECT g.request_id, -g.amount, COALESCE(c.amount, 0) FROM ledger g "
        "LEFT JOIN ledger c ON c.id = g.request_id AND c.kind = 'charge' "
        "WHERE g.kind = 'give_back' AND "
        "(c.id IS NULL OR g.id <> g.request_id + 1 OR g.amount >= 0 OR -g.amount > c.amount OR "
        "COALESCE(g.user_account, 0) <> COALESCE(c.user_account, 0) OR "
        "COALESCE(g.key_account, 0) <> COALESCE(c.key_account, 0) OR "
        "COALESCE(g.group_account, 0) <> COALESCE(c.group_account, 0) OR "
        "COALESCE(g.group_user_account, 0) <> COALESCE(c.group_user_account, 0))");
    while (query_row(query)) {
        ident_format(query_get_i64(query, 0), id);
        add_finding(books, json_sprintf("%s was given back %" PRId64 " of %" PRId64
                                        " nUSD, to other accounts or out of its slot",
                                        id, query_get_i64(query, 1), query_get_i64(query, 2)));
    }
    (void)is_whole(books, "what was given back");
}

static void check_tasks(struct books *books)
{
    struct query *query = db_query(
        books->db,
        "SELECT t.public_id, t.charge, t.given_back, COALESCE(c.amount, 0), COALESCE(-g.amount, 0) "
        "FROM tasks t LEFT JOIN ledger c ON c.id = t.id LEFT JOIN ledger g ON g.id = t.id + 1 "
        "WHERE t.charge <> COALESCE(c.amount, 0) OR t.given_back <> COALESCE(-g.amount, 0) OR "
        "(t.state IN ('failed', 'expired') AND t.given_back <> t.charge)");
    while (query_row(query))
        add_finding(books, json_sprintf("%s was charged %" PRId64 " and given back %" PRId64
                                        " nUSD, the ledger says %" PRId64 " and %" PRId64,
                                        query_get_text(query, 0), query_get_i64(query, 1),
                                        query_get_i64(query, 2), query_get_i64(query, 3),
                                        query_get_i64(query, 4)));
    (void)is_whole(books, "the table of tasks");
}

/* --- the file --------------------------------------------------------------------------------- */

static void check_structure(struct books *books)
{
    struct buf why;
    buf_init(&why, WHY_MAX);
    if (!db_is_sound(books->db, 0, &why)) {
        struct str text = buf_str(&why);
        add_finding(books, json_sprintf("structure: %.*s", STR_ARG(text)));
    }
    buf_release(&why);
    struct query *query = db_query(books->db, "PRAGMA foreign_key_check");
    while (query_row(query))
        add_finding(books, json_sprintf("table %s refers to a missing row of %s",
                                        query_get_text(query, 0), query_get_text(query, 2)));
    (void)is_whole(books, "what refers to other rows");
}

static int64_t open_rows(struct db *db)
{
    struct query *query = db_query(db, "SELECT COUNT(*) FROM requests WHERE \"end\" = 'open'");
    int64_t n = query_row(query) ? query_get_i64(query, 0) : 0;
    query_end(query);
    return n;
}

json_t *books_check(struct db *db, int64_t started_id)
{
    struct books books = {.db = db, .started_id = started_id, .errors = json_array()};
    check_structure(&books);
    check_accounts(&books);
    check_requests(&books);
    check_open(&books);
    check_charges(&books);
    check_charged(&books);
    check_give_backs(&books);
    check_tasks(&books);
    int64_t open = open_rows(db);
    (void)is_whole(&books, "the number of open requests");
    return json_pack("{s:b, s:o, s:I, s:I, s:I}", "ok", !books.is_wrong, "errors", books.errors,
                     "accounts", (json_int_t)books.accounts, "ledger_rows",
                     (json_int_t)books.ledger_rows, "open_rows", (json_int_t)open);
}

json_t *books_check_copy(const char *path, struct buf *why)
{
    json_t *result = NULL;
    struct db *db = db_open_copy(path, why);
    if (db != NULL && migrate_is_done(db, path, why)) {
        result = books_check(db, 0);
        if (result == NULL)
            (void)!buf_addf(why, "out of memory");
    }
    db_close(&db);
    return result;
}
