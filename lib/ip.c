#include "lib/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"

unsigned ip_bits(enum ip_family family)
{
	return family == IP4 ? 32 : 128;
}

size_t ip_bytes(enum ip_family family)
{
	return family == IP4 ? 4 : 16;
}

int ip_parse(struct ip_addr *ret, const char *text)
{
	struct ip_addr a = { .family = strchr(text, ':') ? IP6 : IP4 };

	if (inet_pton(a.family == IP4 ? AF_INET : AF_INET6, text, a.b) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

const char *ip_print(const struct ip_addr *a, char buf[IP_TEXT])
{
	if (a->family == IP_NONE)
		return snprintf(buf, IP_TEXT, "-"), buf;
	return inet_ntop(a->family == IP4 ? AF_INET : AF_INET6, a->b, buf, IP_TEXT);
}

int ip_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return a->family - b->family;
	return memcmp(a->b, b->b, sizeof(a->b));
}

bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_cmp(a, b) == 0;
}

bool ip_is_unspecified(const struct ip_addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->b, zero, sizeof(zero)) == 0;
}

bool ip_is_loopback(const struct ip_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == IP4 ? a->b[0] == 127 : memcmp(a->b, one, sizeof(one)) == 0;
}

bool ip_is_multicast(const struct ip_addr *a)
{
	return a->family == IP4 ? (a->b[0] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

bool ip_is_link_local(const struct ip_addr *a)
{
	if (a->family == IP4)
		return a->b[0] == 169 && a->b[1] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

struct ip_addr ip_from_u32(uint32_t host_order)
{
	return (struct ip_addr){ .family = IP4,
		.b = { (uint8_t)(host_order >> 24), (uint8_t)(host_order >> 16),
			(uint8_t)(host_order >> 8), (uint8_t)host_order } };
}

uint32_t ip_to_u32(const struct ip_addr *a)
{
	return (uint32_t)a->b[0] << 24 | (uint32_t)a->b[1] << 16 | (uint32_t)a->b[2] << 8 | a->b[3];
}

struct ip_addr ip_from_bytes(enum ip_family family, const uint8_t *bytes)
{
	struct ip_addr a = { .family = (uint8_t)family };

	memcpy(a.b, bytes, ip_bytes(family));
	return a;
}

struct ip_addr ip_from_sockaddr(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;
		return ip_from_bytes(IP4, (const uint8_t *)&in->sin_addr);
	}
	if (sa->sa_family != AF_INET6)
		return (struct ip_addr){};
	const struct sockaddr_in6 *in6 = (const void *)sa;
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return ip_from_bytes(IP4, in6->sin6_addr.s6_addr + 12);
	return ip_from_bytes(IP6, in6->sin6_addr.s6_addr);
}

socklen_t ip_to_sockaddr(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage){};
	if (a->family == IP4) {
		struct sockaddr_in *in = (void *)ret;
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->b, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (void *)ret;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->b, 16);
	return sizeof(*in6);
}

static void clear_host_bits(struct ip_addr *a, unsigned len)
{
	for (unsigned i = 0; i < sizeof(a->b); i++) {
		unsigned bits = len > i * 8 ? len - i * 8 : 0;
		if (bits < 8)
			a->b[i] &= (uint8_t)(0xff00u >> bits);
	}
}

int prefix_parse(struct ip_prefix *ret, const char *text)
{
	const char *slash = strchr(text, '/');
	char host[IP_TEXT];
	struct ip_prefix p = {};

	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (ip_parse(&p.addr, host) < 0)
		return -EINVAL;
	if (strspn(slash + 1, "0123456789") != strlen(slash + 1) || !slash[1] || strlen(slash) > 4)
		return -EINVAL;
	unsigned long len = strtoul(slash + 1, NULL, 10);
	if (len > ip_bits(p.addr.family))
		return -EINVAL;
	*ret = prefix_of(&p.addr, (unsigned)len);
	return ip_equal(&ret->addr, &p.addr) ? 0 : -EDOM;
}

const char *prefix_print(const struct ip_prefix *p, char buf[PREFIX_TEXT])
{
	ip_print(&p->addr, buf);
	size_t n = strlen(buf);
	snprintf(buf + n, PREFIX_TEXT - n, "/%u", p->len);
	return buf;
}

struct ip_prefix prefix_of(const struct ip_addr *a, unsigned len)
{
	struct ip_prefix p = { .addr = *a, .len = (uint8_t)len };

	clear_host_bits(&p.addr, len);
	return p;
}

int prefix_cmp(const struct ip_prefix *a, const struct ip_prefix *b)
{
	int c = ip_cmp(&a->addr, &b->addr);

	return c ? c : a->len - b->len;
}

bool prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return prefix_cmp(a, b) == 0;
}

bool prefix_contains(const struct ip_prefix *p, const struct ip_addr *a)
{
	if (p->addr.family != a->family)
		return false;
	struct ip_prefix around = prefix_of(a, p->len);
	return ip_equal(&around.addr, &p->addr);
}

bool prefix_covers(const struct ip_prefix *outer, const struct ip_prefix *inner)
{
	return outer->len <= inner->len && prefix_contains(outer, &inner->addr);
}

uint64_t prefix_hash(const struct ip_prefix *p)
{
	uint8_t key[sizeof(p->addr.b) + 2];

	memcpy(key, p->addr.b, sizeof(p->addr.b));
	key[16] = p->addr.family;
	key[17] = p->len;
	return hash_bytes(key, sizeof(key));
}

struct ip_prefix prefix_read(struct rd *r, enum ip_family family)
{
	struct ip_prefix p = { .addr.family = (uint8_t)family };

	p.len = rd_u8(r);
	if (p.len > ip_bits(family)) {
		r->bad = true;
		return p;
	}
	size_t n = (p.len + 7u) / 8;
	const uint8_t *bytes = rd_bytes(r, n);
	if (bytes)
		memcpy(p.addr.b, bytes, n);
	clear_host_bits(&p.addr, p.len);
	return p;
}

void prefix_write(struct wr *w, const struct ip_prefix *p)
{
	wr_u8(w, p->len);
	wr_bytes(w, p->addr.b, (p->len + 7u) / 8);
}
