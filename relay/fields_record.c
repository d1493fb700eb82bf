#include "relay/fields_record.h"

#include <stdlib.h>

struct fields_record *fields_record_new(void)
{
    struct fields_record *record = calloc(1, sizeof *record);
    if (record == NULL)
        return NULL;
    buf_init(&record->prompt, FIELDS_RECORD_PROMPT_MAX + 1);
    secret_digest_begin(&record->digest);
    return record;
}

void fields_record_free(struct fields_record **record)
{
    if (*record == NULL)
        return;
    buf_release(&(*record)->prompt);
    free(*record);
    *record = NULL;
}

void fields_record_part(struct fields_record *record, struct str name, bool is_file)
{
    if (record == NULL)
        return;
    secret_digest_add(&record->digest, is_file ? STR("file ") : STR("text "));
    secret_digest_add(&record->digest, name);
    secret_digest_add(&record->digest, (struct str){"", 1});
}

void fields_record_bytes(struct fields_record *record, struct str piece)
{
    if (record != NULL)
        secret_digest_add(&record->digest, piece);
}

void fields_record_part_end(struct fields_record *record, uint64_t n)
{
    /* Behind each part its length: no two forms are the same bytes in a row. */
    if (record != NULL)
        secret_digest_add(&record->digest, (struct str){(const char *)&n, sizeof n});
}

void fields_record_prompt(struct fields_record *record, struct str piece)
{
    if (record == NULL || record->prompt_full)
        return;
    size_t room = FIELDS_RECORD_PROMPT_MAX - record->prompt.n;
    record->prompt_full =
        piece.n > room || !buf_add_str(&record->prompt, str_slice(piece, 0, room));
}

/* Without the beginning of a character whose rest was cut off. */
static size_t whole_characters(struct str text)
{
    size_t tail = 0;
    while (tail < 3 && tail < text.n && ((unsigned char)text.p[text.n - 1 - tail] & 0xc0) == 0x80)
        tail++;
    if (tail == text.n)
        return 0;
    unsigned char lead = (unsigned char)text.p[text.n - 1 - tail];
    size_t needs = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    return tail < needs ? text.n - 1 - tail : text.n;
}

const char *fields_record_prompt_end(struct fields_record *record)
{
    if (record->prompt_full)
        record->prompt.n = whole_characters(buf_str(&record->prompt));
    return buf_add_char(&record->prompt, '\0') ? record->prompt.p : "";
}
