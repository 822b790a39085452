/*
 * The guard of one fleet (fleet/guard.c, fleet/member.c) as a model for spin: SITES sites of one
 * node each, of which MIN have to announce, ranked by how they stand and then by number.
 *
 * What a site says waits for each of the others, and each reads it when it likes; a later word takes
 * the place of one that was not read. Time is one rule: guard-wait is twice as long as the fleet's
 * news travel. So a site takes the second step of a withdrawal only after all have read that it is
 * not able, and after all have read what anybody had said by then. Services fail, softly or hard, and recover, in any order, FAULTS times.
 *
 *	leave    a site that goes on soft evidence leaves MIN others that announce, unless a
 *	         dead one went and not everybody has read it
 *	settled  when nothing is under way: as many announce as min(MIN, able and soft ones), all
 *	         able ones among them, and no dead one beside an able one
 *
 *	spin -a guard.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan
 *
 * NO_WAIT, COUNTS_SOFT and HARD_HELD break the rule, and spin shows how that ends; so does
 * SHORT_WAIT, a guard-wait as long as news travel once.
 */
#ifndef SITES
#define SITES 3
#endif
#ifndef MIN
#define MIN 2
#endif
#ifndef FAULTS
#define FAULTS 4
#endif

#define ABLE 0
#define SOFT 1
#define HARD 2

#define TOLD_NOBODY 0
#define TOLD_ALL 1
#define TOLD_LONG_AGO 2

#if SITES == 4
#define ANY(f) (f(0) || f(1) || f(2) || f(3))
#define SUM(f) (f(0) + f(1) + f(2) + f(3))
#else
#define ANY(f) (f(0) || f(1) || f(2))
#define SUM(f) (f(0) + f(1) + f(2))
#endif

typedef row {
	byte standing[SITES];
	bool announces[SITES];
	bool waits[SITES]; /* a word of that site was not read yet */
	byte must[SITES]   /* and has to be, before the second step of these: a bit a site */
}

byte standing[SITES];
bool announces[SITES];
byte told[SITES]; /* TOLD_NOBODY ... TOLD_LONG_AGO: the second step may be taken */
row view[SITES];
byte faults = FAULTS;
bool excuse; /* a dead one went, and not everybody has read it */

/* ---- What a site sees: the rule of fleet/guard.h ---- */

#ifdef COUNTS_SOFT
#define SEES_ABLE(o) (o != me && view[me].standing[o] != HARD && view[me].announces[o])
#else
#define SEES_ABLE(o) (o != me && view[me].standing[o] == ABLE && view[me].announces[o])
#endif
#define IS_BEFORE(o) (o != me && view[me].standing[o] != ABLE && \
	(view[me].standing[o] < standing[me] || (view[me].standing[o] == standing[me] && o < me)))
#define HOLDS_BEFORE(o) (IS_BEFORE(o) && view[me].announces[o])

#define able SUM(SEES_ABLE)
#define before SUM(IS_BEFORE)
#define holding SUM(HOLDS_BEFORE)

#ifdef HARD_HELD
#define dead_beside_able false
#else
#define dead_beside_able (standing[me] == HARD && able > 0)
#endif
#define held (able < MIN && before + able < MIN && !dead_beside_able)

#define replaced (able + holding >= MIN)
#define may_go (able >= MIN || dead_beside_able || (!held && replaced))

/* ---- What is so ---- */

#define WAITS_FOR_ME(r) (r != me && view[r].waits[me])
#define WAITS_0(r) view[r].waits[0]
#define WAITS_1(r) view[r].waits[1]
#define WAITS_2(r) view[r].waits[2]
#if SITES == 4
#define WAITS_3(r) view[r].waits[3]
#define under_way (ANY(WAITS_0) || ANY(WAITS_1) || ANY(WAITS_2) || ANY(WAITS_3))
#else
#define under_way (ANY(WAITS_0) || ANY(WAITS_1) || ANY(WAITS_2))
#endif
#define IS_ANNOUNCING(o) announces[o]
#define IS_ABLE(o) (standing[o] == ABLE)
#define COULD(o) (standing[o] != HARD)
#define IS_LOST(o) (standing[o] == ABLE && !announces[o])
#define IS_DEAD_HELD(o) (standing[o] == HARD && announces[o])

#ifdef NO_WAIT
#define all_have_heard true
#else
#define all_have_heard (!ANY(WAITS_FOR_ME))
#endif

#ifdef SHORT_WAIT
#define MUST_READ(r) false
#elif SITES == 4
#define MUST_READ(r) \
	((view[r].must[0] | view[r].must[1] | view[r].must[2] | view[r].must[3]) & (1 << me))
#else
#define MUST_READ(r) ((view[r].must[0] | view[r].must[1] | view[r].must[2]) & (1 << me))
#endif
#define REMEMBER(r, o) \
	view[r].must[o] = (view[r].must[o] & ~(1 << me)) | (view[r].waits[o] << me)
#if SITES == 4
#define REMEMBER_OF(r) REMEMBER(r, 0); REMEMBER(r, 1); REMEMBER(r, 2); REMEMBER(r, 3)
#define remember REMEMBER_OF(0); REMEMBER_OF(1); REMEMBER_OF(2); REMEMBER_OF(3)
#else
#define REMEMBER_OF(r) REMEMBER(r, 0); REMEMBER(r, 1); REMEMBER(r, 2)
#define remember REMEMBER_OF(0); REMEMBER_OF(1); REMEMBER_OF(2)
#endif

#define TELL(r) if :: r != me -> view[r].waits[me] = true :: else fi
#if SITES == 4
#define say TELL(0); TELL(1); TELL(2); TELL(3)
#else
#define say TELL(0); TELL(1); TELL(2)
#endif

/* A site that is held comes back at once. */
#define come_back \
	if \
	:: standing[me] != ABLE && !announces[me] && held -> announces[me] = true; say \
	:: else \
	fi

#define READ(o) \
	:: atomic { o != me && view[me].waits[o] -> \
		view[me].waits[o] = false; view[me].must[o] = 0; \
		view[me].standing[o] = standing[o]; \
		view[me].announces[o] = announces[o]; \
		come_back }

proctype Site(byte me) {
end:	do
	/* Services fail and recover. */
	:: atomic { faults > 0 && standing[me] != SOFT ->
		faults--;
		if
		:: standing[me] == ABLE -> told[me] = TOLD_NOBODY
		:: else
		fi;
		standing[me] = SOFT; say; come_back }
	:: atomic { faults > 0 && standing[me] != HARD ->
		faults--;
		if
		:: standing[me] == ABLE -> told[me] = TOLD_NOBODY
		:: else
		fi;
		standing[me] = HARD; say; come_back }
	:: atomic { faults > 0 && standing[me] != ABLE ->
		faults--; standing[me] = ABLE; announces[me] = true; say }

	/* guard-wait passes. */
	:: atomic { standing[me] != ABLE && told[me] == TOLD_NOBODY && all_have_heard ->
		told[me] = TOLD_ALL; remember }
	:: atomic { standing[me] != ABLE && told[me] == TOLD_ALL && !ANY(MUST_READ) ->
		told[me] = TOLD_LONG_AGO }

	/* Goes. */
	:: atomic { standing[me] == SOFT && announces[me] && told[me] == TOLD_LONG_AGO && may_go ->
		announces[me] = false;
		assert(excuse || SUM(IS_ANNOUNCING) >= MIN);
		say }
	:: atomic { standing[me] == HARD && announces[me] && may_go ->
		announces[me] = false; excuse = true; say }

	READ(0)
	READ(1)
	READ(2)
#if SITES == 4
	READ(3)
#endif
	od
}

init {
	byte s, o;

	atomic {
		for (s : 0 .. SITES - 1) {
			announces[s] = true;
			for (o : 0 .. SITES - 1) { view[s].announces[o] = true }
		}
		for (s : 0 .. SITES - 1) { run Site(s) }
		s = 0; o = 0
	}
end:	do
	:: atomic { excuse && !under_way -> excuse = false }
	:: atomic { faults > 0 -> faults = 0 }
	:: atomic { timeout ->
		assert(!under_way);
		assert(SUM(IS_ANNOUNCING) >= MIN || SUM(IS_ANNOUNCING) >= SUM(COULD));
		assert(SUM(COULD) == 0 || SUM(IS_ANNOUNCING) > 0);
		assert(SUM(IS_ANNOUNCING) > 0);
		assert(!ANY(IS_LOST));
		assert(!(ANY(IS_ABLE) && ANY(IS_DEAD_HELD)));
		break }
	od
}
