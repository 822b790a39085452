// TCP-AO as Linux 6.7 has it: options 38 to 40 of IPPROTO_TCP and their structs, which the headers
// of older systems lack.
#pragma once

#include <sys/socket.h>

#include "conf/conf.h"

enum { TCPAO_ADD_KEY = 38, TCPAO_DEL_KEY = 39, TCPAO_INFO = 40 };
enum { TCPAO_KEY_MAX = 80, TCPAO_ALGORITHM_TEXT = 64 };

struct tcpao_add {
	struct sockaddr_storage remote;
	char algorithm[TCPAO_ALGORITHM_TEXT];
	int32_t ifindex; // of a VRF
	uint32_t set_current : 1, set_rnext : 1, reserved : 30;
	uint16_t reserved2;
	uint8_t prefix_len;
	uint8_t send_id;
	uint8_t receive_id;
	uint8_t mac_len; // octets
	uint8_t key_flags;
	uint8_t key_len;
	uint8_t key[TCPAO_KEY_MAX];
} __attribute__((aligned(8)));

struct tcpao_del {
	struct sockaddr_storage remote;
	int32_t ifindex;
	uint32_t set_current : 1, set_rnext : 1, del_async : 1, reserved : 29;
	uint16_t reserved2;
	uint8_t prefix_len;
	uint8_t send_id;
	uint8_t receive_id;
	uint8_t current_id, rnext_id; // that take the key's place
	uint8_t key_flags;
} __attribute__((aligned(8)));

struct tcpao_info {
	uint32_t set_current : 1, set_rnext : 1, ao_required : 1, set_counters : 1,
		accept_icmps : 1, reserved : 27;
	uint16_t reserved2;
	uint8_t current_id, rnext_id;
	uint64_t good, bad, key_not_found, required, dropped_icmp;
} __attribute__((aligned(8)));

// current: sign with this one, and ask the neighbour to; not on a socket that listens.
struct tcpao_add tcpao_add_of(
	const struct ip_prefix *remotes, const struct conf_ao_key *key, bool current);
struct tcpao_del tcpao_del_of(const struct ip_prefix *remotes, const struct conf_ao_key *key);

// 0; -ENOPROTOOPT: the kernel has no TCP-AO; another negative errno: not this algorithm.
[[nodiscard]] int tcpao_probe(enum conf_ao_algorithm algorithm);
