// Intrusive doubly linked list. A list head and a node are the same struct; an
// empty list points at itself.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/own.h"

struct list {
	struct list *next;
	struct list *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

// Insert node before the position at: list_push_back(&head, n) appends.
static inline void list_push_back(struct list *at, struct list *node)
{
	node->prev = at->prev;
	node->next = at;
	at->prev->next = node;
	at->prev = node;
}

static inline void list_push_front(struct list *head, struct list *node)
{
	list_push_back(head->next, node);
}

// Unlink and leave the node empty, so that a second removal is harmless.
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define list_entry(node, type, member) container_of(node, type, member)

#define list_first(head, type, member) \
	(list_empty(head) ? NULL : list_entry((head)->next, type, member))

// The body may remove the current entry. The head is in no entry: no pointer is made to one there.
#define list_for_each(var, head, member)                                                         \
	for (struct list *at_##var = (head)->next, *next_##var = at_##var->next;                 \
		at_##var != (head) && (var = list_entry(at_##var, __typeof__(*var), member), 1); \
		at_##var = next_##var, next_##var = at_##var->next)
