/* Videos of the sandbox: a task that is done by the clock, and a small film of coloured bars. */
#ifndef SERVER_SANDBOX_VIDEOS_H
#define SERVER_SANDBOX_VIDEOS_H

struct sandbox_call;

void sandbox_videos_create(struct sandbox_call *call);
void sandbox_videos_get(struct sandbox_call *call);
/* The film; of ?variant=thumbnail and spritesheet a picture. */
void sandbox_videos_content(struct sandbox_call *call);
/* A new one of the same length and size. */
void sandbox_videos_remix(struct sandbox_call *call);

#endif
