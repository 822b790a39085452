// The two Unix sockets: `control` (0660) and `readonly` (0666). A request is one JSON
// object on a line, the reply another:
//
//	{"cmd":"status"}                 {"ok":true,"result":{...}}
//	{"cmd":"why","prefix":"..."}     {"ok":false,"error":{"code":"not-found","message":"..."}}
//	{"cmd":"subscribe","after":SEQ}  {"ok":true,"result":{}} and then one event a line
//
// An answer is written in pieces, as fast as its reader takes them, and no more than one waits in
// memory; the next request of the connection is read after it. So nobody who asks delays the
// daemon, and who takes nothing of an answer for half a minute is dropped. A reload while it is
// being written closes the connection before its end: ask again.
#pragma once

#include "lib/strbuf.h"

struct control;
struct daemon;

// Opens both sockets of d->conf and listens to d->events. Refuses when a living process
// answers there already, or something is there that is no socket. Each socket has room for
// 64 clients; more are told so. 0; negative errno with *error set.
[[nodiscard]] int control_new(struct control **ret, struct daemon *d, struct strbuf *error);

// Closes clients and sockets and removes their files. NULL inside is fine.
void control_free(struct control **c);
