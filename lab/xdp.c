#include "lab/xdp.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab/netns.h"
#include "lab/rtnl.h"
#include "lib/mem.h"

// A feature of ethtool(8), off.
static int switch_off(const struct link_end *e, uint32_t command)
{
	own(close_fd) int fd = netns_socket(e->node->netns, AF_INET, SOCK_DGRAM, 0);
	struct ethtool_value value = { .cmd = command };
	struct ifreq ifr = { .ifr_data = (char *)&value };

	if (fd < 0)
		return fd;
	memcpy(ifr.ifr_name, e->ifname, strlen(e->ifname) + 1);
	return ioctl(fd, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
}

// return XDP_PASS;
static int load_pass(void)
{
	static const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)program,
		.insn_cnt = countof(program),
		.license = (uintptr_t) "",
		.prog_name = "lab_pass",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

static int poll_at(const struct link_end *e)
{
	own(close_fd) int program = load_pass();

	return program < 0 ? program : rtnl_set_xdp(e->node->netns, e->ifname, program);
}

int xdp_suit_taps(const struct lab_link *l)
{
	int rc = switch_off(&l->a, ETHTOOL_STXCSUM);

	if (rc == 0)
		rc = switch_off(&l->b, ETHTOOL_STXCSUM);
	return rc < 0 ? rc : switch_off(&l->b, ETHTOOL_SGRO);
}

int xdp_suit_veth(const struct lab_link *l)
{
	int rc = xdp_suit_taps(l);

	if (rc == 0)
		rc = switch_off(&l->a, ETHTOOL_SGRO);
	return rc < 0 ? rc : poll_at(&l->a);
}
