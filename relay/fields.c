#include "relay/fields.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jspan_plan.h"
#include "relay/fields_record.h"
#include "relay/form.h"

/* Reckoned tokens of a medium in the prompt; it is never fetched to be measured. */
#define IMAGE_TOKENS 1600
#define AUDIO_TOKENS 1700
#define FILE_TOKENS 5000

static const char *const names[FIELD_COUNT] = {
#define X(name) #name,
    FIELDS(X)
#undef X
        [FIELD_include_usage] = "stream_options.include_usage",
};

#define TEXT (JSPAN_POLICY | JSPAN_STRINGS)

/* Where objects of a provider are named that no answer of this gateway can have given out: others
 * who share the provider's account put them there. */
enum {
    FOREIGN_FIRST = FIELD_COUNT + 1,
    PROMPT_ID = FOREIGN_FIRST,
    MESSAGE_FILE,
    INPUT_FILE,
    OUTPUT_FILE,
    OUTPUT_FILES,
    TOOL_STORES,
    TOOL_CONTAINER,
    TOOL_CONTAINER_FILES,
    TOOL_MASK_FILE,
    IMAGES_FILE,
    MASK_FILE,
    REFERENCE_FILE,
    FOREIGN_END,
    CACHE_FIRST = FOREIGN_END,
    CACHE_PART = CACHE_FIRST,
    CACHE_MESSAGE,
    CACHE_TOOL,
    CACHE_REQUEST,
    CACHE_END,
    SEARCH_FIRST = CACHE_END,
    SEARCH_OPTIONS = SEARCH_FIRST,
    SEARCH_PARAMETERS,
    SEARCH_PLUGINS,
    SEARCH_END
};

/* Those that it may have given out; only looked for where a request may name some. */
enum {
    REFERENCE_FIRST = SEARCH_END,
    CONVERSATION_ID = REFERENCE_FIRST,
    ITEM,
    ITEM_ID,
    ITEM_TYPE,
    ITEM_ROLE,
    OUTPUT_FORMAT
};

static const struct jspan_want wants[] = {
    [FIELD_model] = {{"model"}, JSPAN_POLICY},
    [FIELD_stream] = {{"stream"}, JSPAN_POLICY},
    [FIELD_stream_options] = {{"stream_options"}, JSPAN_POLICY},
    [FIELD_n] = {{"n"}, JSPAN_POLICY},
    [FIELD_best_of] = {{"best_of"}, JSPAN_POLICY},
    [FIELD_max_tokens] = {{"max_tokens"}, JSPAN_POLICY},
    [FIELD_max_completion_tokens] = {{"max_completion_tokens"}, JSPAN_POLICY},
    [FIELD_max_output_tokens] = {{"max_output_tokens"}, JSPAN_POLICY},
    [FIELD_size] = {{"size"}, JSPAN_POLICY},
    [FIELD_quality] = {{"quality"}, JSPAN_POLICY},
    [FIELD_seconds] = {{"seconds"}, JSPAN_POLICY},
    [FIELD_duration] = {{"duration"}, JSPAN_POLICY},
    [FIELD_response_format] = {{"response_format"}, TEXT},
    [FIELD_encoding_format] = {{"encoding_format"}, JSPAN_POLICY},
    [FIELD_stream_format] = {{"stream_format"}, JSPAN_POLICY},
    [FIELD_service_tier] = {{"service_tier"}, JSPAN_POLICY},
    [FIELD_background] = {{"background"}, JSPAN_POLICY},
    [FIELD_store] = {{"store"}, JSPAN_POLICY},
    [FIELD_previous_response_id] = {{"previous_response_id"}, JSPAN_POLICY},
    [FIELD_conversation] = {{"conversation"}, JSPAN_POLICY},
    [FIELD_voice] = {{"voice"}, JSPAN_POLICY},
    [FIELD_messages] = {{"messages"}, TEXT},
    [FIELD_input] = {{"input"}, TEXT},
    [FIELD_prompt] = {{"prompt"}, TEXT},
    [FIELD_documents] = {{"documents"}, TEXT},
    [FIELD_query] = {{"query"}, TEXT},
    [FIELD_tools] = {{"tools"}, TEXT},
    [FIELD_functions] = {{"functions"}, TEXT},
    [FIELD_instructions] = {{"instructions"}, TEXT},
    [FIELD_aspect_ratio] = {{"aspect_ratio"}, JSPAN_POLICY},
    [FIELD_audio] = {{"audio"}, JSPAN_POLICY},
    [FIELD_include_usage] = {{"stream_options", "include_usage"}, 0},
    [FIELD_COUNT] = {{NULL}, 0}, /* the document itself */
    [PROMPT_ID] = {{"prompt", "id"}, 0},
    [MESSAGE_FILE] = {{"messages", "[]", "content", "[]", "file", "file_id"}, 0},
    [INPUT_FILE] = {{"input", "[]", "content", "[]", "file_id"}, 0},
    [OUTPUT_FILE] = {{"input", "[]", "output", "file_id"}, 0},
    [OUTPUT_FILES] = {{"input", "[]", "output", "[]", "file_id"}, 0},
    [TOOL_STORES] = {{"tools", "[]", "vector_store_ids"}, 0},
    [TOOL_CONTAINER] = {{"tools", "[]", "container"}, 0},
    [TOOL_CONTAINER_FILES] = {{"tools", "[]", "container", "file_ids"}, 0},
    [TOOL_MASK_FILE] = {{"tools", "[]", "input_image_mask", "file_id"}, 0},
    [IMAGES_FILE] = {{"images", "[]", "file_id"}, 0},
    [MASK_FILE] = {{"mask", "file_id"}, 0},
    [REFERENCE_FILE] = {{"input_reference", "file_id"}, 0},
    [CACHE_PART] = {{"messages", "[]", "content", "[]", "cache_control"}, 0},
    [CACHE_MESSAGE] = {{"messages", "[]", "cache_control"}, 0},
    [CACHE_TOOL] = {{"tools", "[]", "cache_control"}, 0},
    [CACHE_REQUEST] = {{"cache_control"}, 0},
    [SEARCH_OPTIONS] = {{"web_search_options"}, 0},
    [SEARCH_PARAMETERS] = {{"search_parameters"}, 0},
    [SEARCH_PLUGINS] = {{"plugins"}, 0},
    [CONVERSATION_ID] = {{"conversation", "id"}, 0},
    [ITEM] = {{"input", "[]"}, 0},
    [ITEM_ID] = {{"input", "[]", "id"}, 0},
    [ITEM_TYPE] = {{"input", "[]", "type"}, 0},
    [ITEM_ROLE] = {{"input", "[]", "role"}, 0},
    [OUTPUT_FORMAT] = {{"text"}, JSPAN_STRINGS},
};

static struct jspan_plan plain_plan, reference_plan;

static void digest(void)
{
    jspan_plan_init(&plain_plan, wants, REFERENCE_FIRST);
    jspan_plan_init(&reference_plan, wants, COUNT(wants));
}

static bool is_foreign(const struct jspan_value *value)
{
    if (value->want == TOOL_CONTAINER && value->type == JSPAN_OBJECT) /* a new one */
        return false;
    bool is_empty_list = value->type == JSPAN_ARRAY && value->count == 0;
    return value->type != JSPAN_NULL && !is_empty_list;
}

/* `id`: as far as it is known. */
static void note_foreign(struct fields *fields, const char *param, struct str id)
{
    if (fields->foreign != NULL)
        return;
    fields->foreign = param;
    struct str shown = id.n > 0 ? id : str_of(param);
    snprintf(fields->foreign_id, sizeof fields->foreign_id, "%.*s", STR_ARG(shown));
}

static void take_reference(struct references *references, const struct jspan_value *value)
{
    switch (value->want) {
    case FIELD_previous_response_id:
        if (value->type != JSPAN_NULL)
            references_add(references, REFERENCE_PREVIOUS, value);
        break;
    case FIELD_conversation: /* its name, or an object that holds it */
        if (value->type != JSPAN_NULL && value->type != JSPAN_OBJECT)
            references_add(references, REFERENCE_CONVERSATION, value);
        break;
    case CONVERSATION_ID:
        references_add(references, REFERENCE_CONVERSATION, value);
        break;
    case ITEM_ID:
        references_item_id(references, value);
        break;
    case ITEM_TYPE:
        references_item_type(references, value);
        break;
    case ITEM_ROLE:
        references_item_role(references, value);
        break;
    case ITEM:
        references_item_end(references);
        break;
    default:
        break;
    }
}

static void on_value(void *context, const struct jspan_value *value)
{
    struct fields *fields = context;
    if (value->want == FIELD_COUNT) {
        fields->root = value->type;
        fields->root_begin = value->begin;
        fields->root_count = value->count;
    }
    if (value->want >= FOREIGN_FIRST && value->want < FOREIGN_END && is_foreign(value))
        note_foreign(fields, wants[value->want].path[0], value->text);
    if (value->want >= CACHE_FIRST && value->want < CACHE_END && value->type != JSPAN_NULL)
        fields->cache_marked = true;
    if (value->want >= SEARCH_FIRST && value->want < SEARCH_END && value->type != JSPAN_NULL)
        fields->with_search = true;
    if (fields->with_references)
        take_reference(&fields->references, value);
    if (value->want >= FIELD_COUNT)
        return;
    struct field *field = &fields->field[value->want];
    field->seen++;
    if (field->seen > 1 || value->other_case) {
        if (fields->repeated == FIELD_COUNT)
            fields->repeated = (enum field_name)value->want;
        return;
    }
    field->type = value->type;
    field->begin = value->begin;
    field->end = value->end;
    field->count = value->count;
    size_t n = value->text.n < sizeof field->text - 1 ? value->text.n : sizeof field->text - 1;
    memcpy(field->text, value->text.p, n);
    field->text_cut = value->text_cut || n < value->text.n;
    if (value->want == FIELD_model && value->type == JSPAN_STRING) {
        n = value->text.n <= MODEL_NAME_MAX ? value->text.n : MODEL_NAME_MAX;
        memcpy(fields->model, value->text.p, n);
    }
}

static int64_t medium_tokens(struct str name, struct str piece)
{
    if (str_starts_nocase(piece, STR("data:audio")))
        return AUDIO_TOKENS;
    if (str_starts_nocase(piece, STR("data:image")) || str_eq(name, STR("url")) ||
        str_eq(name, STR("image_url")))
        return IMAGE_TOKENS;
    if (str_starts_nocase(piece, STR("data:")) || str_eq(name, STR("file_data")) ||
        str_eq(name, STR("file_url")))
        return FILE_TOKENS;
    if (str_eq(name, STR("data"))) /* input_audio.data */
        return AUDIO_TOKENS;
    return 0;
}

/* Of valid UTF-8, in pieces cut anywhere: every byte but those that go on with a sequence. */
static int64_t characters(struct str piece)
{
    int64_t n = 0;
    for (size_t i = 0; i < piece.n; i++)
        n += ((unsigned char)piece.p[i] & 0xc0) != 0x80;
    return n;
}

/* NOLINTNEXTLINE(readability-function-size): the scanner dictates the parameters. */
static void on_text(void *context, unsigned want, struct str name, bool is_name, bool first,
                    struct str piece)
{
    struct fields *fields = context;
    if (want == FIELD_input && !is_name)
        fields->input_characters += characters(piece);
    if (want == FIELD_prompt && !is_name)
        fields_record_prompt(fields->record, piece);
    if (first) {
        estimate_break(&fields->prompt);
        int64_t tokens = is_name ? 0 : medium_tokens(name, piece);
        fields->in_medium = tokens > 0;
        fields->media_tokens += tokens;
    }
    if (!fields->in_medium)
        estimate_feed(&fields->prompt, piece.p, piece.n);
}

struct fields *fields_new(bool references)
{
    struct fields *fields = calloc(1, sizeof *fields);
    if (fields == NULL)
        return NULL;
    fields->repeated = FIELD_COUNT;
    fields->with_references = references;
    references_init(&fields->references);
    struct jspan_sink sink = {.value = on_value, .text = on_text, .context = fields};
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    CHECK(pthread_once(&once, digest) == 0);
    fields->scanner = jspan_new(references ? &reference_plan : &plain_plan, &sink, 1);
    if (fields->scanner == NULL)
        fields_free(&fields);
    return fields;
}

struct fields *fields_new_form(const char *boundary)
{
    struct fields *fields = fields_new(false);
    if (fields == NULL)
        return NULL;
    fields->form = form_new(boundary, fields);
    if (fields->form == NULL)
        fields_free(&fields);
    return fields;
}

void fields_free(struct fields **fields)
{
    if (*fields == NULL)
        return;
    form_free(&(*fields)->form);
    fields_record_free(&(*fields)->record);
    jspan_free(&(*fields)->scanner);
    references_release(&(*fields)->references);
    free(*fields);
    *fields = NULL;
}

bool fields_keep_record(struct fields *fields)
{
    fields->record = fields_record_new();
    return fields->record != NULL;
}

void fields_feed(struct fields *fields, const char *p, size_t n)
{
    if (fields->form != NULL) {
        form_feed(fields->form, p, n);
        return;
    }
    fields_record_bytes(fields->record, (struct str){p, n});
    (void)jspan_feed(fields->scanner, p, n);
}

enum fault fields_finish(struct fields *fields, struct failure *failure)
{
    estimate_break(&fields->prompt);
    enum fault fault = fields->form != NULL ? form_finish(fields->form, failure) : FAULT_NONE;
    if (fault != FAULT_NONE)
        return fault;
    if (fields->form == NULL && (!jspan_end(fields->scanner) || fields->root != JSPAN_OBJECT)) {
        failure_set(failure, FAULT_INVALID_JSON, "offset %llu",
                    (unsigned long long)jspan_offset(fields->scanner));
        return FAULT_INVALID_JSON;
    }
    if (fields->repeated != FIELD_COUNT) {
        failure_set(failure, FAULT_DUPLICATE_PARAMETER, "%s", names[fields->repeated]);
        failure_set_param(failure, names[fields->repeated]);
        return FAULT_DUPLICATE_PARAMETER;
    }
    if (fields->foreign != NULL) {
        failure_set(failure, FAULT_REFERENCE_NOT_FOUND, "%s", fields->foreign_id);
        failure_set_param(failure, fields->foreign);
        return FAULT_REFERENCE_NOT_FOUND;
    }
    return FAULT_NONE;
}

/* --- the parts of a form -------------------------------------------------------------------------
 */

void fields_note_file(struct fields *fields)
{
    fields->media_tokens += IMAGE_TOKENS;
}

bool fields_begin_part(struct fields *fields, struct str part, enum field_name *name)
{
    /* As clients spell a member of an object: input_reference[file_id]. */
    if (str_ends(part, STR("[file_id]")) || str_ends(part, STR(".file_id")))
        note_foreign(fields, "file_id", STR_EMPTY);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!str_eq_nocase(part, str_of(names[i])))
            continue;
        struct field *field = &fields->field[i];
        bool again = ++field->seen > 1 || !str_eq(part, str_of(names[i]));
        if (again && fields->repeated == FIELD_COUNT)
            fields->repeated = (enum field_name)i;
        *name = (enum field_name)i;
        return !again;
    }
    return false;
}

void fields_add_part(struct fields *fields, enum field_name name, struct str piece, bool first)
{
    struct field *field = &fields->field[name];
    if (name == FIELD_model && field->count < MODEL_NAME_MAX) {
        size_t room = MODEL_NAME_MAX - field->count;
        memcpy(fields->model + field->count, piece.p, piece.n < room ? piece.n : room);
    }
    size_t most = sizeof field->text - 1;
    size_t had = field->count < most ? field->count : most, room = most - had;
    memcpy(field->text + had, piece.p, piece.n < room ? piece.n : room);
    field->text_cut |= piece.n > room;
    field->count += piece.n;
    if (name == FIELD_prompt)
        fields_record_prompt(fields->record, piece);
    if ((wants[name].flags & JSPAN_STRINGS) == 0)
        return;
    if (first)
        estimate_break(&fields->prompt);
    estimate_feed(&fields->prompt, piece.p, piece.n);
}

/* All is text: what reads as a number or a boolean is one for who asks for one. */
static enum jspan_type type_of_text(enum field_name name, const struct field *field)
{
    int64_t number;
    struct str text = str_of(field->text);
    if (text.n != field->count) /* cut, or a NUL in it: another reader may read on */
        return JSPAN_STRING;
    if (name == FIELD_n && str_i64(text, INT64_MIN, INT64_MAX, &number))
        return JSPAN_NUMBER;
    if (name == FIELD_stream && str_eq_nocase(text, STR("true")))
        return JSPAN_TRUE;
    if (name == FIELD_stream && str_eq_nocase(text, STR("false")))
        return JSPAN_FALSE;
    return JSPAN_STRING;
}

void fields_end_part(struct fields *fields, enum field_name name, uint64_t begin, uint64_t end)
{
    struct field *field = &fields->field[name];
    field->type = type_of_text(name, field);
    field->begin = begin;
    field->end = end;
}

/* --- checks --------------------------------------------------------------------------------------
 */

static enum fault refuse(struct failure *failure, enum fault fault, enum field_name name,
                         const char *expected)
{
    if (fault == FAULT_MISSING_PARAMETER)
        failure_set(failure, fault, "%s", names[name]);
    else
        failure_set(failure, fault, "'%s': expected %s", names[name], expected);
    failure_set_param(failure, names[name]);
    return fault;
}

bool fields_has(const struct fields *fields, enum field_name name)
{
    return fields->field[name].seen > 0 && fields->field[name].type != JSPAN_NULL;
}

bool fields_forget(struct fields *fields, struct str name)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!str_eq(name, str_of(names[i])))
            continue;
        fields->field[i] = (struct field){.seen = 0};
        return true;
    }
    return false;
}

enum fault fields_unsupported(enum field_name name, struct failure *failure)
{
    failure_set(failure, FAULT_UNSUPPORTED_PARAMETER, "%s", names[name]);
    failure_set_param(failure, names[name]);
    return FAULT_UNSUPPORTED_PARAMETER;
}

enum fault fields_need_text(const struct fields *fields, enum field_name name,
                            struct failure *failure)
{
    const struct field *field = &fields->field[name];
    if (!fields_has(fields, name))
        return refuse(failure, FAULT_MISSING_PARAMETER, name, NULL);
    if (field->type != JSPAN_STRING)
        return refuse(failure, FAULT_INVALID_TYPE, name, "a string");
    if (field->count == 0)
        return refuse(failure, FAULT_MISSING_PARAMETER, name, NULL);
    return FAULT_NONE;
}

enum fault fields_need(const struct fields *fields, enum field_name name, struct failure *failure)
{
    if (!fields_has(fields, name) || fields->field[name].count == 0)
        return refuse(failure, FAULT_MISSING_PARAMETER, name, NULL);
    return FAULT_NONE;
}

enum fault fields_need_list(const struct fields *fields, enum field_name name,
                            struct failure *failure)
{
    const struct field *field = &fields->field[name];
    if (!fields_has(fields, name))
        return refuse(failure, FAULT_MISSING_PARAMETER, name, NULL);
    if (field->type != JSPAN_ARRAY)
        return refuse(failure, FAULT_INVALID_TYPE, name, "an array");
    if (field->count == 0)
        return refuse(failure, FAULT_MISSING_PARAMETER, name, NULL);
    return FAULT_NONE;
}

enum fault fields_need_text_or_list(const struct fields *fields, enum field_name name,
                                    struct failure *failure)
{
    const struct field *field = &fields->field[name];
    if (fields_has(fields, name) && field->type != JSPAN_STRING && field->type != JSPAN_ARRAY)
        return refuse(failure, FAULT_INVALID_TYPE, name, "a string or an array");
    if (!fields_has(fields, name) || field->count == 0)
        return refuse(failure, FAULT_MISSING_PARAMETER, name, NULL);
    return FAULT_NONE;
}

enum fault fields_at_most(const struct fields *fields, enum field_name name, uint64_t max,
                          struct failure *failure)
{
    char expected[64];
    if (fields->field[name].count <= max)
        return FAULT_NONE;
    snprintf(expected, sizeof expected, "at most %llu elements", (unsigned long long)max);
    return refuse(failure, FAULT_INVALID_VALUE, name, expected);
}

enum fault fields_type(const struct fields *fields, enum field_name name, unsigned types,
                       const char *expected, struct failure *failure)
{
    if (!fields_has(fields, name) || (types >> fields->field[name].type & 1) != 0)
        return FAULT_NONE;
    return refuse(failure, FAULT_INVALID_TYPE, name, expected);
}

int64_t fields_token_ids(const struct fields *fields, enum field_name name)
{
    const struct field *field = &fields->field[name];
    if (field->type != JSPAN_ARRAY || fields->prompt.bytes > 0)
        return 0;
    return (int64_t)((field->end - field->begin) / 2); /* a digit and a comma each, at least */
}

enum fault fields_bool(const struct fields *fields, enum field_name name, bool *value,
                       struct failure *failure)
{
    const struct field *field = &fields->field[name];
    if (!fields_has(fields, name))
        return FAULT_NONE;
    if (field->type != JSPAN_TRUE && field->type != JSPAN_FALSE)
        return refuse(failure, FAULT_INVALID_TYPE, name, "a boolean");
    *value = field->type == JSPAN_TRUE;
    return FAULT_NONE;
}

/* NOLINTNEXTLINE(readability-function-size): a bounded number: name, two bounds, two results. */
enum fault fields_number(const struct fields *fields, enum field_name name, int64_t min,
                         int64_t max, int64_t *value, struct failure *failure)
{
    const struct field *field = &fields->field[name];
    char expected[64];
    if (!fields_has(fields, name))
        return FAULT_NONE;
    if (field->type != JSPAN_NUMBER)
        return refuse(failure, FAULT_INVALID_TYPE, name, "an integer");
    if (field->text_cut || !str_i64(str_of(field->text), min, max, value)) {
        snprintf(expected, sizeof expected, "an integer in %lld..%lld", (long long)min,
                 (long long)max);
        return refuse(failure, FAULT_INVALID_VALUE, name, expected);
    }
    return FAULT_NONE;
}

/* NOLINTNEXTLINE(readability-function-size): as fields_number. */
enum fault fields_digits(const struct fields *fields, enum field_name name, int64_t min,
                         int64_t max, int64_t *value, struct failure *failure)
{
    const struct field *field = &fields->field[name];
    char expected[64];
    if (!fields_has(fields, name) || field->type != JSPAN_STRING)
        return fields_number(fields, name, min, max, value, failure);
    if (!field->text_cut && field->count == strlen(field->text) &&
        str_i64(str_of(field->text), min, max, value))
        return FAULT_NONE;
    snprintf(expected, sizeof expected, "an integer in %lld..%lld", (long long)min, (long long)max);
    return refuse(failure, FAULT_INVALID_VALUE, name, expected);
}

void fields_text(const struct fields *fields, enum field_name name, char *into, size_t size)
{
    const struct field *field = &fields->field[name];
    if (field->seen > 0 && field->type == JSPAN_STRING)
        snprintf(into, size, "%s", field->text);
}
