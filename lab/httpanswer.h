// HTTP/1.1 answers, strictly (RFC 9112): what a session's server may say, and no more.
//
//	HTTP/1.1 SP 3DIGIT SP [reason] CRLF        section 4
//	*( name ":" OWS value OWS CRLF )           section 5; no folding, no bare CR or LF
//	CRLF
//	body of exactly Content-Length octets      section 6.2; needed, except with 204 (RFC 9110, 8.6)
//
// Refused: other versions, interim answers (1xx), transfer codings, two lengths, heads over 8 KiB.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/strbuf.h"

enum { HTTP_HEAD_MAX = 8192 };

// Zero: at the beginning of an answer.
struct http_answer {
	struct strbuf head; // as far as it came
	bool in_body;
	int status;
	bool closes;     // "Connection: close"
	uint64_t length; // of the body
	uint64_t got;    // of that
};

enum http_progress { HTTP_MORE, HTTP_WHOLE, HTTP_WRONG };

struct http_piece {
	const uint8_t *bytes;
	size_t len;
};

// Takes from the front of *in, up to the end of the answer at most. *body is what of it belongs to the
// body. After HTTP_WHOLE, http_answer_next(); HTTP_WRONG is the last thing that is said of a connection.
enum http_progress http_answer_take(
	struct http_answer *a, struct http_piece *in, struct http_piece *body);

void http_answer_next(struct http_answer *a);
void http_answer_free(struct http_answer *a);
