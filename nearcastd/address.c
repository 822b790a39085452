#include "nearcastd/address.h"

#include <errno.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "lib/list.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/link.h"
#include "nearcastd/netlink.h"

// IFA_PROTO of what is ours; Linux itself uses 1 to 3.
enum { MARK = 0xac };

enum { READS_MAX = 10 }; // of a dump that others disturb

// An address that is owned.
struct held {
	struct list node;
	struct ip_addr addr;
	char *link;
	bool wanted; // by the configuration being applied
};

struct addresses {
	struct list held;
	size_t added;
};

struct addresses *addresses_new(void)
{
	struct addresses *a = mem_zalloc(sizeof(*a));

	list_init(&a->held);
	return a;
}

static void drop(struct held **h)
{
	list_remove(&(*h)->node);
	free((*h)->link);
	free_ptr(h);
}

void addresses_free(struct addresses **a)
{
	struct held *h;

	if (!*a)
		return;
	list_for_each(h, &(*a)->held, node) drop(&h);
	free_ptr(a);
}

static struct held *find(struct addresses *a, const struct ip_addr *addr, const char *link)
{
	struct held *h;

	list_for_each(h, &a->held,
		node) if (ip_equal(&h->addr, addr) && strcmp(h->link, link) == 0) return h;
	return NULL;
}

static struct held *hold(struct addresses *a, const struct ip_addr *addr, const char *link)
{
	struct held *h = find(a, addr, link);

	if (h)
		return h;
	h = mem_zalloc(sizeof(*h));
	h->addr = *addr;
	h->link = mem_strdup(link);
	list_push_back(&a->held, &h->node);
	return h;
}

// What the kernel has, of one address on one link.
struct entry {
	struct ip_addr addr;
	uint8_t prefix_len;
	uint8_t scope;
	uint8_t mark;
	uint32_t flags;
};

static int read_attribute(const struct nlattr *a, void *ctx)
{
	struct entry *e = ctx;
	uint8_t af = e->addr.family == IP4 ? AF_INET : AF_INET6;

	switch (mnl_attr_get_type(a)) {
	case IFA_ADDRESS: // of IPv6
	case IFA_LOCAL:   // of IPv4; comes later
		e->addr = netlink_get_addr(af, a);
		break;
	case IFA_FLAGS:
		e->flags = mnl_attr_get_u32(a);
		break;
	case IFA_PROTO:
		e->mark = mnl_attr_get_u8(a);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

// Reads one message of a dump; false when it is about another link.
static bool read_entry(const struct nlmsghdr *m, int link, struct entry *ret)
{
	const struct ifaddrmsg *body = mnl_nlmsg_get_payload(m);
	struct entry e = {};

	if (m->nlmsg_type != RTM_NEWADDR || body->ifa_index != (unsigned)link)
		return false;
	if (body->ifa_family != AF_INET && body->ifa_family != AF_INET6)
		return false;
	e.addr.family = body->ifa_family == AF_INET ? IP4 : IP6;
	e.prefix_len = body->ifa_prefixlen;
	e.scope = body->ifa_scope;
	e.flags = body->ifa_flags;
	(void)mnl_attr_parse(m, sizeof(*body), read_attribute, &e);
	*ret = e;
	return e.addr.family != IP_NONE;
}

// All addresses of one link.
struct entries {
	int link;
	struct entry *list;
	size_t count;
};

static void free_entries(struct entries *all)
{
	free(all->list);
	*all = (struct entries){};
}

static int on_entry(const struct nlmsghdr *m, void *ctx)
{
	struct entries *all = ctx;
	struct entry e;

	if (!read_entry(m, all->link, &e))
		return MNL_CB_OK;
	all->list = mem_resize(all->list, all->count + 1, sizeof(*all->list));
	all->list[all->count++] = e;
	return MNL_CB_OK;
}

static int read_once(struct netlink *n, struct entries *all)
{
	char buf[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *m = netlink_request(buf, RTM_GETADDR, NLM_F_DUMP);

	mnl_nlmsg_put_extra_header(m, sizeof(struct ifaddrmsg));
	all->count = 0;
	return netlink_talk(n, m, on_entry, all);
}

// The kernel says EINTR of a dump during which anybody changed an address of
// this host (NLM_F_DUMP_INTR), as it may lack some. -EINTR: it still does, for all
// that it was read again. On other failures *all is empty.
static int read_link(struct netlink *n, int link, struct entries *all)
{
	int error = -EINTR;

	free_entries(all);
	all->link = link;
	for (int i = 0; i < READS_MAX && error == -EINTR; i++)
		error = read_once(n, all);
	if (error && error != -EINTR)
		free_entries(all);
	return error;
}

// For whom a list that may lack an address is as good: one that is there is then
// added again, which the kernel takes as a change of it.
static int read_about(struct netlink *n, int link, struct entries *all)
{
	int error = read_link(n, link, all);

	return error == -EINTR ? 0 : error;
}

static struct nlmsghdr *address_request(
	char *buf, uint16_t type, uint16_t flags, int link, const struct ip_addr *addr)
{
	struct nlmsghdr *m = netlink_request(buf, type, flags);
	struct ifaddrmsg *body = mnl_nlmsg_put_extra_header(m, sizeof(*body));

	body->ifa_family = netlink_family(addr);
	body->ifa_prefixlen = (uint8_t)ip_bits(addr->family);
	body->ifa_index = (unsigned)link;
	// The kernel gives IPv6 addresses their scope by themselves.
	body->ifa_scope = addr->family == IP4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	netlink_put_addr(m, IFA_LOCAL, addr);
	netlink_put_addr(m, IFA_ADDRESS, addr);
	return m;
}

static int add_address(struct netlink *n, int link, const struct ip_addr *addr)
{
	char buf[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
	uint16_t flags = NLM_F_CREATE | NLM_F_REPLACE;
	struct nlmsghdr *m = address_request(buf, RTM_NEWADDR, flags, link, addr);
	struct ifa_cacheinfo life = { .ifa_prefered = 0, .ifa_valid = UINT32_MAX };

	mnl_attr_put_u32(m, IFA_FLAGS, IFA_F_NODAD);
	mnl_attr_put(m, IFA_CACHEINFO, sizeof(life), &life);
	mnl_attr_put_u8(m, IFA_PROTO, MARK);
	return netlink_talk(n, m, NULL, NULL);
}

static int delete_address(struct netlink *n, int link, const struct ip_addr *addr)
{
	char buf[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *m = address_request(buf, RTM_DELADDR, 0, link, addr);
	int error = netlink_talk(n, m, NULL, NULL);

	return error == -EADDRNOTAVAIL ? 0 : error; // gone already
}

// One apply or remove: the first error is its result.
struct job {
	struct addresses *all;
	const struct conf *conf;
	struct netlink netlink;
	struct entries now; // of the link that is worked on
	struct strbuf *text;
	bool blind; // what the link has could not be read
	size_t faults;
	int error;
};

static void fault(struct job *j, int error, const char *link, const char *doing, const char *what)
{
	sb_printf(j->text, "%s%s: %s %s: %s", j->faults++ ? "; " : "", link, doing, what,
		error == -EPERM ? "CAP_NET_ADMIN is needed" : strerror(-error));
	if (!j->error)
		j->error = error;
}

static void fault_addr(
	struct job *j, int error, const char *link, const char *doing, const struct ip_addr *addr)
{
	char text[IP_TEXT];

	fault(j, error, link, doing, ip_print(addr, text));
	if (addr->family == IP6 && error == -EACCES)
		sb_str(j->text, " (IPv6 is switched off: sysctl net.ipv6.conf.*.disable_ipv6)");
}

static const struct entry *find_entry(const struct entries *all, const struct ip_addr *addr)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct entry *e = &all->list[i];
		if (ip_equal(&e->addr, addr) && e->prefix_len == ip_bits(addr->family))
			return e;
	}
	return NULL;
}

// Of an address without end the kernel shows no lifetimes for IPv4, so it is the
// flag that says whether it is preferred.
static bool is_as_wanted(const struct entry *e)
{
	bool scope_fits = e->addr.family == IP6 || e->scope == RT_SCOPE_LINK;

	return scope_fits && (e->flags & IFA_F_DEPRECATED) && !(e->flags & IFA_F_TENTATIVE);
}

// An address that somebody else put there stays his, and as it is.
static bool is_owned(struct job *j, const struct entry *e, const char *link)
{
	return e->mark == MARK || strcmp(link, LINK_NAME) == 0 || find(j->all, &e->addr, link);
}

static void want(struct job *j, const struct ip_addr *addr, const char *link)
{
	const struct entry *there = find_entry(&j->now, addr);
	int error;

	if (there && !is_owned(j, there, link))
		return;
	if (!there || !is_as_wanted(there)) {
		// Scope and mark cannot be changed in place.
		if (there && (error = delete_address(&j->netlink, j->now.link, addr)))
			return fault_addr(j, error, link, "remove", addr);
		error = add_address(&j->netlink, j->now.link, addr);
		if (error)
			return fault_addr(j, error, link, "add", addr);
		j->all->added++;
	}
	hold(j->all, addr, link)->wanted = true;
}

static void apply_service(struct job *j, const struct conf_service *s)
{
	int index = 0;

	if (!s->manage_addresses || s->addresses.count == 0)
		return;
	int error = link_ensure(&j->netlink, s->interface, &index);
	if (error)
		return fault(j, error, s->interface, "create", "link");
	// What is done for one service leaves the addresses of others as they were read.
	if (j->now.link != index)
		error = read_about(&j->netlink, index, &j->now);
	j->blind = error != 0;
	if (error)
		return fault(j, error, s->interface, "read", "addresses");
	items_for_each(struct ip_addr, addr, s->addresses) want(j, addr, s->interface);
}

// Marked addresses that an earlier process left on a link are owned too.
static void adopt_leftovers(struct job *j, const char *name)
{
	own(free_entries) struct entries all = {};
	int index = link_index(name);

	if (index <= 0)
		return;
	int error = read_about(&j->netlink, index, &all);
	if (error)
		fault(j, error, name, "read", "addresses");
	for (size_t i = 0; i < all.count; i++)
		if (all.list[i].mark == MARK)
			hold(j->all, &all.list[i].addr, name);
}

// Link-local addresses came by themselves and go with the link.
static bool is_empty(const struct entries *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (!ip_is_link_local(&all->list[i].addr))
			return false;
	return true;
}

static void release_link(struct job *j, const char *name)
{
	own(free_entries) struct entries all = {};
	int index = link_index(name);

	if (index <= 0)
		return;
	int error = read_link(&j->netlink, index, &all);
	if (!error && is_empty(&all))
		error = link_release(&j->netlink, name, index);
	if (error && error != -EINTR) // then it stays, as it may not be empty
		fault(j, error, name, "remove", "link");
}

static bool holds_any(struct addresses *a, const char *link)
{
	struct held *h;

	list_for_each(h, &a->held, node) if (strcmp(h->link, link) == 0) return true;
	return false;
}

static void remove_unwanted(struct job *j)
{
	struct held *h;

	list_for_each(h, &j->all->held, node)
	{
		if (h->wanted)
			continue;
		int index = link_index(h->link);
		int error = index <= 0 ? 0 : delete_address(&j->netlink, index, &h->addr);
		if (error) {
			fault_addr(j, error, h->link, "remove", &h->addr);
			continue;
		}
		own(free_ptr) char *link = mem_strdup(h->link);
		drop(&h);
		if (!holds_any(j->all, link))
			release_link(j, link);
	}
}

static void adopt_all(struct job *j)
{
	struct held *h;

	list_for_each(h, &j->all->held, node) h->wanted = false;
	adopt_leftovers(j, LINK_NAME);
	if (!j->conf)
		return;
	items_for_each(
		struct conf_service, s, j->conf->services) if (strcmp(s->interface, LINK_NAME) != 0)
		adopt_leftovers(j, s->interface);
}

static void apply_all(struct job *j, const bool *released, bool *ready)
{
	const struct conf_service *services = j->conf->services.data;

	for (size_t i = 0; i < j->conf->services.count; i++) {
		size_t faults = j->faults;
		j->blind = false;
		if (!released || !released[i])
			apply_service(j, &services[i]);
		if (!j->blind)
			ready[i] = j->faults == faults;
	}
}

static int work(struct addresses *a, const struct conf *conf, const bool *released, bool *ready,
	struct strbuf *text)
{
	struct job j = { .all = a, .conf = conf, .text = text };
	int error = netlink_open(&j.netlink, NETLINK_ROUTE);

	if (error) {
		sb_printf(text, "netlink: %s", strerror(-error));
		return error;
	}
	adopt_all(&j);
	if (conf)
		apply_all(&j, released, ready);
	remove_unwanted(&j);
	free_entries(&j.now);
	netlink_close(&j.netlink);
	return j.error;
}

int addresses_apply(struct addresses *a, const struct conf *conf, const bool *released, bool *ready,
	struct strbuf *error)
{
	return work(a, conf, released, ready, error);
}

size_t addresses_added(const struct addresses *a)
{
	return a->added;
}

int addresses_remove(struct addresses *a, struct strbuf *error)
{
	return work(a, NULL, NULL, NULL, error);
}
