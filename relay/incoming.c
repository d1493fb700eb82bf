#include "relay/incoming.h"

enum { CODING_NONE, CODING_KNOWN, CODING_UNKNOWN };

#define KEPT_MAX ((size_t)1 << 20)
/* A few encoded bytes may be a thousand times as many: one peer does not keep the loop. */
#define DECODED_TURN_BYTES ((size_t)256 << 10)

void incoming_init(struct incoming *incoming, const struct incoming_user *user)
{
    *incoming = (struct incoming){.user = *user, .decoded = STR_EMPTY};
    http_answer_init(&incoming->answer);
    buf_init(&incoming->kept, KEPT_MAX);
}

void incoming_release(struct incoming *incoming)
{
    http_answer_release(&incoming->answer);
    decoder_free(&incoming->decoder);
    buf_release(&incoming->kept);
}

int64_t incoming_length(const struct incoming *incoming)
{
    bool told = incoming->coding == CODING_NONE && http_answer_tells_length(&incoming->answer);
    return told ? (int64_t)incoming->answer.length : -1;
}

static bool take_field(struct incoming *incoming)
{
    struct str name = incoming->answer.name, value = incoming->answer.value;
    if (str_eq_nocase(name, STR("content-encoding")) && value.n > 0 &&
        !str_eq_nocase(value, STR("identity"))) {
        bool known = incoming->coding == CODING_NONE && decoder_knows(value);
        incoming->coding = known ? CODING_KNOWN : CODING_UNKNOWN;
    }
    return incoming->user.field(incoming->user.context, name, value);
}

static bool offer(struct incoming *incoming, struct str piece)
{
    return incoming->user.body(incoming->user.context, piece);
}

/* Takes the beginning of *encoded; FULL keeps the refused piece where the decoder has it. */
static enum incoming_result decode(struct incoming *incoming, struct str *encoded)
{
    while (incoming->decoded_bytes < DECODED_TURN_BYTES) {
        struct str piece;
        switch (decoder_next(incoming->decoder, encoded, &piece)) {
        case DECODER_MORE:
            return INCOMING_MORE;
        case DECODER_BAD:
            return INCOMING_INVALID;
        case DECODER_PIECE:
            incoming->decoded_bytes += piece.n;
            if (offer(incoming, piece))
                break;
            incoming->decoded = piece;
            return INCOMING_FULL;
        }
    }
    return INCOMING_LATER;
}

/* The piece of the body that the answer has just given.  What is not taken of it is put back. */
static enum incoming_result take_body(struct incoming *incoming, struct str *rest)
{
    struct str piece = incoming->answer.piece;
    enum incoming_result result;
    if (incoming->coding == CODING_NONE) {
        result = offer(incoming, piece) ? INCOMING_MORE : INCOMING_FULL;
        piece.n = result == INCOMING_FULL ? piece.n : 0;
    } else if (incoming->coding == CODING_UNKNOWN) {
        return INCOMING_INVALID;
    } else {
        if (incoming->decoder == NULL)
            incoming->decoder = decoder_new();
        if (incoming->decoder == NULL)
            return INCOMING_NO_MEMORY;
        result = decode(incoming, &piece);
    }
    if (result == INCOMING_FULL || result == INCOMING_LATER) {
        http_answer_put_back(&incoming->answer, piece.n);
        *rest = (struct str){rest->p - piece.n, rest->n + piece.n};
    }
    return result;
}

/* Encoded bytes that end too early are no answer. */
static enum incoming_result end(const struct incoming *incoming)
{
    bool whole = incoming->decoder == NULL || decoder_is_whole(incoming->decoder);
    return whole ? INCOMING_END : INCOMING_INVALID;
}

static enum incoming_result go_on(struct incoming *incoming, struct str *rest)
{
    enum incoming_result result = INCOMING_MORE;
    while (result == INCOMING_MORE) {
        switch (http_answer_next(&incoming->answer, rest)) {
        case HTTP_MORE:
            return INCOMING_MORE;
        case HTTP_FIELD:
            if (!take_field(incoming))
                return INCOMING_NO_MEMORY;
            break;
        case HTTP_HEAD:
            incoming->user.head(incoming->user.context, incoming->answer.status);
            break;
        case HTTP_BODY:
            result = take_body(incoming, rest);
            break;
        case HTTP_END:
            if (rest->n > 0)
                incoming->answer.may_go_on = false; /* nobody asked for what is behind it */
            return end(incoming);
        case HTTP_CUT:
        case HTTP_INVALID:
            return INCOMING_INVALID;
        case HTTP_NO_MEMORY:
            return INCOMING_NO_MEMORY;
        }
    }
    return result;
}

static enum incoming_result feed(struct incoming *incoming, struct str bytes)
{
    enum incoming_result result = go_on(incoming, &bytes);
    bool is_left = result == INCOMING_FULL || result == INCOMING_LATER;
    if (is_left && !buf_add_str(&incoming->kept, bytes))
        return INCOMING_NO_MEMORY;
    return result;
}

enum incoming_result incoming_feed(struct incoming *incoming, struct str bytes)
{
    CHECK(incoming->kept.n == 0 && incoming->decoded.n == 0);
    incoming->decoded_bytes = 0;
    return feed(incoming, bytes);
}

enum incoming_result incoming_resume(struct incoming *incoming)
{
    struct str none = STR_EMPTY;
    incoming->decoded_bytes = 0;
    if (incoming->decoded.n > 0 && !offer(incoming, incoming->decoded))
        return INCOMING_FULL;
    incoming->decoded = STR_EMPTY;
    enum incoming_result result =
        incoming->decoder != NULL ? decode(incoming, &none) : INCOMING_MORE;
    if (result != INCOMING_MORE)
        return result;
    struct buf was = incoming->kept;
    buf_init(&incoming->kept, KEPT_MAX);
    result = feed(incoming, buf_str(&was));
    buf_release(&was);
    return result;
}

enum incoming_result incoming_eof(struct incoming *incoming)
{
    enum http_step step = http_answer_eof(&incoming->answer);
    if (step == HTTP_END)
        return end(incoming);
    return step == HTTP_CUT ? INCOMING_CUT : INCOMING_INVALID;
}
