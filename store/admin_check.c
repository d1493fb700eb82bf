#include "store/admin_run.h"

#include <inttypes.h>

#define FINDINGS_MAX 100
#define WHY_MAX 1024

/* What each ledger row adds to each account that it names. */
#define MOVES                                                                                      \
    "WITH moves (account, spent, credited) AS ("                                                   \
    "SELECT user_account, CASE kind WHEN 'credit' THEN 0 ELSE amount END, "                        \
    "CASE kind WHEN 'credit' THEN amount ELSE 0 END FROM ledger UNION ALL "                        \
    "SELECT key_account, amount, 0 FROM ledger UNION ALL "                                         \
    "SELECT group_account, amount, 0 FROM ledger UNION ALL "                                       \
    "SELECT group_user_account, amount, 0 FROM ledger), "                                          \
    "sums (account, spent, credited) AS (SELECT account, SUM(spent), SUM(credited) FROM moves "    \
    "WHERE account IS NOT NULL GROUP BY account) "

/* Each gives a row for each finding. */
static const char wrong_spent[] =
    MOVES "SELECT a.id, a.spent, COALESCE(s.spent, 0) FROM accounts a "
          "LEFT JOIN sums s ON s.account = a.id WHERE a.spent <> COALESCE(s.spent, 0)";
static const char wrong_credited[] =
    MOVES "SELECT a.id, a.credited, COALESCE(s.credited, 0) FROM accounts a "
          "LEFT JOIN sums s ON s.account = a.id WHERE a.credited <> COALESCE(s.credited, 0)";
static const char missing_account[] =
    MOVES "SELECT s.account, s.spent, s.credited FROM sums s "
          "LEFT JOIN accounts a ON a.id = s.account WHERE a.id IS NULL";
/* Rows of the log may be dropped by age, ledger rows never: so this one way round. */
static const char wrong_charge[] = "SELECT r.id, r.charge, COALESCE(l.amount, 0) FROM requests r "
                                   "LEFT JOIN ledger l ON l.id = r.id WHERE r.\"end\" <> 'open' "
                                   "AND r.charge <> COALESCE(l.amount, 0)";

/* Once at most, by its id; of a charge, to the accounts of the charge, and no more than it. */
static const char wrong_give_back[] =
    "SELECT g.request_id, -g.amount, COALESCE(c.amount, 0) FROM ledger g "
    "LEFT JOIN ledger c ON c.id = g.request_id AND c.kind = 'charge' WHERE g.kind = 'give_back' "
    "AND "
    "(c.id IS NULL OR g.id <> g.request_id + 1 OR g.amount >= 0 OR -g.amount > c.amount OR "
    "COALESCE(g.user_account, 0) <> COALESCE(c.user_account, 0) OR "
    "COALESCE(g.key_account, 0) <> COALESCE(c.key_account, 0) OR "
    "COALESCE(g.group_account, 0) <> COALESCE(c.group_account, 0) OR "
    "COALESCE(g.group_user_account, 0) <> COALESCE(c.group_user_account, 0))";
/* A charge stands in slot 0 of its request and names its user; an even id is slot 0. */
static const char wrong_slot[] =
    "SELECT id, amount FROM ledger WHERE kind = 'charge' AND (id % 2 <> 0 OR "
    "COALESCE(request_id, 0) <> id OR user_account IS NULL OR amount <= 0) "
    "UNION ALL SELECT id, amount FROM ledger WHERE kind NOT IN ('charge', 'give_back', 'credit')";
/* At start what was open is closed, so an older row has no request that could end it. */
static const char orphan[] =
    "SELECT id FROM requests INDEXED BY requests_open WHERE \"end\" = 'open' AND id <= ?1";
static const char wrong_task[] =
    "SELECT t.public_id, t.charge, t.given_back, COALESCE(c.amount, 0), COALESCE(-g.amount, 0) "
    "FROM tasks t LEFT JOIN ledger c ON c.id = t.id LEFT JOIN ledger g ON g.id = t.id + 1 "
    "WHERE t.charge <> COALESCE(c.amount, 0) OR t.given_back <> COALESCE(-g.amount, 0) OR "
    "(t.state IN ('failed', 'expired') AND t.given_back <> t.charge)";

/* The sums by day against the requests that they are of, and the ledger. */
static const char wrong_rollup[] =
    "SELECT s.user_id, SUM(s.n), SUM(s.charged), SUM(s.given_back) FROM ("
    "SELECT user_id, requests AS n, charged, given_back FROM rollup_day UNION ALL "
    "SELECT r.user_id, -1, -COALESCE(c.amount, 0), COALESCE(g.amount, 0) FROM requests r "
    "LEFT JOIN ledger c ON c.id = r.id LEFT JOIN ledger g ON g.id = r.id + 1 "
    "WHERE r.\"end\" <> 'open' AND "
    "r.id <= (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'rolled_up')) AS s "
    "GROUP BY s.user_id HAVING SUM(s.n) <> 0 OR SUM(s.charged) <> 0 OR SUM(s.given_back) <> 0";

static int64_t count_of(struct db *db, const char *sql)
{
    struct query *query = db_query(db, sql);
    int64_t n = query_row(query) ? query_get_i64(query, 0) : 0;
    query_end(query);
    return n;
}

static void add_finding(json_t *errors, json_t *text)
{
    if (json_array_size(errors) < FINDINGS_MAX)
        (void)json_array_append_new(errors, text);
    else
        json_decref(text);
}

static void check_sums(struct db *db, json_t *errors)
{
    struct query *query = db_query(db, wrong_spent);
    while (query_row(query))
        add_finding(errors, json_sprintf("account %" PRId64 " has spent %" PRId64
                                         " nUSD, the ledger says %" PRId64,
                                         query_get_i64(query, 0), query_get_i64(query, 1),
                                         query_get_i64(query, 2)));
    query = db_query(db, wrong_credited);
    while (query_row(query))
        add_finding(errors, json_sprintf("account %" PRId64 " was credited %" PRId64
                                         " nUSD, the ledger says %" PRId64,
                                         query_get_i64(query, 0), query_get_i64(query, 1),
                                         query_get_i64(query, 2)));
    query = db_query(db, missing_account);
    while (query_row(query))
        add_finding(errors, json_sprintf("the ledger names account %" PRId64 ", which is missing",
                                         query_get_i64(query, 0)));
}

static void check_requests(struct db *db, json_t *errors)
{
    char id[IDENT_TEXT_SIZE];
    struct query *query = db_query(db, wrong_charge);
    while (query_row(query)) {
        ident_format(query_get_i64(query, 0), id);
        add_finding(errors,
                    json_sprintf("%s was charged %" PRId64 " nUSD, the ledger says %" PRId64, id,
                                 query_get_i64(query, 1), query_get_i64(query, 2)));
    }
}

static void check_slots(struct admin_run *run, json_t *errors)
{
    char id[IDENT_TEXT_SIZE];
    struct query *query = db_query(run->db, wrong_slot);
    while (query_row(query)) {
        ident_format(query_get_i64(query, 0), id);
        add_finding(errors, json_sprintf("the ledger's %s of %" PRId64
                                         " nUSD is not in the slot of a charge",
                                         id, query_get_i64(query, 1)));
    }
    query = db_query(run->db, orphan);
    query_i64(query, 1, run->room->started_id);
    while (query_row(query)) {
        ident_format(query_get_i64(query, 0), id);
        add_finding(errors, json_sprintf("%s is open, but was begun before this process", id));
    }
}

static void check_tasks(struct db *db, json_t *errors)
{
    char id[IDENT_TEXT_SIZE];
    struct query *query = db_query(db, wrong_give_back);
    while (query_row(query)) {
        ident_format(query_get_i64(query, 0), id);
        add_finding(errors, json_sprintf("%s was given back %" PRId64 " of %" PRId64
                                         " nUSD, to other accounts or out of its slot",
                                         id, query_get_i64(query, 1), query_get_i64(query, 2)));
    }
    query = db_query(db, wrong_task);
    while (query_row(query))
        add_finding(errors, json_sprintf("%s was charged %" PRId64 " and given back %" PRId64
                                         " nUSD, the ledger says %" PRId64 " and %" PRId64,
                                         query_get_text(query, 0), query_get_i64(query, 1),
                                         query_get_i64(query, 2), query_get_i64(query, 3),
                                         query_get_i64(query, 4)));
}

static void check_rollup(struct db *db, json_t *errors)
{
    struct query *query = db_query(db, wrong_rollup);
    while (query_row(query))
        add_finding(errors,
                    json_sprintf("the sums by day of user %" PRId64 " are off by %" PRId64
                                 " requests, %" PRId64 " nUSD charged, %" PRId64 " given back",
                                 query_get_i64(query, 0), query_get_i64(query, 1),
                                 query_get_i64(query, 2), query_get_i64(query, 3)));
}

static void check_structure(struct db *db, json_t *errors)
{
    struct buf why;
    buf_init(&why, WHY_MAX);
    if (!db_is_sound(db, 0, &why)) {
        struct str text = buf_str(&why);
        add_finding(errors, json_sprintf("structure: %.*s", STR_ARG(text)));
    }
    buf_release(&why);
    struct query *query = db_query(db, "PRAGMA foreign_key_check");
    while (query_row(query))
        add_finding(errors, json_sprintf("table %s refers to a missing row of %s",
                                         query_get_text(query, 0), query_get_text(query, 2)));
}

enum store_code admin_db_check(struct admin_run *run)
{
    json_t *errors = json_array();
    check_structure(run->db, errors);
    check_sums(run->db, errors);
    check_requests(run->db, errors);
    check_slots(run, errors);
    check_rollup(run->db, errors);
    check_tasks(run->db, errors);
    if (db_trouble(run->db) != DB_FINE) {
        add_finding(errors, json_sprintf("cannot be read: %s", db_error(run->db)));
        db_forgive(run->db);
    }
    run->result = json_pack(
        "{s:b, s:O, s:I, s:I, s:I}", "ok", json_array_size(errors) == 0, "errors", errors,
        "accounts", (json_int_t)count_of(run->db, "SELECT COUNT(*) FROM accounts"), "ledger_rows",
        (json_int_t)count_of(run->db, "SELECT COUNT(*) FROM ledger"), "open_rows",
        (json_int_t)count_of(run->db, "SELECT COUNT(*) FROM requests WHERE \"end\" = 'open'"));
    json_decref(errors);
    return admin_done(run);
}
