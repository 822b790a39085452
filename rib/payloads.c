#include "rib/payloads.h"

#include <stdlib.h>

#include "lib/mem.h"

enum { NONE = UINT32_MAX };

struct said {
	uint32_t as, next;
	uint32_t max_len : 8;
	uint32_t times : 24;
};

void payloads_init(struct payloads *t)
{
	*t = (struct payloads){};
	prefixes_init(&t->tables[0], IP4);
	prefixes_init(&t->tables[1], IP6);
	pages_init(&t->list, sizeof(struct said));
}

void payloads_free(struct payloads *t)
{
	for (unsigned f = 0; f < 2; f++) {
		prefixes_free(&t->tables[f]);
		free(t->heads[f]);
	}
	pages_free(&t->list);
}

static unsigned table_of(const struct ip_prefix *p)
{
	return p->addr.family == IP6;
}

// Where the list of that prefix begins; new numbers get an empty one.
static uint32_t *head_of(struct payloads *t, unsigned f, uint32_t number)
{
	if (number >= t->rooms[f]) {
		uint32_t room = number + number / 4 + 64;
		t->heads[f] = mem_resize(t->heads[f], room, sizeof(*t->heads[f]));
		for (uint32_t i = t->rooms[f]; i < room; i++)
			t->heads[f][i] = NONE;
		t->rooms[f] = room;
	}
	return &t->heads[f][number];
}

static const struct said *said_at(const struct payloads *t, uint32_t i)
{
	return pages_at(&t->list, i);
}

static uint32_t find(const struct payloads *t, uint32_t head, const struct payload *p)
{
	while (head != NONE &&
		(said_at(t, head)->as != p->as || said_at(t, head)->max_len != p->max_len))
		head = said_at(t, head)->next;
	return head;
}

bool payloads_add(struct payloads *t, const struct payload *p)
{
	unsigned f = table_of(&p->prefix);
	uint32_t *head = head_of(t, f, prefixes_add(&t->tables[f], &p->prefix));
	uint32_t at = find(t, *head, p);

	if (at != NONE) {
		((struct said *)pages_edit(&t->list, at))->times++;
		return false;
	}
	at = pages_take(&t->list);
	*(struct said *)pages_edit(&t->list, at) = (struct said){
		.as = p->as,
		.next = *head,
		.max_len = p->max_len,
		.times = 1,
	};
	*head = at;
	return true;
}

static void unlink_said(struct payloads *t, uint32_t *head, uint32_t which)
{
	uint32_t next = said_at(t, which)->next, at = *head;

	if (at == which) {
		*head = next;
	} else {
		while (said_at(t, at)->next != which)
			at = said_at(t, at)->next;
		((struct said *)pages_edit(&t->list, at))->next = next;
	}
	pages_drop(&t->list, which);
}

bool payloads_remove(struct payloads *t, const struct payload *p)
{
	unsigned f = table_of(&p->prefix);
	uint32_t number = prefixes_find(&t->tables[f], &p->prefix);

	if (number == PREFIXES_NONE)
		return false;
	uint32_t *head = &t->heads[f][number], at = find(t, *head, p);
	if (at == NONE || --((struct said *)pages_edit(&t->list, at))->times > 0)
		return false;
	unlink_said(t, head, at);
	if (*head == NONE)
		prefixes_remove(&t->tables[f], number);
	return true;
}

enum validity payloads_judge(const struct payloads *t, const struct ip_prefix *p, uint32_t origin)
{
	unsigned f = table_of(p);
	uint32_t numbers[PREFIXES_COVERING_MAX];

	if (prefixes_count(&t->tables[f]) == 0)
		return VALIDITY_NOT_FOUND;
	size_t n = prefixes_covering(&t->tables[f], p, numbers);
	for (size_t i = 0; i < n && origin != 0; i++)
		for (uint32_t at = t->heads[f][numbers[i]]; at != NONE; at = said_at(t, at)->next)
			if (said_at(t, at)->as == origin && p->len <= said_at(t, at)->max_len)
				return VALIDITY_VALID;
	return n > 0 ? VALIDITY_INVALID : VALIDITY_NOT_FOUND;
}

size_t payloads_bytes(const struct payloads *t)
{
	size_t n = pages_bytes(&t->list);

	for (unsigned f = 0; f < 2; f++)
		n += prefixes_keys_bytes(&t->tables[f]) + prefixes_nodes_bytes(&t->tables[f]) +
		     t->rooms[f] * sizeof(*t->heads[f]);
	return n;
}
