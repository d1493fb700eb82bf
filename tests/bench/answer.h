/* What the bench's upstream answers and its load expects, byte for byte. */
#ifndef TESTS_BENCH_ANSWER_H
#define TESTS_BENCH_ANSWER_H

/* 250 + 200 tokens: stand.mjs knows what they cost. */
#define ANSWER_USAGE                                                                               \
    "\"usage\":{\"prompt_tokens\":250,\"completion_tokens\":200,\"total_tokens\":450,"             \
    "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"                          \
    "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0}}"

#define ANSWER_WORDS                                                                               \
    "The quick brown fox jumps over the lazy dog, and the dog, who is \\\"lazy\\\" by name only, " \
    "looks up.\\n"

#define ANSWER_JSON                                                                                \
    "{\"id\":\"chatcmpl-bench0000000000000000000\",\"object\":\"chat.completion\","                \
    "\"created\":1760000000,\"model\":\"bench-up\",\"choices\":[{\"index\":0,\"message\":"         \
    "{\"role\":\"assistant\",\"content\":\"" ANSWER_WORDS ANSWER_WORDS ANSWER_WORDS ANSWER_WORDS   \
        ANSWER_WORDS "\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"                  \
    "\"finish_reason\":\"stop\"}]," ANSWER_USAGE                                                   \
    ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench00000\"}"

/* A streamed event: its number in the stream, and when it was sent (microseconds), each in a fixed
 * count of digits, so that all events are of one length. */
#define EVENT_HEAD                                                                                 \
    "data: {\"id\":\"chatcmpl-bench0000000000000000000\",\"object\":\"chat.completion.chunk\","    \
    "\"created\":1760000000,\"model\":\"bench-up\",\"choices\":[{\"index\":0,\"delta\":"           \
    "{\"content\":\""
#define EVENT_TAIL "\"},\"finish_reason\":null}]}\n\n"
#define EVENT_DIGITS 16
#define EVENT_HEAD_N (sizeof EVENT_HEAD - 1)
#define EVENT_TAIL_N (sizeof EVENT_TAIL - 1)
#define EVENT_N (EVENT_HEAD_N + 2 * EVENT_DIGITS + EVENT_TAIL_N)

/* How every stream ends. */
#define EVENTS_LAST                                                                                \
    "data: {\"id\":\"chatcmpl-bench0000000000000000000\",\"object\":\"chat.completion.chunk\","    \
    "\"created\":1760000000,\"model\":\"bench-up\",\"choices\":[{\"index\":0,\"delta\":{},"        \
    "\"finish_reason\":\"stop\"}]}\n\n"                                                            \
    "data: {\"id\":\"chatcmpl-bench0000000000000000000\",\"object\":\"chat.completion.chunk\","    \
    "\"created\":1760000000,\"model\":\"bench-up\",\"choices\":[]," ANSWER_USAGE "}\n\n"           \
    "data: [DONE]\n\n"

#endif
