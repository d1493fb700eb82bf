/* Any cuts of a document give the same reports, and jansson agrees on what is legal JSON and on the
 * values found, but for what it is known to refuse: numbers out of range, lone surrogate escapes
 * and NUL in names; it also goes deeper.  The first four bytes of the input choose the cuts. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/jspan.h"
#include "base/jspan_plan.h"

#define COPY_MAX 32

static const struct jspan_want wants[] = {
    {{NULL}, JSPAN_STRINGS},
    {{"a"}, JSPAN_POLICY | JSPAN_COPY | JSPAN_STRINGS},
    {{"a", "b"}, JSPAN_COPY},
    {{"a", "[]"}, JSPAN_STRINGS},
    {{"a", "[]", "b"}, JSPAN_COPY},
    {{"b"}, JSPAN_POLICY},
    {{"[]"}, JSPAN_COPY | JSPAN_STRINGS},
    {{"a", "b", "[]", "a"}, 0},
};
#define WANT_A 1

/* Running hashes of all that was reported; texts apart for each want, since their pieces differ. */
struct record {
    struct str doc;
    uint64_t values, texts[COUNT(wants)];
    uint64_t offset;
    bool complete;
    /* The last exact report of "a". */
    bool a_seen;
    struct jspan_value a;
    char a_text[JSPAN_TEXT_MAX];
};

static void mix(uint64_t *hash, const void *p, size_t n)
{
    const unsigned char *byte = p;
    for (size_t i = 0; i < n; i++)
        *hash = (*hash ^ byte[i]) * UINT64_C(0x100000001b3);
    *hash = (*hash ^ n) * UINT64_C(0x100000001b3);
}

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void on_value(void *context, const struct jspan_value *v)
{
    struct record *r = context;
    uint64_t numbers[] = {v->want, (uint64_t)v->type, v->begin, v->end, v->count};
    bool marks[] = {v->text_cut, v->raw_cut, v->other_case};
    mix(&r->values, numbers, sizeof numbers);
    mix(&r->values, marks, sizeof marks);
    mix(&r->values, v->text.p, v->text.n);
    check(v->begin < v->end && v->end <= r->doc.n);
    if ((wants[v->want].flags & JSPAN_COPY) == 0)
        check(v->raw.n == 0 && !v->raw_cut);
    else if (!v->raw_cut)
        check(str_eq(v->raw, str_slice(r->doc, (size_t)v->begin, (size_t)v->end)));
    if (v->want == WANT_A && !v->other_case) {
        r->a_seen = true;
        r->a = *v;
        memcpy(r->a_text, v->text.p, v->text.n);
    }
}

/* NOLINTNEXTLINE(readability-function-size): the scanner dictates the parameters. */
static void on_text(void *context, unsigned want, struct str name, bool is_name, bool first,
                    struct str piece)
{
    struct record *r = context;
    uint64_t *hash = &r->texts[want];
    if (first) {
        mix(hash, is_name ? "name" : "text", 4);
        mix(hash, name.p, name.n);
    }
    for (size_t i = 0; i < piece.n; i++)
        *hash = (*hash ^ (unsigned char)piece.p[i]) * UINT64_C(0x100000001b3);
}

/* Feeds the document in pieces of 1 to `piece_max` bytes (0: whole), each a block of its own. */
static void scan(struct jspan *js, struct record *r, size_t piece_max, uint32_t seed)
{
    size_t at = 0;
    while (at < r->doc.n) {
        seed = seed * 1664525 + 1013904223;
        size_t n = piece_max == 0 ? r->doc.n : 1 + (seed >> 8) % piece_max;
        if (n > r->doc.n - at)
            n = r->doc.n - at;
        char *piece = malloc(n);
        check(piece != NULL);
        memcpy(piece, r->doc.p + at, n);
        enum jspan_state state = jspan_feed(js, piece, n);
        free(piece);
        at += n;
        check(state != JSPAN_BAD || jspan_offset(js) < at);
        check(state == JSPAN_BAD || jspan_offset(js) == at);
    }
    r->complete = jspan_end(js);
    r->offset = jspan_offset(js);
}

static void scan_once(struct record *r, struct str doc, size_t piece_max, uint32_t seed)
{
    struct jspan_sink sink = {.value = on_value, .text = on_text, .context = r};
    memset(r, 0, sizeof *r);
    r->doc = doc;
    struct jspan_plan plan;
    jspan_plan_init(&plan, wants, COUNT(wants));
    struct jspan *js = jspan_new(&plan, &sink, COPY_MAX);
    check(js != NULL);
    scan(js, r, piece_max, seed);
    jspan_free(&js);
}

static bool has_surrogate_escape(struct str doc)
{
    return str_contains_nocase(doc, STR("\\ud"));
}

/* As deep as the document could be at most. */
static bool may_be_too_deep(struct str doc)
{
    size_t openers = 0;
    for (size_t i = 0; i < doc.n; i++)
        openers += doc.p[i] == '[' || doc.p[i] == '{';
    return openers > JSPAN_DEPTH_MAX;
}

static void compare_a(const struct record *r, const json_t *root)
{
    json_t *theirs = json_object_get(root, "a");
    check(r->a_seen == (theirs != NULL));
    if (theirs == NULL)
        return;
    size_t n = (size_t)(r->a.end - r->a.begin);
    json_t *ours = json_loadb(r->doc.p + r->a.begin, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    check(ours != NULL && json_equal(ours, theirs));
    json_decref(ours);
    if (json_is_array(theirs))
        check(r->a.type == JSPAN_ARRAY && r->a.count == json_array_size(theirs));
    if (json_is_object(theirs))
        check(r->a.type == JSPAN_OBJECT && r->a.count >= json_object_size(theirs));
    if (json_is_string(theirs)) {
        check(r->a.type == JSPAN_STRING && r->a.count == json_string_length(theirs));
        check(memcmp(r->a_text, json_string_value(theirs), r->a.text.n) == 0);
        check(r->a.text_cut == (r->a.count > JSPAN_TEXT_MAX));
    }
}

static void compare_jansson(const struct record *r)
{
    json_error_t error;
    json_t *root = json_loadb(r->doc.p, r->doc.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (root == NULL && r->complete) {
        enum json_error_code code = json_error_code(&error);
        check(code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
              has_surrogate_escape(r->doc));
    }
    /* Its reader loses a NUL byte that it has looked at behind a number. */
    if (root != NULL && !r->complete)
        check(may_be_too_deep(r->doc) || str_index(r->doc, '\0') < r->doc.n);
    if (root != NULL && r->complete)
        compare_a(r, root);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t piece_max[] = {1, 3, 17, 200};
    struct record whole, cut;
    uint32_t seed = 0;
    if (size < sizeof seed)
        return 0;
    memcpy(&seed, data, sizeof seed);
    struct str doc = {(const char *)data + sizeof seed, size - sizeof seed};

    scan_once(&whole, doc, 0, seed);
    for (size_t i = 0; i < COUNT(piece_max); i++) {
        scan_once(&cut, doc, piece_max[i], seed);
        check(cut.complete == whole.complete && cut.offset == whole.offset);
        check(cut.values == whole.values);
        check(memcmp(cut.texts, whole.texts, sizeof cut.texts) == 0);
    }
    compare_jansson(&whole);
    return 0;
}
