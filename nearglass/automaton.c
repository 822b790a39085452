#include "nearglass/automaton.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/mem.h"
#include "lib/own.h"

enum {
	WORDS = 8,
	POSITIONS = WORDS * 64,
	REPEATS_MAX = 255,
	STEPS_MAX = 20000, // of the parser
	DEPTH_MAX = 50,
	STATES = 8192, // when there are as many, all are forgotten
	SLOTS = STATES * 2,
	UNKNOWN = UINT16_MAX,
};

// ---- Signs ----
//
// What a path's text is made of, and two signs each before and behind it: '^' takes either of those
// before, '$' either of those behind, and '_' the inner ones. So "^1", "_1" and "^_1" begin alike.
//
//	outer, inner, 6 5 0 0 1 ' ' 3 3 5 6, inner, outer

enum { BEGIN = 18, BEGIN_INNER, END_INNER, END, SIGNS };

static const char signs[] = "0123456789 ,{}()[]";
_Static_assert(sizeof(signs) - 1 == BEGIN, "a number for each sign");

enum {
	DIGITS = (1 << 10) - 1,
	ANY = (1 << BEGIN) - 1,
	SEPARATORS = (ANY & ~DIGITS) | 1 << BEGIN_INNER | 1 << END_INNER,
	AT_BEGIN = 1 << BEGIN | 1 << BEGIN_INNER,
	AT_END = 1 << END | 1 << END_INNER,
};

static uint32_t set_of_char(int c)
{
	const char *at = c ? strchr(signs, c) : NULL;

	return at ? 1u << (at - signs) : 0; // what no path has is never met
}

static uint32_t set_of_range(int from, int to)
{
	uint32_t set = 0;

	for (int c = from; c <= to; c++)
		set |= set_of_char(c);
	return set;
}

// ---- Sets of positions ----

struct bits {
	uint64_t w[WORDS];
};

static void join(struct bits *a, const struct bits *b)
{
	for (int i = 0; i < WORDS; i++)
		a->w[i] |= b->w[i];
}

static bool meets(const struct bits *a, const struct bits *b)
{
	uint64_t both = 0;

	for (int i = 0; i < WORDS; i++)
		both |= a->w[i] & b->w[i];
	return both != 0;
}

static void add_bit(struct bits *b, unsigned i)
{
	b->w[i / 64] |= UINT64_C(1) << i % 64;
}

// The positions of a set, one after the other; POSITIONS: no more.
static unsigned next_bit(const struct bits *b, unsigned from)
{
	for (unsigned i = from; i < POSITIONS; i = (i / 64 + 1) * 64) {
		uint64_t left = b->w[i / 64] >> i % 64;
		if (left)
			return i + (unsigned)__builtin_ctzll(left);
	}
	return POSITIONS;
}

// ---- The automaton ----

struct state {
	struct bits set;
	uint16_t next[SIGNS];
	bool matched;
};

struct automaton {
	unsigned count; // positions
	unsigned words; // of a set that they take
	struct bits follow[POSITIONS];
	struct bits takes[SIGNS]; // the positions that take the sign
	struct bits first, last;
	bool empty;    // matches nothing at all, which is everywhere
	bool anchored; // can begin nowhere but at the beginning
	uint8_t sign_of[256];

	struct state *states;
	unsigned state_count, state_room;
	uint16_t slots[SLOTS]; // by hash
};

// ---- Reading an expression ----

struct part {
	struct bits first, last;
	bool empty; // may take nothing
};

struct parser {
	struct automaton *a;
	const char *begin, *at;
	unsigned steps, depth;
	struct strbuf *error;
	bool failed;
};

static void fail(struct parser *p, const char *why)
{
	if (!p->failed)
		sb_printf(p->error, "the pattern cannot be read: %s at offset %zu", why,
			(size_t)(p->at - p->begin));
	p->failed = true;
}

// Groups of nothing take no position, but repeated ones take time.
static bool take_step(struct parser *p)
{
	if (++p->steps > STEPS_MAX)
		fail(p, "it is too large");
	return !p->failed;
}

static void read_alternatives(struct parser *p, struct part *ret);

static void take_set(struct parser *p, uint32_t set, struct part *ret)
{
	struct automaton *a = p->a;

	if (a->count == POSITIONS) {
		fail(p, "it is too large");
		return;
	}
	for (unsigned s = 0; s < SIGNS; s++)
		if (set >> s & 1)
			add_bit(&a->takes[s], a->count);
	add_bit(&ret->first, a->count);
	add_bit(&ret->last, a->count++);
}

static void let_follow(struct automaton *a, const struct bits *these, const struct bits *those)
{
	for (unsigned i = 0; (i = next_bit(these, i)) < POSITIONS; i++)
		join(&a->follow[i], those);
}

// Behind what there is.
static void append(struct parser *p, struct part *to, const struct part *more)
{
	let_follow(p->a, &to->last, &more->first);
	if (to->empty)
		join(&to->first, &more->first);
	if (!more->empty)
		to->last = (struct bits){};
	join(&to->last, &more->last);
	to->empty &= more->empty;
}

// One sign of a class; -1: it has ended, or the expression has.
static int class_char(struct parser *p)
{
	if (*p->at == '\\' && p->at[1])
		p->at++;
	return *p->at ? (unsigned char)*p->at++ : -1;
}

static uint32_t read_class(struct parser *p)
{
	bool others = *p->at == '^';
	uint32_t set = 0;

	p->at += others;
	for (bool first = true; *p->at != ']' || first; first = false) {
		if (p->at[0] == '\\' && p->at[1] == 'd') {
			p->at += 2;
			set |= DIGITS;
			continue;
		}
		int from = class_char(p), to = from;
		if (from < 0) {
			fail(p, "a class has no end");
			return 0;
		}
		if (p->at[0] == '-' && p->at[1] && p->at[1] != ']') {
			p->at++;
			to = class_char(p);
		}
		if (to < from)
			fail(p, "a range is out of order");
		set |= set_of_range(from, to);
	}
	p->at++;
	return others ? ANY & ~set : set;
}

static void read_group(struct parser *p, struct part *ret)
{
	p->at++;
	if (++p->depth > DEPTH_MAX) {
		fail(p, "groups are too deep");
		return;
	}
	read_alternatives(p, ret);
	p->depth--;
	if (*p->at != ')')
		fail(p, "a group has no end");
	else
		p->at++;
}

// *can_repeat: false for an anchor.
static void read_atom(struct parser *p, struct part *ret, bool *can_repeat)
{
	char c = *p->at;

	*can_repeat = c != '^' && c != '$';
	if (c == '(') {
		read_group(p, ret);
		return;
	}
	p->at++;
	if (c == '^') {
		take_set(p, AT_BEGIN, ret);
	} else if (c == '$') {
		take_set(p, AT_END, ret);
	} else if (c == '_') {
		take_set(p, SEPARATORS, ret);
	} else if (c == '.') {
		take_set(p, ANY, ret);
	} else if (c == '[') {
		take_set(p, read_class(p), ret);
	} else if (c == '\\' && *p->at == 'd') {
		p->at++;
		take_set(p, DIGITS, ret);
	} else if (c == '\\' && *p->at) {
		take_set(p, set_of_char((unsigned char)*p->at++), ret);
	} else if (strchr("*+?\\", c)) {
		fail(p, "there is nothing before a repetition");
	} else {
		take_set(p, set_of_char((unsigned char)c), ret);
	}
}

struct repeat {
	unsigned least, most; // most: UINT_MAX for any number
};

static const char *read_count(const char *at, unsigned *ret)
{
	size_t n = strspn(at, "0123456789");

	if (n == 0 || n > 4)
		return NULL;
	*ret = (unsigned)strtoul(at, NULL, 10);
	return at + n;
}

// "{2}", "{2,}", "{2,4}"; anything else in braces is a set of a path.
static bool read_braces(struct parser *p, struct repeat *ret)
{
	struct repeat r = {};
	const char *at = *p->at == '{' ? read_count(p->at + 1, &r.least) : NULL;

	if (!at)
		return false;
	r.most = r.least;
	if (*at == ',' && at[1] == '}') {
		r.most = UINT32_MAX;
		at++;
	} else if (*at == ',') {
		at = read_count(at + 1, &r.most);
	}
	if (!at || *at != '}')
		return false;
	p->at = at + 1;
	*ret = r;
	if (r.least > REPEATS_MAX || (r.most > REPEATS_MAX && r.most != UINT32_MAX) ||
		r.most < r.least)
		fail(p, "a repetition is out of range");
	return true;
}

static bool read_repeat(struct parser *p, struct repeat *ret)
{
	char c = *p->at;

	if (c != '*' && c != '+' && c != '?')
		return read_braces(p, ret);
	p->at++;
	*ret = (struct repeat){ c == '+', c == '?' ? 1 : UINT32_MAX };
	return true;
}

// The atom at that place again: with positions of its own.
static void read_again(struct parser *p, const char *place, struct part *ret)
{
	bool can_repeat;

	*ret = (struct part){};
	p->at = place;
	if (take_step(p))
		read_atom(p, ret, &can_repeat);
}

static void loop(struct parser *p, struct part *one)
{
	let_follow(p->a, &one->last, &one->first);
}

// As many as must be, then as many as may be. The first was read already.
static void repeat(struct parser *p, const char *place, const struct repeat *r, struct part *one)
{
	struct part all = { .empty = true };
	unsigned copies = r->most == UINT32_MAX ? (r->least ? r->least : 1) : r->most;
	const char *end = p->at;

	for (unsigned i = 0; i < copies && !p->failed; i++) {
		struct part again = *one;
		if (i > 0)
			read_again(p, place, &again);
		if (i + 1 == copies && r->most == UINT32_MAX)
			loop(p, &again);
		again.empty |= i >= r->least;
		append(p, &all, &again);
	}
	*one = all;
	p->at = end;
}

static void read_item(struct parser *p, struct part *ret)
{
	const char *place = p->at;
	struct repeat r;
	bool can_repeat;

	if (!take_step(p))
		return;
	read_atom(p, ret, &can_repeat);
	if (p->failed || !read_repeat(p, &r))
		return;
	p->at += *p->at == '?'; // "as few as possible" makes no difference here
	if (!can_repeat || strchr("*+?", *p->at ? *p->at : ' '))
		fail(p, "there is nothing before a repetition");
	else
		repeat(p, place, &r, ret);
}

static void read_sequence(struct parser *p, struct part *ret)
{
	*ret = (struct part){ .empty = true };
	while (*p->at && *p->at != '|' && *p->at != ')' && !p->failed) {
		struct part item = {};
		read_item(p, &item);
		append(p, ret, &item);
	}
}

static void read_alternatives(struct parser *p, struct part *ret)
{
	read_sequence(p, ret);
	while (*p->at == '|' && !p->failed) {
		struct part other;
		p->at++;
		read_sequence(p, &other);
		join(&ret->first, &other.first);
		join(&ret->last, &other.last);
		ret->empty |= other.empty;
	}
}

// ---- States ----

static uint16_t state_of(struct automaton *a, const struct bits *set)
{
	size_t n = a->words * sizeof(set->w[0]);
	unsigned slot = (unsigned)(hash_bytes(set, n) % SLOTS);

	for (; a->slots[slot] != UNKNOWN; slot = (slot + 1) % SLOTS)
		if (memcmp(&a->states[a->slots[slot]].set, set, n) == 0)
			return a->slots[slot];
	if (a->state_count == a->state_room) {
		a->state_room = a->state_room * 2 + 64;
		a->states = mem_resize(a->states, a->state_room, sizeof(*a->states));
	}
	struct state *s = &a->states[a->state_count];
	s->set = *set;
	s->matched = a->empty || meets(set, &a->last);
	memset(s->next, 0xff, sizeof(s->next));
	a->slots[slot] = (uint16_t)a->state_count;
	return (uint16_t)a->state_count++;
}

static void forget(struct automaton *a)
{
	const struct bits none = {};

	memset(a->slots, 0xff, sizeof(a->slots));
	a->state_count = 0;
	(void)state_of(a, &none); // 0: nothing has begun
}

static uint16_t step(struct automaton *a, uint16_t from, unsigned sign)
{
	struct bits set = a->first; // it may begin anywhere

	for (unsigned w = 0; w < a->words; w++)
		for (uint64_t left = a->states[from].set.w[w]; left; left &= left - 1) {
			const struct bits *f = &a->follow[w * 64 + (unsigned)__builtin_ctzll(left)];
			for (unsigned k = 0; k < a->words; k++)
				set.w[k] |= f->w[k];
		}
	for (unsigned w = 0; w < a->words; w++)
		set.w[w] &= a->takes[sign].w[w];
	bool full = a->state_count == STATES;
	if (full)
		forget(a);
	uint16_t to = state_of(a, &set);
	if (!full)
		a->states[from].next[sign] = to;
	return to;
}

// True: the answer is known.
static inline bool go(struct automaton *a, uint16_t *at, unsigned sign)
{
	uint16_t next = a->states[*at].next[sign];

	*at = next != UNKNOWN ? next : step(a, *at, sign);
	return a->states[*at].matched || (*at == 0 && a->anchored);
}

bool automaton_matches(struct automaton *a, const char *path, size_t n)
{
	uint16_t at = 0;
	bool known = go(a, &at, BEGIN) || go(a, &at, BEGIN_INNER);

	for (size_t i = 0; i < n && !known; i++)
		known = go(a, &at, a->sign_of[(unsigned char)path[i]]);
	if (!known)
		known = go(a, &at, END_INNER) || go(a, &at, END);
	return known && a->states[at].matched;
}

// ---- Life ----

int automaton_new(struct automaton **ret, const char *text, struct strbuf *error)
{
	own(automaton_free) struct automaton *a = mem_zalloc(sizeof(*a));
	struct parser p = { .a = a, .begin = text, .at = text, .error = error };
	struct part all;

	read_alternatives(&p, &all);
	if (!p.failed && *p.at)
		fail(&p, "a group ends that has not begun");
	if (p.failed)
		return -EINVAL;
	a->words = a->count / 64 + 1;
	a->words = a->words < WORDS ? a->words : WORDS;
	a->first = all.first;
	a->last = all.last;
	a->empty = all.empty;
	a->anchored = true;
	for (unsigned s = 0; s < SIGNS; s++)
		if (!(AT_BEGIN >> s & 1) && meets(&a->first, &a->takes[s]))
			a->anchored = false;
	for (unsigned i = 0; i < BEGIN; i++)
		a->sign_of[(unsigned char)signs[i]] = (uint8_t)i;
	forget(a);
	*ret = take(a);
	return 0;
}

void automaton_free(struct automaton **which)
{
	struct automaton *a = take(*which);

	if (!a)
		return;
	free(a->states);
	free(a);
}
