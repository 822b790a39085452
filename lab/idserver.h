// "Which server answers here?": the DNS question id.server CH TXT (RFC 4892).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IDSERVER_QUERY_BYTES = 27, IDSERVER_TEXT = 256 };

// Writes the query; returns its length.
size_t idserver_query(uint16_t id, uint8_t buf[IDSERVER_QUERY_BYTES]);

// Reads an answer of n bytes. True when it is a good one: a response without
// error whose first answer is the server's name. *id is set whenever there was a header.
bool idserver_answer(const uint8_t *msg, size_t n, uint16_t *id, char text[IDSERVER_TEXT]);
