#include "config/video_dialect.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

static const char *const part_names[] = {
#define X(name, places) #name,
    VIDEO_PARTS(X)
#undef X
};
static const char *const part_places[] = {
#define X(name, places) places,
    VIDEO_PARTS(X)
#undef X
};
static const char *const meaning_names[] = {
#define X(name, words) #name,
    VIDEO_MEANINGS(X)
#undef X
};
static const char *const meaning_words[] = {
#define X(name, words) words,
    VIDEO_MEANINGS(X)
#undef X
};
static_assert(COUNT(part_names) == VIDEO_PART_COUNT && COUNT(part_places) == VIDEO_PART_COUNT,
              "every part has a name and places");
static_assert(COUNT(meaning_names) == VIDEO_MEANING_COUNT &&
                  COUNT(meaning_words) == VIDEO_MEANING_COUNT,
              "every meaning has a name and words");
static_assert(VIDEO_PLACES_MAX * VIDEO_PART_COUNT + 4 <= JSPAN_WANTS_MAX,
              "the scanner has room for full lines, and the default one that is longer");

/* --- places --------------------------------------------------------------------------------------
 */

/* Cuts the next step off *place: a member's name, or "[]" behind one. */
static bool cut_step(struct str *place, struct str *step)
{
    size_t n = 0;
    if (str_starts(*place, STR("[]"))) {
        *step = str_slice(*place, 0, 2);
        *place = str_from(*place, 2);
        return place->n == 0 || place->p[0] == '.' || place->p[0] == '[';
    }
    if (place->n > 0 && place->p[0] == '.')
        *place = str_from(*place, 1);
    while (n < place->n && place->p[n] != '.' && place->p[n] != '[')
        n++;
    *step = str_slice(*place, 0, n);
    *place = str_from(*place, n);
    return n > 0 && n <= JSPAN_KEY_MAX;
}

static bool check_place(struct str place, struct buf *why)
{
    struct str rest = place, step;
    unsigned steps = 0;
    bool ok = place.n > 0 && place.p[0] != '.' && place.p[0] != '[';
    while (ok && rest.n > 0) {
        ok = cut_step(&rest, &step);
        steps++;
    }
    if (!ok)
        return explain(why, "\"%.*s\" is no place in an answer (want one like data.videos[].url)",
                       SHORT_ARG(place));
    return steps <= JSPAN_PATH_MAX ||
           explain(why, "\"%.*s\" has more than %d steps", SHORT_ARG(place), JSPAN_PATH_MAX);
}

/* `place` lies in `text`, whose separators become the ends of the steps. */
static void add_want(struct video_reader *reader, enum video_part part, char *text,
                     struct str place)
{
    static const char any[] = "[]";
    struct jspan_want *want = &reader->wants[reader->n];
    struct str rest = place, step;
    unsigned n = 0;
    while (rest.n > 0 && n < JSPAN_PATH_MAX && cut_step(&rest, &step)) {
        bool is_element = str_eq(step, STR("[]"));
        want->path[n++] = is_element ? any : step.p;
    }
    /* Behind the last look at it, so that the steps can be ended in their place. */
    for (size_t i = 0; i < place.n; i++)
        if (place.p[i] == '.' || place.p[i] == '[')
            text[(size_t)(place.p - text) + i] = '\0';
    text[(size_t)(place.p - text) + place.n] = '\0';
    /* Addresses and sentences are longer than what is kept of a value. */
    bool is_long = part == VIDEO_PART_url || part == VIDEO_PART_error_message;
    want->flags = is_long ? JSPAN_STRINGS : 0;
    reader->part[reader->n] = part;
    reader->n++;
}

static bool add_part(struct video_reader *reader, enum video_part part, const char *places)
{
    char *text = str_dup(str_of(places));
    if (text == NULL)
        return false;
    reader->texts[part] = text;
    struct str rest = {text, strlen(text)}, place;
    while (reader->n < JSPAN_WANTS_MAX && next_word(&rest, &place)) {
        add_want(reader, part, text, place);
        rest = str_from(rest, 1); /* what parted the words has become the end of one */
    }
    return true;
}

static void reader_free(struct video_reader **reader)
{
    if (*reader == NULL)
        return;
    for (unsigned i = 0; i < VIDEO_PART_COUNT; i++)
        free((*reader)->texts[i]);
    free(*reader);
    *reader = NULL;
}

bool video_dialect_finish(struct video_dialect *dialect)
{
    CHECK(dialect->reader == NULL);
    struct video_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return false;
    bool ok = true;
    for (unsigned i = 0; ok && i < VIDEO_PART_COUNT; i++)
        ok = add_part(reader, (enum video_part)i,
                      dialect->places[i] != NULL ? dialect->places[i] : part_places[i]);
    if (!ok) {
        reader_free(&reader);
        return false;
    }
    jspan_plan_init(&reader->plan, reader->wants, reader->n);
    dialect->reader = reader;
    return true;
}

/* --- words ---------------------------------------------------------------------------------------
 */

static bool holds_word(const char *words, struct str word)
{
    struct str rest = str_of(words), one;
    while (next_word(&rest, &one))
        if (str_eq_nocase(one, word))
            return true;
    return false;
}

static bool find_meaning(const char *const *words, struct str word, enum video_meaning *meaning)
{
    for (unsigned i = 0; i < VIDEO_MEANING_COUNT; i++) {
        if (!holds_word(words[i], word))
            continue;
        *meaning = (enum video_meaning)i;
        return true;
    }
    return false;
}

bool video_dialect_meaning(const struct video_dialect *dialect, struct str word,
                           enum video_meaning *meaning)
{
    const char *own[VIDEO_MEANING_COUNT];
    for (unsigned i = 0; i < VIDEO_MEANING_COUNT; i++)
        own[i] = dialect->words[i];
    return find_meaning(own, word, meaning) || find_meaning(meaning_words, word, meaning);
}

static bool check_word(const struct video_dialect *dialect, struct str word, struct buf *why)
{
    for (unsigned i = 0; i < VIDEO_MEANING_COUNT; i++)
        if (holds_word(dialect->words[i], word))
            return explain(why, "\"%.*s\" means %s already", SHORT_ARG(word), meaning_names[i]);
    return true;
}

/* --- lines of the file ---------------------------------------------------------------------------
 */

static bool find_name(const char *const *names, size_t n, struct str name, unsigned *found)
{
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(name, str_of(names[i])))
            continue;
        *found = (unsigned)i;
        return true;
    }
    return false;
}

static bool explain_name(struct str name, struct buf *why)
{
    struct nearest nearest = {.word = name};
    for (size_t i = 0; i < COUNT(part_names); i++)
        nearest_offer(&nearest, part_names[i]);
    for (size_t i = 0; i < COUNT(meaning_names); i++)
        nearest_offer(&nearest, meaning_names[i]);
    if (nearest.name != NULL)
        return explain(why, "\"%.*s\" is no part of a video's answer; did you mean \"%s\"?",
                       SHORT_ARG(name), nearest.name);
    (void)explain(why, "\"%.*s\" is no part of a video's answer (want", SHORT_ARG(name));
    for (size_t i = 0; i < COUNT(part_names); i++)
        if (!buf_addf(why, " %s", part_names[i]))
            return false;
    if (!buf_addf(why, ", or a meaning:"))
        return false;
    for (size_t i = 0; i < COUNT(meaning_names); i++)
        if (!buf_addf(why, " %s", meaning_names[i]))
            return false;
    (void)!buf_add_char(why, ')');
    return false;
}

static bool check_words(const struct video_dialect *dialect, bool are_places, struct str list,
                        struct str *at, struct buf *why)
{
    unsigned n = 0;
    struct str rest = list;
    for (; next_word(&rest, at); n++) {
        if (are_places && n >= VIDEO_PLACES_MAX)
            return explain(why, "more than %d places", VIDEO_PLACES_MAX);
        if (are_places ? !check_place(*at, why) : !check_word(dialect, *at, why))
            return false;
    }
    return true;
}

bool video_dialect_add(struct video_dialect *dialect, struct str text, size_t *at, struct buf *why)
{
    unsigned found = 0;
    struct str rest = text, name, word = STR_EMPTY;
    *at = 0;
    if (text.n > VIDEO_LINE_MAX)
        return explain(why, "the line is longer than %d bytes", VIDEO_LINE_MAX);
    if (!next_word(&rest, &name) || str_trim(rest).n == 0)
        return explain(why, "\"%.*s\" is not a part and its places (want PART PLACE...)",
                       SHORT_ARG(text));
    bool is_part = find_name(part_names, COUNT(part_names), name, &found);
    if (!is_part && !find_name(meaning_names, COUNT(meaning_names), name, &found))
        return explain_name(name, why);
    char **field = is_part ? &dialect->places[found] : &dialect->words[found];
    if (*field != NULL)
        return explain(why, "%.*s stands twice", STR_ARG(name));
    if (!check_words(dialect, is_part, rest, &word, why)) {
        *at = (size_t)(word.p - text.p);
        return false;
    }
    *field = str_dup(str_trim(rest));
    return *field != NULL || explain(why, "out of memory");
}

bool video_dialect_show(const char *name, const struct video_dialect *dialect, struct buf *out)
{
    for (unsigned i = 0; i < VIDEO_PART_COUNT; i++)
        if (dialect->places[i] != NULL &&
            !buf_addf(out, "%s = %s %s\n", name, part_names[i], dialect->places[i]))
            return false;
    for (unsigned i = 0; i < VIDEO_MEANING_COUNT; i++)
        if (dialect->words[i] != NULL &&
            !buf_addf(out, "%s = %s %s\n", name, meaning_names[i], dialect->words[i]))
            return false;
    return true;
}

void video_dialect_release(struct video_dialect *dialect)
{
    for (unsigned i = 0; i < VIDEO_PART_COUNT; i++)
        free(dialect->places[i]);
    for (unsigned i = 0; i < VIDEO_MEANING_COUNT; i++)
        free(dialect->words[i]);
    reader_free(&dialect->reader);
    memset(dialect, 0, sizeof *dialect);
}
