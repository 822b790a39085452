#include "nearcastd/tcpao.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "lib/own.h"

// The kernel's interface does not change: where its fields lie.
static_assert(sizeof(struct tcpao_add) == 288 && offsetof(struct tcpao_add, key) == 208);
static_assert(offsetof(struct tcpao_add, prefix_len) == 202);
static_assert(sizeof(struct tcpao_del) == 144 && offsetof(struct tcpao_del, prefix_len) == 138);
static_assert(sizeof(struct tcpao_info) == 48);

enum { MAC_OCTETS = 12 }; // 96 bits, RFC 5926 sections 3.2.1 and 3.2.2

// As the kernel's crypto layer calls them. It derives the traffic keys (RFC 5926 section 3.1.1),
// also those of AES-128-CMAC from a master key of any length (section 3.1.1.2).
static const char *const names[] = {
	[CONF_AO_HMAC_SHA_1_96] = "hmac(sha1)",
	[CONF_AO_AES_128_CMAC_96] = "cmac(aes128)",
};
static_assert(countof(names) == CONF_AO_ALGORITHM_MAX);

struct tcpao_add tcpao_add_of(
	const struct ip_prefix *remotes, const struct conf_ao_key *key, bool current)
{
	struct tcpao_add a = {
		.set_current = current,
		.set_rnext = current,
		.prefix_len = remotes->len,
		.send_id = (uint8_t)key->id,
		.receive_id = (uint8_t)key->receive_id,
		.mac_len = MAC_OCTETS,
	};
	size_t len = strnlen(key->secret, TCPAO_KEY_MAX);

	(void)ip_to_sockaddr(&remotes->addr, 0, &a.remote);
	memcpy(a.algorithm, names[key->algorithm], strlen(names[key->algorithm]));
	a.key_len = (uint8_t)len;
	memcpy(a.key, key->secret, len);
	return a;
}

struct tcpao_del tcpao_del_of(const struct ip_prefix *remotes, const struct conf_ao_key *key)
{
	struct tcpao_del d = {
		.prefix_len = remotes->len,
		.send_id = (uint8_t)key->id,
		.receive_id = (uint8_t)key->receive_id,
	};

	(void)ip_to_sockaddr(&remotes->addr, 0, &d.remote);
	return d;
}

int tcpao_probe(enum conf_ao_algorithm algorithm)
{
	char secret[] = "probe";
	const struct conf_ao_key key = { .algorithm = algorithm, .secret = secret };
	struct ip_addr loopback = ip_from_u32(INADDR_LOOPBACK);
	struct ip_prefix remotes = prefix_of(&loopback, 32);
	struct tcpao_add add = tcpao_add_of(&remotes, &key, false);
	own(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCPAO_ADD_KEY, &add, sizeof(add)) < 0)
		return -errno;
	return 0;
}
