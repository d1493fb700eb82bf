#include "relay/body.h"

#include <stdlib.h>
#include <string.h>

void body_init(struct body *body, uint64_t max, const char *spool_dir, struct mailbox *sweeper)
{
    memset(body, 0, sizeof *body);
    buf_init(&body->memory, BODY_MEMORY_MAX);
    body->max = max;
    body->spool_dir = spool_dir;
    body->sweeper = sweeper;
}

void body_release(struct body *body)
{
    body_clear_edits(body);
    free(body->edits);
    body->edits = NULL;
    body->edit_room = 0;
    buf_release(&body->memory);
    spool_free(&body->spool, body->sweeper);
    body->bytes = 0;
}

static bool spill(struct body *body)
{
    body->spool = spool_new(body->spool_dir);
    if (body->spool == NULL)
        return false;
    struct str held = buf_str(&body->memory);
    if (!spool_write(body->spool, held.p, held.n))
        return false;
    buf_release(&body->memory);
    return true;
}

enum body_result body_add(struct body *body, const char *p, size_t n)
{
    if (n > body->max - body->bytes)
        return BODY_TOO_LARGE;
    if (body->spool == NULL && body->bytes + n > BODY_MEMORY_MAX && !spill(body))
        return BODY_FAILED;
    bool kept = body->spool != NULL ? spool_write(body->spool, p, n) : buf_add(&body->memory, p, n);
    if (!kept)
        return BODY_FAILED;
    body->bytes += n;
    return BODY_OK;
}

static bool edit_room(struct body *body)
{
    if (body->edit_count < body->edit_room)
        return true;
    unsigned room = body->edit_room == 0 ? 4 : body->edit_room * 2;
    struct body_edit *edits = realloc(body->edits, room * sizeof *edits);
    if (edits == NULL)
        return false;
    body->edits = edits;
    body->edit_room = room;
    return true;
}

/* What is inserted in front of something that is replaced comes first. */
static bool stands_behind(const struct body_edit *edit, uint64_t begin, uint64_t end)
{
    return edit->begin > begin || (edit->begin == begin && edit->end > end);
}

bool body_edit(struct body *body, uint64_t begin, uint64_t end, struct str text)
{
    CHECK(body->edit_count < BODY_EDITS_MAX);
    CHECK(begin <= end && end <= body->bytes);
    char *copy = text.n > 0 ? str_dup(text) : NULL;
    if ((copy == NULL && text.n > 0) || !edit_room(body)) {
        free(copy);
        return false;
    }
    unsigned at = body->edit_count;
    while (at > 0 && stands_behind(&body->edits[at - 1], begin, end)) {
        body->edits[at] = body->edits[at - 1];
        at--;
    }
    CHECK(at == 0 || body->edits[at - 1].end <= begin);
    CHECK(at == body->edit_count || end <= body->edits[at + 1].begin);
    body->edits[at] = (struct body_edit){.begin = begin, .end = end, .text = copy, .n = text.n};
    body->edit_count++;
    return true;
}

void body_clear_edits(struct body *body)
{
    for (unsigned i = 0; i < body->edit_count; i++)
        free(body->edits[i].text);
    body->edit_count = 0;
}

uint64_t body_size(const struct body *body)
{
    uint64_t size = body->bytes;
    for (unsigned i = 0; i < body->edit_count; i++)
        size = size - (body->edits[i].end - body->edits[i].begin) + body->edits[i].n;
    return size;
}

bool body_read_original(const struct body *body, uint64_t at, char *into, size_t n)
{
    CHECK(at + n <= body->bytes);
    if (body->spool != NULL)
        return spool_read(body->spool, at, into, n);
    memcpy(into, body->memory.p + at, n);
    return true;
}

bool body_read(const struct body *body, struct body_cursor *cursor, char *into, size_t n,
               size_t *got)
{
    size_t filled = 0;
    while (filled < n) {
        const struct body_edit *edit =
            cursor->edit < body->edit_count ? &body->edits[cursor->edit] : NULL;
        if (edit != NULL && cursor->at == edit->begin) {
            size_t piece = edit->n - cursor->edit_at;
            if (piece > n - filled)
                piece = n - filled;
            if (piece > 0)
                memcpy(into + filled, edit->text + cursor->edit_at, piece);
            filled += piece;
            cursor->edit_at += piece;
            if (cursor->edit_at < edit->n)
                break;
            cursor->at = edit->end;
            cursor->edit++;
            cursor->edit_at = 0;
            continue;
        }
        uint64_t until = edit != NULL ? edit->begin : body->bytes;
        if (cursor->at == until)
            break;
        uint64_t left = until - cursor->at;
        size_t piece = left < n - filled ? (size_t)left : n - filled;
        if (!body_read_original(body, cursor->at, into + filled, piece))
            return false;
        filled += piece;
        cursor->at += piece;
    }
    *got = filled;
    return true;
}
